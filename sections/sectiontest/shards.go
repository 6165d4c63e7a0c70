package sectiontest

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/orgexport/orgexport/export"
)

// checkShards splits a section that can be split, exports the shards, the last one first, and
// compares what they wrote with the section's whole output. That may have its files in another order:
// each shard has a part of them, in that order.
func checkShards(c *checker) error {
	s := c.fresh()
	splitter, ok := s.(export.Splitter)
	if !ok {
		return skipped("the section is no Splitter")
	}
	scope := c.Scope
	scope.Range = ""
	ranges, err := c.split(splitter, scope)
	if err != nil {
		return err
	}
	again, err := c.split(c.fresh().(export.Splitter), scope) //nolint:forcetypeassert // all are equal
	if err != nil {
		return err
	}
	if !slices.Equal(ranges, again) {
		return fmt.Errorf("split returned %d ranges, and then %d or others", len(ranges), len(again))
	}
	if err := c.checkUnknownRanges(s, scope, ranges); err != nil || len(ranges) < 2 {
		return err
	}
	whole, err := c.healthy(s, scope)
	if err != nil {
		return err
	}
	shards := make([]*Recorder, len(ranges))
	for i, text := range slices.Backward(ranges) {
		scope.Range = text
		if shards[i], err = c.ofRange(s, scope); err != nil {
			return fmt.Errorf("shard %d of %d: %w", i+1, len(ranges), err)
		}
	}
	return compareShards(whole, shards)
}

// split calls Split.
func (c *checker) split(s export.Splitter, scope export.Scope) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.patience())
	defer cancel()
	ranges, err := s.Split(ctx, scope)
	if err != nil {
		return nil, fmt.Errorf("split failed for organization %q: %w", scope.Organization.ID, err)
	}
	return ranges, nil
}

// ofRange is healthy for a shard, which may have nothing to write.
func (c *checker) ofRange(s export.Section, scope export.Scope) (*Recorder, error) {
	some := *c
	some.full = false
	return some.healthy(s, scope)
}

// checkUnknownRanges returns an error if Export takes ranges that Split has not returned.
func (c *checker) checkUnknownRanges(s export.Section, scope export.Scope, ranges []string) error {
	unknown := []string{"\x00", "no range"}
	for _, text := range ranges {
		unknown = append(unknown, text+" ", text[1:], text[:len(text)-1])
	}
	for _, scope.Range = range unknown {
		if scope.Range == "" || slices.Contains(ranges, scope.Range) {
			continue
		}
		r := NewRecorder(context.Background())
		err, failure := c.run(context.Background(), s, scope, r)
		switch {
		case failure != nil:
			return failure
		case err == nil:
			return fmt.Errorf("export took the range %q, which split has not returned", scope.Range)
		case len(r.Calls()) > 0:
			return fmt.Errorf("export wrote for a range which split has not returned: %v", r.Calls())
		}
	}
	return nil
}

// compareShards returns an error if shards have not together what the whole has.
func compareShards(whole *Recorder, shards []*Recorder) error {
	joined := make(map[string]*Call)
	skips := 0
	for i, r := range shards {
		skips += len(r.Skips())
		at := 0 // in the calls of the whole
		for _, call := range r.Calls() {
			if !call.wrote() {
				continue
			}
			if at = nextCall(whole.calls, at, call.Name); at == 0 {
				return fmt.Errorf("shard %d wrote %s, which the section as a whole does not, or in another order", i+1, call.Name)
			}
			if err := join(joined, call); err != nil {
				return fmt.Errorf("shard %d: %w", i+1, err)
			}
		}
	}
	for _, call := range whole.Calls() {
		if !call.wrote() {
			continue
		}
		got := joined[call.Name]
		if got == nil {
			return fmt.Errorf("no shard wrote %s", call.Name)
		}
		if err := compareCalls(call, *got); err != nil {
			return fmt.Errorf("%s of all shards: %w", call.Name, err)
		}
	}
	if n := len(whole.Skips()); n != skips {
		return fmt.Errorf("shards skipped %d items, and the section as a whole %d", skips, n)
	}
	return nil
}

// nextCall returns the number, from 1 on, of the call that wrote a file behind that number. It is
// 0 if there is none.
func nextCall(calls []Call, at int, name string) int {
	for i, c := range calls[at:] {
		if c.Name == name && c.wrote() {
			return at + i + 1
		}
	}
	return 0
}

// join adds a file of a shard to those of the shards before.
func join(joined map[string]*Call, call Call) error {
	before := joined[call.Name]
	switch {
	case before == nil:
		call.Records = slices.Clone(call.Records)
		joined[call.Name] = &call
	case call.Op != Records || before.Op != Records:
		return fmt.Errorf("%s is written by two shards, and not by Records", call.Name)
	case !slices.Equal(before.Columns, call.Columns):
		return fmt.Errorf("%s has other columns than in the shard before", call.Name)
	default:
		before.Records = append(before.Records, call.Records...)
	}
	return nil
}

// compareCalls returns an error if two calls wrote other contents.
func compareCalls(whole, shards Call) error {
	for i := range min(len(whole.Records), len(shards.Records)) {
		if !bytes.Equal(whole.Records[i], shards.Records[i]) {
			return fmt.Errorf("record %d is %.200s, and %.200s in the section as a whole", i+1, shards.Records[i], whole.Records[i])
		}
	}
	switch {
	case len(whole.Records) != len(shards.Records):
		return fmt.Errorf("there are %d records, and %d in the section as a whole", len(shards.Records), len(whole.Records))
	case whole.Op != shards.Op, !slices.Equal(whole.Columns, shards.Columns), !bytes.Equal(whole.Content, shards.Content), !whole.Modified.Equal(shards.Modified):
		return fmt.Errorf("kind, columns, content or time are others than in the section as a whole")
	}
	return nil
}

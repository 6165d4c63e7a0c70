package sectiontest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/orgexport/orgexport/export"
)

func checkKey(c *checker) error {
	s := c.fresh()
	key := s.Key()
	if err := export.CheckKey(key); err != nil {
		return err
	}
	if _, err := c.healthy(s, c.Scope); err != nil {
		return err
	}
	for _, again := range []export.Section{s, c.fresh()} {
		if k := again.Key(); k != key {
			return fmt.Errorf("key was %q and is %q now", key, k)
		}
	}
	return nil
}

func checkRecords(c *checker) error {
	r, err := c.healthy(c.fresh(), c.Scope)
	if err != nil {
		return err
	}
	var errs []error
	for _, call := range r.Calls() {
		for i, value := range call.Records {
			if err := checkObject(value); err != nil {
				errs = append(errs, fmt.Errorf("%s: record %d: %w", call.Name, i+1, err))
			}
		}
	}
	return errors.Join(errs...)
}

// checkObject returns an error if a valid JSON text is not an object, or has a field twice.
func checkObject(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return fmt.Errorf("%.100s is not an object", text)
	}
	seen := make(map[any]bool)
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("has two fields %q", name)
		}
		seen[name] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
	}
	return nil
}

// checkNames returns an error if the sink refused names and the section neither skipped
// nor returned them. A section may try names that come from data.
func checkNames(c *checker) error {
	r, err := c.healthy(c.fresh(), c.Scope)
	if err != nil {
		return err
	}
	var refused []error
	var bad *export.NameError
	for _, call := range r.Calls() {
		if call.Op != Skip && errors.As(call.Err, &bad) {
			refused = append(refused, call.Err)
		}
	}
	if len(refused) > len(r.Skips()) {
		return fmt.Errorf("refused names were neither skipped nor returned: %w", errors.Join(refused...))
	}
	return nil
}

func checkTwoRuns(c *checker) error {
	s := c.fresh()
	first := ""
	for i, s := range []export.Section{s, s, c.fresh()} {
		r, err := c.healthy(s, c.Scope)
		if err != nil {
			return err
		}
		text := r.transcript(nil)
		if i == 0 {
			first = text
		}
		if text != first {
			return fmt.Errorf("run %d differs from the first: %s", i+1, firstDifference(first, text))
		}
	}
	return nil
}

func checkParallel(c *checker) error {
	scopes := []export.Scope{c.Scope, c.OtherScope, c.Scope, c.OtherScope}
	if c.OtherScope.Organization.ID == "" {
		scopes = []export.Scope{c.Scope, c.Scope}
	}
	s := c.fresh()
	alone := make([]string, len(scopes))
	for i, scope := range scopes {
		r, err := c.healthy(s, scope)
		if err != nil {
			return err
		}
		alone[i] = r.transcript(nil)
	}
	errs := make([]error, len(scopes))
	var wg sync.WaitGroup
	for i, scope := range scopes {
		wg.Go(func() {
			r, err := c.healthy(s, scope)
			if err == nil && r.transcript(nil) != alone[i] {
				err = fmt.Errorf("organization %q: a run beside others differs from one alone: %s",
					scope.Organization.ID, firstDifference(alone[i], r.transcript(nil)))
			}
			errs[i] = err
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func checkOtherScope(c *checker) error {
	if c.OtherScope.Organization.ID == "" {
		return skipped("OtherScope has no organization")
	}
	s := c.fresh()
	ours, err := c.healthy(s, c.Scope)
	if err != nil {
		return err
	}
	others, err := c.healthy(s, c.OtherScope)
	if err != nil {
		return err
	}
	mine, errs := make(map[string]string), []error(nil)
	err = c.contents(ours, func(name, content string) {
		mine[content] = name
		if strings.Contains(content, c.OtherScope.Organization.ID) {
			errs = append(errs, fmt.Errorf("%s of organization %q has the id of the other", name, c.Scope.Organization.ID))
		}
	})
	errs = append(errs, err)
	err = c.contents(others, func(name, content string) {
		if there, ok := mine[content]; ok {
			errs = append(errs, fmt.Errorf("%s and the other organization's %s have the same: %.200q", there, name, content))
		}
	})
	return errors.Join(append(errs, err)...)
}

// contents calls one for each record and binary that is neither shared nor empty.
func (c *checker) contents(r *Recorder, one func(name, content string)) error {
	for _, call := range r.Calls() {
		shared, err := c.isShared(call.Name)
		if err != nil {
			return err
		}
		if shared {
			continue
		}
		for _, value := range call.Records {
			if string(value) != "{}" {
				one(call.Name, string(value))
			}
		}
		if len(call.Content) > 0 {
			one(call.Name, string(call.Content))
		}
	}
	return nil
}

// isShared reports whether a name matches one of Suite.Shared.
func (c *checker) isShared(name string) (bool, error) {
	for _, pattern := range c.Shared {
		ok, err := path.Match(pattern, name)
		if ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

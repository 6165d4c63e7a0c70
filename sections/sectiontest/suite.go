package sectiontest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
)

// Suite is what [Run] tests.
type Suite struct {
	// New returns the section to test. It is called at least once in each subtest.
	// All its sections have the same data. Required.
	New func(t *testing.T) export.Section

	// Scope is an organization whose data can be exported without an error. The
	// section must write something for it. Required.
	Scope export.Scope

	// OtherScope is another organization, with other data. If its organization has no
	// id, Run skips the test that compares the two.
	OtherScope export.Scope

	// Shared are patterns (see [path.Match]) of file names. Files that match may have
	// the same contents for both organizations.
	Shared []string

	// Open returns how many files, rows or connections the section has open; see
	// [CountFS], and the InUse of [database/sql.DBStats]. Optional: without it Run
	// only finds an [os.File] that was left open.
	Open func() int

	// Block returns a section whose source hangs until the context of Export ends,
	// and a channel that is closed when the section has asked that source. Optional.
	Block func(t *testing.T) (export.Section, <-chan struct{})

	// CloseIdle closes what a client keeps open between exports, such as idle
	// connections. It is called before goroutines are counted. Optional.
	CloseIdle func()

	// Patience is how long Export may take, and how long it may take to return after
	// its context has ended or the sink has failed. Defaults to 10 seconds.
	Patience time.Duration
}

// Run tests that a section keeps to the contract of [export.Section]. Each promise is a
// subtest. Run exports the section some hundred times: the sink fails or the context ends
// at each step, or at 64 steps if there are more. So a few records and files are enough
// data.
func Run(t *testing.T, s Suite) {
	t.Helper()
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			c := &checker{Suite: s, fresh: func() export.Section { return s.New(t) }, full: true}
			if s.Block != nil {
				c.block = func() (export.Section, <-chan struct{}) { return s.Block(t) }
			}
			err := p.check(c)
			var skip skipped
			switch {
			case errors.As(err, &skip):
				t.Skip(string(skip))
			case err != nil:
				t.Error(err)
			}
		})
	}
}

// Check is [Run] without a *testing.T and without a second organization, for example for a
// fuzz target. The section may have nothing to write. The error joins all broken promises.
func Check(section export.Section, scope export.Scope) error {
	var errs []error
	for _, p := range promises {
		c := &checker{Suite: Suite{Scope: scope}, fresh: func() export.Section { return section }}
		err := p.check(c)
		var skip skipped
		if err != nil && !errors.As(err, &skip) {
			errs = append(errs, fmt.Errorf("%s: %w", p.name, err))
		}
	}
	return errors.Join(errs...)
}

var promises = []struct {
	name  string
	check func(*checker) error
}{
	{"KeyIsValidAndStable", checkKey},
	{"RecordsAreJSONObjects", checkRecords},
	{"NamesAreValid", checkNames},
	{"TwoRunsAreEqual", checkTwoRuns},
	{"TellsFailures", checkTellsFailures},
	{"StopsWhenCancelled", checkCancel},
	{"ReturnsSinkError", checkSinkError},
	{"ShardsAreTheWhole", checkShards},
	{"ParallelScopes", checkParallel},
	{"OtherScopeSharesNothing", checkOtherScope},
	{"ClosesReaders", checkCloses},
	{"NoGoroutineLeft", checkGoroutines},
}

// skipped is the reason why a promise cannot be checked.
type skipped string

func (s skipped) Error() string { return string(s) }

// checker is what the checks work with.
type checker struct {
	Suite
	fresh func() export.Section                    // Suite.New
	block func() (export.Section, <-chan struct{}) // Suite.Block, or nil
	full  bool                                     // an export without a call is an error
}

func (c *checker) patience() time.Duration {
	if c.Patience == 0 {
		return 10 * time.Second
	}
	return c.Patience
}

// run exports and returns the error of Export as result. failure says that Export did not
// return in time, or panicked.
func (c *checker) run(ctx context.Context, s export.Section, scope export.Scope, r *Recorder) (result, failure error) {
	type end struct{ result, failure error }
	done := make(chan end, 1)
	go func() {
		e := end{failure: errors.New("export ended its goroutine")}
		defer func() {
			if v := recover(); v != nil {
				e = end{failure: fmt.Errorf("export panicked: %v", v)}
			}
			done <- e
		}()
		e = end{result: s.Export(ctx, scope, r)}
	}()
	timer := time.NewTimer(c.patience())
	defer timer.Stop()
	select {
	case e := <-done:
		return e.result, e.failure
	case <-timer.C:
		return nil, fmt.Errorf("export did not return within %v", c.patience())
	}
}

// healthy exports scope with a sink that does not fail. An error of Export is an error.
func (c *checker) healthy(s export.Section, scope export.Scope) (*Recorder, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := NewRecorder(ctx)
	err, failure := c.run(ctx, s, scope, r)
	switch {
	case failure != nil:
		return nil, failure
	case err != nil:
		return nil, fmt.Errorf("export failed for organization %q: %w", scope.Organization.ID, err)
	case c.full && len(r.calls) == 0:
		return nil, fmt.Errorf("export wrote nothing for organization %q: with no data there is nothing to test", scope.Organization.ID)
	}
	return r, nil
}

// samples returns numbers from 1 to n: all of them or, if n is greater than 64, 64 of them.
func samples(n int) []int {
	const most = 64
	count := min(n, most)
	list := make([]int, count)
	for i := range list {
		list[i] = i + 1
		if n > most && i >= most/2 { // the first ones, and then evenly
			list[i] = most/2 + (i+1-most/2)*(n-most/2)/(most/2)
		}
	}
	return list
}

// firstDifference says in which line two texts differ first.
func firstDifference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range max(len(as), len(bs)) {
		was, is := "nothing", "nothing"
		if i < len(as) {
			was = fmt.Sprintf("%.200q", as[i])
		}
		if i < len(bs) {
			is = fmt.Sprintf("%.200q", bs[i])
		}
		if was != is {
			return fmt.Sprintf("line %d is %s in one and %s in the other", i+1, was, is)
		}
	}
	return "no difference"
}

package kittest

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// Mutant is a defect and what a kit says of it. Break puts the defect into an
// implementation M without any; the test of Promise has to report Want then. Want
// may be several texts with " & " between them. Mutant is an alias of its struct, so
// that tables need no field names.
type Mutant[M any] = struct {
	Promise string
	Break   func(m M)
	Want    string
}

// TestMutants proves that a kit can fail. It fails for each mutant that the test of
// its promise does not report, and for each promise without a mutant. fresh calls
// breaks with a new M and returns what the kit tests. Time is fake: no test waits.
func TestMutants[P, M any](t *testing.T, promises []Promise[P], fresh func(breaks func(M)) P, mutants []Mutant[M]) {
	t.Helper()
	proven := make(map[string]bool)
	for _, m := range mutants {
		proven[m.Promise] = true
		t.Run(m.Promise+" "+m.Want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := Findings(t, promises, m.Promise, fresh(m.Break))
				for want := range strings.SplitSeq(m.Want, " & ") {
					if !strings.Contains(got, want) {
						t.Errorf("%s says %q, want %q in it", m.Promise, got, want)
					}
				}
			})
		})
	}
	for _, p := range promises {
		if !proven[p.Name] {
			t.Errorf("nothing proves that %s can fail", p.Name)
		}
	}
}

// Instead returns what breaks sets. It is the argument fresh of [TestMutants] if the
// mutants replace the whole implementation.
func Instead[P any](breaks func(*P)) P {
	var p P
	breaks(&p)
	return p
}

// TestForgotten proves that the promise EveryFieldSurvives covers each field of T.
// forgetful returns what the kit tests, with forget called for each T that comes
// out.
func TestForgotten[T, P any](t *testing.T, promises []Promise[P], forgetful func(forget func(*T)) P) {
	t.Helper()
	for i := range reflect.TypeFor[T]().NumField() {
		name := reflect.TypeFor[T]().Field(i).Name
		port := forgetful(func(v *T) { reflect.ValueOf(v).Elem().Field(i).SetZero() })
		if got := Findings(t, promises, "EveryFieldSurvives", port); got == "" {
			t.Errorf("nobody notices that %s is forgotten", name)
		}
	}
}

// Findings returns what the test of one promise reports about port, one report a
// line, or "" if the test passes.
func Findings[P any](t *testing.T, promises []Promise[P], name string, port P) string {
	t.Helper()
	for _, p := range promises {
		if p.Name == name {
			return Reasons(t, func(t testing.TB) { p.Test(t, port) })
		}
	}
	t.Fatalf("no promise %s", name)
	return ""
}

// Reasons returns what a test reports, one report a line.
func Reasons(t *testing.T, test func(t testing.TB)) string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() { // which Fatal ends
		defer close(done)
		test(r)
	}()
	<-done
	return strings.Join(r.texts, "\n")
}

// recorder is a test that notes failures in place of failing.
type recorder struct {
	testing.TB
	mu    sync.Mutex
	texts []string
}

func (r *recorder) note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts = append(r.texts, text)
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.texts) > 0
}

func (r *recorder) Error(args ...any)                 { r.note(fmt.Sprint(args...)) }
func (r *recorder) Errorf(format string, args ...any) { r.note(fmt.Sprintf(format, args...)) }
func (r *recorder) Fatal(args ...any)                 { r.Error(args...); runtime.Goexit() }
func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...); runtime.Goexit() }
func (r *recorder) Skipf(format string, args ...any) {
	r.note("skip: " + fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// Deaf reports whether methods ignore that their context has ended.
type Deaf bool

// Hears returns ctx, or one that never ends.
func (d Deaf) Hears(ctx context.Context) context.Context {
	if d {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// Pair is a meeting point of two goroutines.
type Pair struct {
	mu   sync.Mutex
	n    int
	both chan struct{}
}

// NewPair returns a meeting point where nobody is yet.
func NewPair() *Pair { return &Pair{both: make(chan struct{})} }

// Arrive waits until two goroutines have called it. Later calls do not wait.
func (p *Pair) Arrive() {
	p.mu.Lock()
	p.n++
	if p.n == 2 {
		close(p.both)
	}
	p.mu.Unlock()
	<-p.both
}

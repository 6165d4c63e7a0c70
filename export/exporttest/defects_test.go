package exporttest

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// recorder is a test that writes down why it fails.
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

func (r *recorder) Error(args ...any)                 { r.note(fmt.Sprint(args...)) }
func (r *recorder) Errorf(format string, args ...any) { r.note(fmt.Sprintf(format, args...)) }
func (r *recorder) Fatal(args ...any)                 { r.Error(args...); runtime.Goexit() }
func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...); runtime.Goexit() }
func (r *recorder) Skipf(format string, args ...any) {
	r.note("skip: " + fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// findings is what the test of a promise says of a port.
func findings[P any](t *testing.T, promises []promise[P], name string, port P) string {
	t.Helper()
	for _, p := range promises {
		if p.name != name {
			continue
		}
		return reasons(t, func(t testing.TB) { p.test(t, port) })
	}
	t.Fatalf("no promise %s", name)
	return ""
}

// reasons are why a test fails.
func reasons(t *testing.T, test func(t testing.TB)) string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() { // which Fatal ends
		defer close(done)
		test(r)
	}()
	<-done
	return strings.Join(r.texts, "\n")
}

// defect is a port that breaks a promise, and what the kit is to say of it.
type defect[P any] struct {
	name    string
	promise string
	want    string
	port    P
}

// testDefects proves that a kit can fail: in each promise, and for the reason
// that it gives.
func testDefects[P any](t *testing.T, promises []promise[P], defects []defect[P]) {
	t.Helper()
	proven := make(map[string]bool)
	for _, d := range defects {
		proven[d.promise] = true
		t.Run(d.name, func(t *testing.T) {
			if got := findings(t, promises, d.promise, d.port); !strings.Contains(got, d.want) {
				t.Errorf("%s says %q, want %q in it", d.promise, got, d.want)
			}
		})
	}
	for _, p := range promises {
		if !proven[p.name] {
			t.Errorf("nothing proves that %s can fail", p.name)
		}
	}
}

// testForgotten proves that a kit notices each field of T that a port forgets,
// also one that is added later.
func testForgotten[T, P any](t *testing.T, promises []promise[P], forgetful func(forget func(*T)) P) {
	t.Helper()
	for i := range reflect.TypeFor[T]().NumField() {
		name := reflect.TypeFor[T]().Field(i).Name
		port := forgetful(func(v *T) { reflect.ValueOf(v).Elem().Field(i).SetZero() })
		if got := findings(t, promises, "EveryFieldSurvives", port); got == "" {
			t.Errorf("nobody notices that %s is forgotten", name)
		}
	}
}

// pair lets the first two who arrive wait for each other.
type pair struct {
	mu   sync.Mutex
	n    int
	both chan struct{}
}

func newPair() *pair { return &pair{both: make(chan struct{})} }

func (p *pair) arrive() {
	p.mu.Lock()
	p.n++
	if p.n == 2 {
		close(p.both)
	}
	p.mu.Unlock()
	<-p.both
}

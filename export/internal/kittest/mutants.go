package kittest

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// Recorder is a [testing.TB] that notes failures in place of failing.
type Recorder struct {
	testing.TB
	mu    sync.Mutex
	texts []string
}

// Note adds a text to the failures.
func (r *Recorder) Note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts = append(r.texts, text)
}

// Error implements [testing.TB].
func (r *Recorder) Error(args ...any) { r.Note(fmt.Sprint(args...)) }

// Errorf implements [testing.TB].
func (r *Recorder) Errorf(format string, args ...any) { r.Note(fmt.Sprintf(format, args...)) }

// Fatal implements [testing.TB].
func (r *Recorder) Fatal(args ...any) { r.Error(args...); runtime.Goexit() }

// Fatalf implements [testing.TB].
func (r *Recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...); runtime.Goexit() }

// Skipf implements [testing.TB].
func (r *Recorder) Skipf(format string, args ...any) {
	r.Note("skip: " + fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// Findings returns what the test of one promise reports about port, one report a
// line, or "" if the test passes.
func Findings[P any](t *testing.T, promises []Promise[P], name string, port P) string {
	t.Helper()
	for _, p := range promises {
		if p.Name != name {
			continue
		}
		return Reasons(t, func(t testing.TB) { p.Test(t, port) })
	}
	t.Fatalf("no promise %s", name)
	return ""
}

// Reasons returns what a test reports, one report a line.
func Reasons(t *testing.T, test func(t testing.TB)) string {
	r := &Recorder{TB: t}
	done := make(chan struct{})
	go func() { // which Fatal ends
		defer close(done)
		test(r)
	}()
	<-done
	return strings.Join(r.texts, "\n")
}

// Defect is an implementation that breaks a promise, and a text that the test of
// this promise has to report.
type Defect[P any] = struct {
	Name    string
	Promise string
	Want    string
	Port    P
}

// TestDefects proves that a kit can fail. Each defect must be reported by the test
// of its promise, and each promise must have a defect.
func TestDefects[P any](t *testing.T, promises []Promise[P], defects []Defect[P]) {
	t.Helper()
	proven := make(map[string]bool)
	for _, d := range defects {
		proven[d.Promise] = true
		t.Run(d.Name, func(t *testing.T) {
			if got := Findings(t, promises, d.Promise, d.Port); !strings.Contains(got, d.Want) {
				t.Errorf("%s says %q, want %q in it", d.Promise, got, d.Want)
			}
		})
	}
	for _, p := range promises {
		if !proven[p.Name] {
			t.Errorf("nothing proves that %s can fail", p.Name)
		}
	}
}

// TestForgotten proves that the promise EveryFieldSurvives covers each field of T.
// forgetful returns an implementation that forgets what forget sets to zero.
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

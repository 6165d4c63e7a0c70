package exporttest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
)

// promise is one promise of a port's documentation and the test of it.
type promise[P any] struct {
	name string
	test func(t testing.TB, port P)
}

// run runs a kit: each promise is a subtest with a port of its own.
func run[P any](t *testing.T, promises []promise[P], fresh func(t *testing.T) P) {
	t.Helper()
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) { p.test(t, fresh(t)) })
	}
}

// Two organizations of which only the case of the letters differs: ids are
// text of 57 characters, and a store that folds them mixes up tenants.
const (
	ourOrg   = "2AbCdEfGhJkMnPqRsTuVwX"
	theirOrg = "2aBcDeFgHjKmNpQrStUvWx"
)

// shortID makes a valid short id; greater numbers have ids that sort later.
func shortID(n int) string {
	const digits = "23456789"
	id := slices.Repeat([]byte{digits[0]}, 22)
	for i := len(id) - 1; n > 0; i, n = i-1, n/len(digits) {
		id[i] = digits[n%len(digits)]
	}
	return string(id)
}

// cancelled is a context that has ended.
func cancelled(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// wantCancelled checks the error of a call whose context had ended.
func wantCancelled(t testing.TB, call string, err error) {
	t.Helper()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%s with a cancelled context gives %v, want the context's error", call, err)
	}
}

// someTime is any instant as ports keep them.
var someTime = time.Date(2026, 6, 26, 21, 0, 0, int(7*time.Millisecond), time.UTC)

// filler makes values of which none is zero and no two are alike.
type filler struct{ n int }

// filled returns a T of which no field is zero, so that a field that is
// forgotten is noticed, also one that is added later.
func filled[T any](t testing.TB, f *filler) T {
	t.Helper()
	var v T
	f.fill(t, reflect.TypeFor[T]().String(), reflect.ValueOf(&v).Elem())
	return v
}

func (f *filler) fill(t testing.TB, name string, v reflect.Value) {
	t.Helper()
	f.n++
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString(fmt.Sprintf("%s %d é世'\"\\%%", name, f.n))
	case reflect.Int:
		v.SetInt(int64(f.n))
	case reflect.Int64:
		v.SetInt(1<<53 + 2*int64(f.n) + 1) // a float64 would lose the last bit
	case reflect.Uint8:
		v.SetUint(uint64(f.n%255 + 1))
	case reflect.Slice:
		size := 2
		if v.Type().Elem().Kind() == reflect.Uint8 {
			size = 32 // a digest
		}
		v.Set(reflect.MakeSlice(v.Type(), size, size))
		for i := range v.Len() {
			f.fill(t, name, v.Index(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			f.fill(t, name, v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(someTime.Add(time.Duration(f.n) * 1_000_003 * time.Millisecond)))
			return
		}
		for i := range v.NumField() {
			f.fill(t, name+"."+v.Type().Field(i).Name, v.Field(i))
		}
	default:
		t.Fatalf("the kit cannot fill %s: teach it %s", name, v.Kind())
	}
}

// wantSame compares two structs by their fields. Instants of got must be in UTC
// and whole milliseconds.
func wantSame[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	for i := range g.NumField() {
		name, is, was := g.Type().Field(i).Name, g.Field(i).Interface(), w.Field(i).Interface()
		if at, ok := is.(time.Time); ok {
			wantInstant(t, what+": "+name, at, was.(time.Time))
		} else if !reflect.DeepEqual(is, was) {
			t.Errorf("%s: %s is %#v, want %#v", what, name, is, was)
		}
	}
}

func wantInstant(t testing.TB, what string, got, want time.Time) {
	t.Helper()
	switch {
	case !got.Equal(want):
		t.Errorf("%s is %v, want %v", what, got, want)
	case got.Location() != time.UTC:
		t.Errorf("%s is %v, want it in UTC", what, got)
	case got.Nanosecond()%int(time.Millisecond) != 0:
		t.Errorf("%s is %v, want whole milliseconds", what, got)
	}
}

// instant is at as ports keep it.
func instant(at time.Time) time.Time { return at.UTC().Truncate(time.Millisecond) }

// jobIDs are the ids of jobs, for comparing lists.
func jobIDs(found []jobs.Job) []string {
	var ids []string
	for _, j := range found {
		ids = append(ids, j.ID)
	}
	return ids
}

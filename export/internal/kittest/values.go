package kittest

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"
)

// The ids of two organizations. They differ only in the case of their letters: a
// store that ignores case mixes them up.
const (
	OurOrg   = "2AbCdEfGhJkMnPqRsTuVwX"
	TheirOrg = "2aBcDeFgHjKmNpQrStUvWx"
)

// ShortID returns the n-th valid short id. Ids sort in the order of n.
func ShortID(n int) string {
	const digits = "23456789"
	id := slices.Repeat([]byte{digits[0]}, 22)
	for i := len(id) - 1; n > 0; i, n = i-1, n/len(digits) {
		id[i] = digits[n%len(digits)]
	}
	return string(id)
}

// SomeTime returns an instant, always the same, in UTC and whole milliseconds.
func SomeTime() time.Time {
	return time.Date(2026, 6, 26, 21, 0, 0, int(7*time.Millisecond), time.UTC)
}

// Filler makes values that are not zero and all differ. Its zero value is ready
// for use. It is not safe for concurrent use.
type Filler struct {
	// N counts the values that were made.
	N int
}

// Filled returns a T without a zero field. A test that compares it notices every
// field that a store forgets, also one that is added later.
func Filled[T any](t testing.TB, f *Filler) T {
	t.Helper()
	var v T
	f.fill(t, reflect.TypeFor[T]().String(), reflect.ValueOf(&v).Elem())
	return v
}

func (f *Filler) fill(t testing.TB, name string, v reflect.Value) {
	t.Helper()
	f.N++
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString(fmt.Sprintf("%s %d é世'\"\\%%", name, f.N))
	case reflect.Int:
		v.SetInt(int64(f.N))
	case reflect.Int64:
		v.SetInt(1<<53 + 2*int64(f.N) + 1) // a float64 would lose the last bit
	case reflect.Uint8:
		v.SetUint(uint64(f.N%255 + 1))
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
			v.Set(reflect.ValueOf(SomeTime().Add(time.Duration(f.N) * 1_000_003 * time.Millisecond)))
			return
		}
		for i := range v.NumField() {
			f.fill(t, name+"."+v.Type().Field(i).Name, v.Field(i))
		}
	default:
		t.Fatalf("the kit cannot fill %s: teach it %s", name, v.Kind())
	}
}

// Instant returns at in UTC and whole milliseconds, as stores keep instants.
func Instant(at time.Time) time.Time { return at.UTC().Truncate(time.Millisecond) }

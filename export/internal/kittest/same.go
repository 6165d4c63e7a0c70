package kittest

import (
	"reflect"
	"testing"
	"time"
)

// WantSame reports each field in which two structs differ. Instants of got must be
// in UTC and whole milliseconds. what begins the report.
func WantSame[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	for i := range g.NumField() {
		name, is, was := g.Type().Field(i).Name, g.Field(i).Interface(), w.Field(i).Interface()
		if at, ok := is.(time.Time); ok {
			WantInstant(t, what+": "+name, at, was.(time.Time))
		} else if !reflect.DeepEqual(is, was) {
			t.Errorf("%s: %s is %#v, want %#v", what, name, is, was)
		}
	}
}

// WantInstant reports an instant that is not want, not in UTC or not in whole
// milliseconds. what begins the report.
func WantInstant(t testing.TB, what string, got, want time.Time) {
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

package pgvalue

import "strings"

// fixed are the settings of PostgreSQL by which a value looks different or a query means
// something else. They have their values of a new server, and UTC, UTF-8 and the locale C:
// a role, a database or an address that sets another one changes no byte.
var fixed = []struct{ name, value string }{
	{"client_encoding", "UTF8"},
	{"TimeZone", "UTC"},
	{"DateStyle", "ISO, MDY"},
	{"IntervalStyle", "postgres"},
	{"extra_float_digits", "1"}, // as many as read back as the same number
	{"bytea_output", "hex"},
	{"xmlbinary", "base64"},
	{"xmloption", "content"},
	{"lc_monetary", "C"},
	{"lc_numeric", "C"},
	{"lc_time", "C"},
	{"standard_conforming_strings", "on"},
	{"transform_null_equals", "off"},
	{"array_nulls", "on"},
	{"quote_all_identifiers", "off"}, // of regclass and its like
	{"gin_fuzzy_search_limit", "0"},  // else a random part of the rows
}

// Fix returns the statement that gives these settings their fixed values until the end of
// the transaction: nobody else who gets the connection has them, from a pooler for example.
func Fix() string {
	calls := make([]string, len(fixed))
	for i, s := range fixed {
		calls[i] = "pg_catalog.set_config('" + s.name + "', '" + s.value + "', true)"
	}
	return "SELECT " + strings.Join(calls, ", ")
}

// Package exporttest has conformance kits for the ports of package export and
// in-memory fakes that pass them.
//
// A kit is a function Run… that takes a constructor and runs one named subtest
// for each promise of the port's documentation. An implementer calls it from
// a test of theirs.
package exporttest

// Package exporttest has conformance kits for the ports of packages export,
// export/access and export/audit, and in-memory fakes that pass them.
//
// A kit is a function Run… that takes a constructor and runs one named subtest
// for each promise of the port's documentation. An implementer calls it from
// a test of theirs:
//
//	func TestStore(t *testing.T) {
//		exporttest.RunStore(t, func(t *testing.T) jobs.Store { return newStore(t) })
//	}
//
// The fakes Mem… are for tests of what uses ports. [Faults] wraps ports of any
// kind and makes chosen calls fail.
package exporttest

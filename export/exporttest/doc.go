// Package exporttest tests spools and snapshots, and has a spool in memory for tests.
//
// [RunSpool] runs one subtest for each promise of [export.Spool]. An
// implementer calls it in a test:
//
//	func TestSpool(t *testing.T) {
//		exporttest.RunSpool(t, func(t *testing.T) export.Spool { return newSpool(t) })
//	}
//
// [RunSnapshots] does so for [export.Snapshots]. [MemSpool] is for tests of code that uses a spool.
package exporttest

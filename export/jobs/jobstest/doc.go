// Package jobstest tests implementations of the interfaces of package jobs, and
// has one of each in memory for tests.
//
// A function Run… runs one subtest for each promise of an interface: RunStore,
// RunDestination, RunDispatcher, RunSigner and RunOrganizations. An implementer calls
// it in a test:
//
//	func TestStore(t *testing.T) {
//		jobstest.RunStore(t, func(t *testing.T) jobs.Store { return newStore(t) })
//	}
//
// The types Mem… are for tests of code that uses the interfaces.
package jobstest

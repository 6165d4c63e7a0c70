// Package accesstest tests implementations of the interfaces of package access,
// and has them in memory for tests.
//
// A function Run… runs one subtest for each promise of an interface:
// RunKeyStore, RunMemberStore, RunSessionStore and RunCounter. An implementer calls
// it in a test:
//
//	func TestKeyStore(t *testing.T) {
//		accesstest.RunKeyStore(t, func(t *testing.T) access.KeyStore { return newStore(t) })
//	}
//
// The types Mem… are for tests of code that uses the interfaces. The counter in
// memory is [access.MemCounter].
package accesstest

// Package faulttest makes chosen calls of stores, spools and other ports fail.
//
// A test wraps its ports and chooses a call:
//
//	faults := faulttest.New()
//	faults.Fail("Store.Update", 2, errors.New("connection lost"))
//	store := faults.Store(new(jobstest.MemStore))
//
// The second Update of store fails. See [Faults] for all calls there are.
package faulttest

// Package kittest has what the test kits of export, jobs, access and audit
// share, and what only the tests of these packages share.
//
// A kit is a list of [Promise] values, which [Run] runs. [TestMutants] proves
// that each of them can fail.
package kittest

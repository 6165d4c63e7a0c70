// Package audittest tests audit trails, and has one in memory for tests.
//
// [RunLog] runs one subtest for each promise of [audit.Log], and of
// [audit.Reader] and [audit.Purger] if the trail is one. Who writes a trail calls
// it in a test:
//
//	func TestTrail(t *testing.T) {
//		audittest.RunLog(t, func(t *testing.T) audit.Log { return newTrail(t) })
//	}
//
// [MemLog] is for tests of code that uses a trail.
package audittest

// Package audittest tests audit trails, and has one in memory for tests.
//
// [RunTrail] runs one subtest for each promise of [audit.Trail], and of
// [audit.Reader] and [audit.Purger] if the trail is one. An implementer
// calls it in a test:
//
//	func TestTrail(t *testing.T) {
//		audittest.RunTrail(t, func(t *testing.T) audit.Trail { return newTrail(t) })
//	}
//
// [MemTrail] is for tests of code that uses a trail.
package audittest

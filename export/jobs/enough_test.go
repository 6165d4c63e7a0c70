package jobs

import "testing"

// A suspect that others ran beside is charged only if it was tried often enough.
func TestEnoughAttempts(t *testing.T) {
	for attempt, want := range map[int]int{3: 0, enoughAttempts - 1: 0, enoughAttempts: 1} {
		j := inState(and(processing(0), suspect, suspect))
		j.Attempt = attempt
		failures := j.Failures
		if _, err := stateRules.rescue(at(0), &j); err != nil || j.Failures-failures != want {
			t.Errorf("attempt %d: %d more failures, %v, want %d", attempt, j.Failures-failures, err, want)
		}
	}
}

//go:build !race

package archivetest

// RaceDetector reports whether tests look for data races.
const RaceDetector = false

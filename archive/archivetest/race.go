//go:build race

package archivetest

// RaceDetector reports whether tests look for data races. Codecs then take ten times as long,
// and programs five times as long to start.
const RaceDetector = true

//go:build race

package archivetest

// raceDetector makes codecs ten times slower.
const raceDetector = true

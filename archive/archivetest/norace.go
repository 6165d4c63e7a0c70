//go:build !race

package archivetest

const raceDetector = false

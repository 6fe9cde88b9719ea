//go:build race

package pdf

// raceDetector: memory counts several times with it.
const raceDetector = true

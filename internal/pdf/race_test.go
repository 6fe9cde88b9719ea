//go:build race

package pdf

// raceDetector: compiling PDFium takes a minute with it.
const raceDetector = true

package main

import (
	"os"
	"testing"

	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/internal/pgtest"
)

// TestMain makes the test binary a reader of PDFs where the pool starts it as
// one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == pdf.ReaderCommand {
		os.Exit(pdf.ReaderMain(os.Args[2:]))
	}
	os.Exit(pgtest.Main(m))
}

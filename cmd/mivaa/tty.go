package main

import (
	"os"

	"golang.org/x/term"
)

func isTTY(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// colour reports whether err may be written to in colour.
func (c *console) colour() bool {
	return isTerminal(c.err) && c.environ("NO_COLOR") == "" && c.environ("TERM") != "dumb"
}

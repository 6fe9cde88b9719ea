// Command sample writes the small PDF that the README and the tests use: three
// pages with a ladder of headings, paragraphs, lists, a ruled table, running
// headers, page numbers and an outline. It is plain text inside, with the fonts
// that every reader has, and the same bytes each time.
package main

import (
	"fmt"
	"io"
	"os"
)

//go:generate go run . ../sample.pdf

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: sample FILE")
	}
	f, err := os.Create(args[0])
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// write lays out the text and writes the whole file.
func write(w io.Writer) error {
	var d document
	for i, blocks := range text {
		d.page(i+1, len(text), blocks)
	}
	out, err := d.bytes()
	if err != nil {
		return err
	}
	_, err = w.Write(out)
	return err
}

package main

import (
	"strings"
)

// facts are names with their values, for people, one a line. Those without a
// value are left out.
type facts [][2]string

func (f *facts) add(name, value string) {
	if value != "" {
		*f = append(*f, [2]string{name, value})
	}
}

func (f facts) write(b *strings.Builder, s screen) {
	widest := 0
	for _, line := range f {
		widest = max(widest, cells(line[0]))
	}
	for _, line := range f {
		name := line[0] + strings.Repeat(" ", widest-cells(line[0]))
		room := 0
		if s.width > 0 {
			room = max(20, s.width-widest-4)
		}
		for i, part := range wrap(line[1], room) {
			if i > 0 {
				name = strings.Repeat(" ", widest)
			}
			b.WriteString("  " + s.paint(dim, name) + gap + part + "\n")
		}
	}
}

// wrap breaks a clean text into lines of at most n columns, between words where
// it can; 0: one line.
func wrap(text string, n int) []string {
	if n <= 0 || cells(text) <= n {
		return []string{text}
	}
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		for cells(word) > n { // no place to break
			if line != "" {
				lines, line = append(lines, line), ""
			}
			part := head(word, n)
			lines, word = append(lines, part), word[len(part):]
		}
		switch {
		case line == "":
			line = word
		case cells(line)+1+cells(word) <= n:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

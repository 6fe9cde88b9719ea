package extract

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mivaa/mivaa/internal/layout"
)

// validateStyle fills in what was not said of how Markdown and text are
// written, and reports what is wrong.
func (r *Request) validateStyle() []error {
	var errs []error
	errs = append(errs, oneOf("tables", &r.Tables, TablesPipe, TablesHTML))
	errs = append(errs, oneOf("emphasis", &r.Emphasis, On, Off))
	errs = append(errs, oneOf("images", &r.Images, Off, On))
	hyphens := []Hyphens{HyphensJoin, HyphensKeep}
	if r.Format == Text {
		slices.Reverse(hyphens)
	}
	errs = append(errs, oneOf("hyphens", &r.Hyphens, hyphens...))
	if r.ImageBase == "" {
		r.ImageBase = "images/"
	}
	return errs
}

// oneOf makes the first of the words of one that was not said.
func oneOf[T ~string](name string, v *T, words ...T) error {
	if *v == "" {
		*v = words[0]
	}
	if !slices.Contains(words, *v) {
		return fmt.Errorf("%s %.20q is neither %s nor %s", name, string(*v), words[0], words[1])
	}
	return nil
}

// style is how Markdown is written for the request.
func (r *Request) style() layout.Style {
	s := layout.Style{
		Furniture: r.Furniture == FurnitureAll, HTMLTables: r.Tables == TablesHTML,
		Plain: r.Emphasis == Off, KeepHyphens: r.Hyphens == HyphensKeep,
	}
	if r.Images == On {
		s.Images = r.ImageBase
	}
	return s
}

// joinHyphens brings together the words of a text that are broken at the end of
// a line: the rest of the word moves up to its beginning.
func joinHyphens(text string) string {
	if !strings.ContainsAny(text, "-\u00AD\u2010") {
		return text
	}
	out := make([]byte, 0, len(text))
	first := true
	for line := range strings.SplitSeq(text, "\n") {
		if broken(out, line) {
			_, n := utf8.DecodeLastRune(out)
			rest, after, more := strings.Cut(line, " ")
			out = append(out[:len(out)-n], rest...)
			if !more {
				continue // all of the line moved up; the next may go on with it
			}
			line = after
		}
		if !first {
			out = append(out, '\n')
		}
		first = false
		out = append(out, line...)
	}
	return string(out)
}

// broken reports whether a text ends within a word that the next line goes on
// with.
func broken(text []byte, next string) bool {
	last, n := utf8.DecodeLastRune(text)
	before, _ := utf8.DecodeLastRune(text[:len(text)-n])
	first, _ := utf8.DecodeRuneInString(next)
	switch last {
	case '-', '\u2010':
		return unicode.IsLetter(before) && unicode.IsLower(first)
	case '\u00AD':
		return unicode.IsLetter(first)
	}
	return false
}

package layout

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// joiner makes running text of lines: words broken at a line's end are joined,
// soft hyphens go, Latin ligatures are spelt out.
type joiner struct {
	out  []byte
	keep bool // words broken at a line's end stay broken
	soft bool // what was put last ended with a soft hyphen
}

// next says that another line follows, which begins with first. Then comes
// what it says, by put.
func (j *joiner) next(first rune) {
	soft := j.soft
	j.soft = false
	last, n := utf8.DecodeLastRune(j.out)
	switch {
	case len(j.out) == 0:
	case soft && j.keep:
		j.out = append(j.out, "- "...)
	case soft:
	case unspaced(last) && unspaced(first):
	case !isHyphen(last) || j.keep:
		j.out = append(j.out, ' ')
	default:
		before, _ := utf8.DecodeLastRune(j.out[:len(j.out)-n])
		switch {
		case !wordRune(before): // a dash
			j.out = append(j.out, ' ')
		case unicode.IsLetter(before) && unicode.IsLower(first):
			j.out = j.out[:len(j.out)-n]
		}
	}
}

func (j *joiner) put(text string) {
	if text == "" {
		return
	}
	j.soft = strings.HasSuffix(text, string(softHyphen))
	j.out = append(j.out, reading.Replace(text)...)
}

// joinLines makes running text of lines that "\n" ends.
func joinLines(text string) string {
	j := joiner{out: make([]byte, 0, len(text))}
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		first, _ := utf8.DecodeRuneInString(line)
		j.next(first)
		j.put(line)
	}
	return string(j.out)
}

const softHyphen = '\u00AD'

func isHyphen(r rune) bool { return r == '-' || r == softHyphen || r == '\u2010' }

// unspaced reports whether r is of a script that does not part words.
func unspaced(r rune) bool {
	return r >= 0x2E80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || r >= 0x3000 && r <= 0x303F || r >= 0xFF00 && r <= 0xFF65
}

// reading spells out what the record keeps as printed.
var reading = strings.NewReplacer("\u00AD", "", "\uFB00", "ff", "\uFB01", "fi", "\uFB02", "fl",
	"\uFB03", "ffi", "\uFB04", "ffl", "\uFB05", "st", "\uFB06", "st")

package layout

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// joiner makes running text of lines: words broken at a line's end are joined,
// soft hyphens go, Latin ligatures are spelt out.
type joiner struct {
	out   []byte
	known compounds
	keep  bool // words broken at a line's end stay broken
	soft  bool // what was put last ended with a soft hyphen
}

// next says that another line follows, which begins with text. Then comes what
// it says, by put.
func (j *joiner) next(text string) {
	soft := j.soft
	j.soft = false
	first, _ := utf8.DecodeRuneInString(text)
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
		case unicode.IsLetter(before) && unicode.IsLower(first) && !j.known.holds(lastWord(j.out[:len(j.out)-n]), firstWord(text)):
			j.out = j.out[:len(j.out)-n]
		}
	}
}

// maxWord is how much of a word is looked at.
const maxWord = 64

func firstWord(text string) string {
	text = text[:min(len(text), maxWord)]
	if n := strings.IndexAny(text, " \n"); n >= 0 {
		text = text[:n]
	}
	return text
}

func lastWord(out []byte) string {
	out = out[max(len(out)-maxWord, 0):]
	return string(out[bytes.LastIndexAny(out, " \n")+1:])
}

// compounds are words that have a hyphen where no line ends.
type compounds map[string]bool

// compounds returns those of the page.
func (p *Page) compounds() compounds {
	var out compounds
	for at := 0; ; {
		n := strings.IndexByte(p.Text[at:], '-')
		if n < 0 {
			return out
		}
		at += n
		word := lastWord([]byte(p.Text[max(at-maxWord, 0):at])) + "-" + firstWord(p.Text[at+1:])
		at++
		if w := compound(word); strings.Contains(w, "-") {
			if out == nil {
				out = compounds{}
			}
			out[w] = true
		}
	}
}

// compound leaves the letters and hyphens of a word.
func compound(word string) string {
	return strings.ToLower(strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) }))
}

// holds reports whether the hyphen between two parts of a word is one of the
// word's own: either part has another, as "of-the-art" has, or the whole is
// known.
func (c compounds) holds(before, after string) bool {
	return strings.Contains(strings.Trim(before, "-"), "-") || strings.Contains(strings.Trim(after, "-"), "-") || c[compound(before+"-"+after)]
}

func (j *joiner) put(text string) {
	if text == "" {
		return
	}
	j.soft = strings.HasSuffix(text, string(softHyphen))
	if strings.IndexByte(text, 0xC2) < 0 && strings.IndexByte(text, 0xEF) < 0 {
		j.out = append(j.out, text...) // nothing to spell out begins so
		return
	}
	j.out = append(j.out, reading.Replace(text)...)
}

// joinLines makes running text of lines that "\n" ends.
func joinLines(text string) string { return joinKnowing(text, nil) }

func joinKnowing(text string, known compounds) string {
	j := joiner{out: make([]byte, 0, len(text)), known: known}
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		j.next(line)
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

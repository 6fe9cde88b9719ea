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
	out  []byte
	keep bool // words broken at a line's end stay broken
	soft bool // what was put last ended with a soft hyphen
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
		case unicode.IsLetter(before) && unicode.IsLower(first) && !hyphenated(lastWord(j.out[:len(j.out)-n])) && !hyphenated(firstWord(text)):
			j.out = j.out[:len(j.out)-n]
		}
	}
}

// maxWord is how much of a word is looked at.
const maxWord = 64

func firstWord(text string) string {
	text = text[:min(len(text), maxWord)]
	word, _, _ := strings.Cut(text, " ")
	return word
}

func lastWord(out []byte) string {
	out = out[max(len(out)-maxWord, 0):]
	return string(out[bytes.LastIndexByte(out, ' ')+1:])
}

// hyphenated reports whether a word has a hyphen inside, as "of-the-art" has:
// one more at a line's end is then one of those.
func hyphenated(word string) bool {
	return strings.Contains(strings.Trim(word, "-"), "-")
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
func joinLines(text string) string {
	j := joiner{out: make([]byte, 0, len(text))}
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

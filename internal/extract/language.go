package extract

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/abadojack/whatlanggo"
)

// Of a page's text so much is looked at, and so much there must be: a language
// is known from a paragraph, and not from a line.
const (
	mostSample  = 600 // characters
	leastSample = 60  // letters; of a script that does not part words, a quarter
	sure        = 0.5 // how far ahead of the next language it must be
)

// languageOf tells the language of a text as BCP 47 names it ("en"), "" where
// that cannot be said with confidence.
func languageOf(text string) string {
	sample, letters := sampleOf(text)
	if letters < leastSample {
		return ""
	}
	info := whatlanggo.Detect(sample)
	if info.Script == nil || info.Confidence < sure {
		return ""
	}
	return info.Lang.Iso6391()
}

// sampleOf returns the words of the beginning of a text, and how much they say.
func sampleOf(text string) (sample string, letters int) {
	var sb strings.Builder
	for n, r := range []rune(text[:min(len(text), mostSample*utf8.UTFMax)]) {
		if n == mostSample {
			break
		}
		switch {
		case unicode.IsLetter(r), unicode.IsMark(r):
			if letters++; unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai) {
				letters += 3
			}
			sb.WriteRune(r)
		case r == '\'' || r == '\u2019':
			sb.WriteRune('\'')
		default:
			sb.WriteByte(' ')
		}
	}
	return sb.String(), letters
}

package extract

import (
	"strings"
	"unicode"

	"github.com/abadojack/whatlanggo"
)

// Of a page's text so much is looked at, and so much there must be: a language
// is known from a paragraph, and not from a line.
const (
	mostSample  = 600 // characters
	leastSample = 60  // letters, by their weight
	sure        = 0.8 // how far ahead of the next language it must be
)

// scripts are told apart by what one letter of them says: a page of commands
// explained in Japanese is Japanese.
var scripts = []struct {
	weight int
	tables []*unicode.RangeTable
}{
	{1, []*unicode.RangeTable{unicode.Latin}},
	{1, []*unicode.RangeTable{unicode.Cyrillic}},
	{1, []*unicode.RangeTable{unicode.Greek}},
	{1, []*unicode.RangeTable{unicode.Arabic}},
	{1, []*unicode.RangeTable{unicode.Hebrew}},
	{2, []*unicode.RangeTable{unicode.Devanagari, unicode.Bengali, unicode.Tamil, unicode.Telugu, unicode.Gujarati, unicode.Kannada, unicode.Malayalam}},
	{2, []*unicode.RangeTable{unicode.Thai, unicode.Khmer, unicode.Myanmar, unicode.Sinhala}},
	{2, []*unicode.RangeTable{unicode.Georgian, unicode.Ethiopic, unicode.Gurmukhi, unicode.Oriya}},
	{4, []*unicode.RangeTable{unicode.Hangul}},
	{4, []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana}},
}

// languageOf tells the language of a text as BCP 47 names it ("en"), "" where
// that cannot be said with confidence.
func languageOf(text string) string {
	sample, weight := sampleOf(text)
	if weight < leastSample {
		return ""
	}
	info := whatlanggo.Detect(sample)
	if info.Script == nil || info.Confidence < sure {
		return ""
	}
	return info.Lang.Iso6391()
}

// sampleOf returns the words of the beginning of a text that are in the script
// which says most there, and how much they say.
func sampleOf(text string) (sample string, weight int) {
	runes := []rune(text[:min(len(text), 4*mostSample)])
	runes = runes[:min(len(runes), mostSample)]
	of := make([]int, len(runes)) // its script, from 1; 0: none
	weights := make([]int, len(scripts)+1)
	for i, r := range runes {
		if of[i] = scriptOf(r); of[i] > 0 {
			weights[of[i]] += scripts[of[i]-1].weight
		}
	}
	most := 0
	for i, w := range weights {
		if w > weights[most] {
			most = i
		}
	}
	var sb strings.Builder
	for i, r := range runes {
		switch {
		case of[i] == most && most > 0, unicode.IsMark(r), r == '\'':
			sb.WriteRune(r)
		case r == '\u2019':
			sb.WriteByte('\'')
		default:
			sb.WriteByte(' ')
		}
	}
	return sb.String(), weights[most]
}

func scriptOf(r rune) int {
	if !unicode.IsLetter(r) {
		return 0
	}
	for i := range scripts {
		if unicode.In(r, scripts[i].tables...) {
			return i + 1
		}
	}
	return 0
}

package layout

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// How a text is told from what broken fonts make of one. The bounds are far
// from anything that people write: better a bad page unnoticed than a good one
// called bad.
const (
	lostMost    = 0.3  // part of the characters that stand for nothing
	mixedMost   = 0.15 // part of the neighbouring letters that are of two scripts
	mixedLeast  = 40   // letters, or there is nothing to judge
	vowelsLeast = 0.2  // part of Latin letters: languages have 0.35 to 0.5
	latinLeast  = 200  // Latin letters, or their mixture is chance
)

// garbage reports whether the text is not what a reader sees on the page: for
// most of it the fonts say nothing, or something that cannot be. unmapped is
// how many of the marks have no meaning of their own but a code that may or may
// not be one.
func garbage(marks []mark, fonts []Font, unmapped int) bool {
	var t writing
	pictures := make([]bool, len(fonts)+1)
	for i := range fonts {
		pictures[i] = fonts[i].pictures()
	}
	for i := range marks {
		m := &marks[i]
		t.add(m.r, m.space, pictures[m.font])
	}
	n := float64(len(marks))
	switch {
	case n == 0:
		return false
	case float64(t.lost) >= lostMost*n:
		return true
	case t.pairs >= mixedLeast && float64(t.mixed) >= mixedMost*float64(t.pairs):
		return true
	}
	odd := t.latin >= latinLeast && float64(t.vowels) < vowelsLeast*float64(t.latin)
	return odd && 2*unmapped >= len(marks)
}

// pictures reports whether the font's letters are pictures.
func (f *Font) pictures() bool {
	name := strings.ToLower(f.Name)
	for _, s := range symbolFonts {
		if strings.Contains(name, s) {
			return true
		}
	}
	return false
}

// writing is what garbage counts.
type writing struct {
	lost          int // stand for no character
	pairs, mixed  int // neighbouring letters of one word, those of two scripts
	latin, vowels int
	before        script // of the letter before, in the same word
}

func (t *writing) add(r rune, space, picture bool) {
	if space || picture {
		t.before = scriptNone
	}
	switch {
	case picture:
		return
	case r == utf8.RuneError || r >= 0xE000 && r <= 0xF8FF || r >= 0xF0000:
		t.lost++
		return
	}
	s := scriptOf(r)
	if s == scriptNone {
		return
	}
	if t.before != scriptNone {
		t.pairs++
		if s != t.before && s+t.before != scriptLatin+scriptEast { // there is no space between these

			t.mixed++
		}
	}
	t.before = s
	if s == scriptLatin && r < 0x80 {
		t.latin++
		if strings.IndexByte("aeiouyAEIOUY", byte(r)) >= 0 {
			t.vowels++
		}
	}
}

// script is a group of scripts that may share a word.
type script uint16

const (
	scriptNone  script = iota // no letter, or one that any script may borrow
	scriptLatin               // and Greek, whose letters are at home in formulas
	scriptEast                // Han, kana, Hangul: they mix
	scriptOther               // further groups follow, by Unicode's blocks
)

// scriptOf groups letters by the blocks of Unicode: about a block a script.
func scriptOf(r rune) script {
	switch {
	case r < 0x80:
		if r|0x20 >= 'a' && r|0x20 <= 'z' {
			return scriptLatin
		}
		return scriptNone
	case !unicode.IsLetter(r):
		return scriptNone
	case r < 0x250, r >= 0x370 && r < 0x400, r >= 0x1E00 && r < 0x2000, r >= 0xFB00 && r < 0xFB07:
		return scriptLatin
	case r >= 0x2100 && r < 0x2200, r >= 0x1D400 && r < 0x1D800:
		return scriptNone // letters of formulas
	case r >= 0x1100 && r < 0x1200, r >= 0x2E80 && r < 0xA4D0, r >= 0xAC00 && r < 0xD7B0, r >= 0xF900 && r < 0xFB00, r >= 0xFF00 && r < 0xFFF0, r >= 0x20000:
		return scriptEast
	case r >= 0x590 && r < 0x600, r >= 0xFB1D && r < 0xFB50:
		return scriptOther // Hebrew
	case r >= 0x600 && r < 0x780, r >= 0x8A0 && r < 0x900, r >= 0xFB50 && r < 0xFE00, r >= 0xFE70 && r < 0xFF00:
		return scriptOther + 1 // Arabic, Syriac
	case r >= 0x1200 && r < 0x13A0:
		return scriptOther + 2 // Ethiopic
	}
	return scriptOther + 3 + script(r>>8) // Cyrillic has one such block, Indian scripts half of one
}

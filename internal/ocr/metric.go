package ocr

import (
	"slices"
	"unicode"
)

// How tall letters are, in ems above and below the baseline: of the typefaces
// that documents are printed in, with little difference between them.
const (
	tall       = 0.72 // capitals, digits, letters with ascenders
	low        = 0.50 // letters without
	deep       = 0.21 // below the baseline, of letters with descenders
	ideograph  = 0.88 // of scripts without either
	ideoBottom = 0.06
)

// extent is how far the ink of a text reaches above and below its baseline, in
// ems; zero above for a text that says nothing of it, such as a dash.
func extent(text string) (above, below float64) {
	for _, r := range text {
		a, b := reach(r)
		above, below = max(above, a), max(below, b)
	}
	return above, below
}

func reach(r rune) (above, below float64) {
	switch r {
	case 'g', 'p', 'q', 'y', 'ç', 'ş':
		return low, deep
	case 'j', '(', ')', '[', ']', '{', '}', '|', '/', '@':
		return tall, deep
	case 'b', 'd', 'f', 'h', 'i', 'k', 'l', 't', 'ß', '!', '?', '&', '%', '#', '$', '€', '£', '§':
		return tall, 0
	case 'ы', 'ъ', 'ь', 'ю', 'я':
		return low, 0
	case 'р', 'у', 'ф', 'ц', 'щ', 'γ', 'η', 'μ', 'ρ', 'χ':
		return low, deep
	case 'β', 'ζ', 'ξ', 'φ', 'ψ':
		return tall, deep
	}
	switch {
	case r >= 0x2E80:
		return ideograph, ideoBottom
	case !unicode.IsLetter(r) && !unicode.IsDigit(r):
		return 0, 0
	case unicode.IsDigit(r) || unicode.IsUpper(r) || r >= 0xE0 && r <= 0x17F: // with an accent
		return tall, 0
	case r < 0x590:
		return low, 0
	}
	return tall, deep
}

// advance is about how wide a letter is, in ems.
func advance(r rune) float64 {
	switch r {
	case 'i', 'j', 'l', 'I', '.', ',', ':', ';', '\'', '!', '|', '’', '‘', '`':
		return 0.28
	case 'f', 't', 'r', '(', ')', '[', ']', '{', '}', '-', '/', '"', '“', '”', '*':
		return 0.36
	case 'm', 'w', 'M', 'W', '—', '@', '%':
		return 0.85
	}
	switch {
	case unicode.Is(unicode.Mn, r):
		return 0
	case r >= 0x2E80:
		return 1
	case unicode.IsUpper(r):
		return 0.68
	}
	return 0.5
}

// leftwards says whether a word is of a script that runs right to left: its
// first letter decides.
func leftwards(text string) bool {
	for _, r := range text {
		if unicode.IsLetter(r) {
			return unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko)
		}
	}
	return false
}

// weighted is a value that counts as many times as it has letters.
type weighted struct {
	value   float64
	letters int
}

// median is the value in the middle; 0 of none.
func median(values []weighted) float64 {
	slices.SortStableFunc(values, func(a, b weighted) int {
		switch {
		case a.value < b.value:
			return -1
		case a.value > b.value:
			return 1
		}
		return 0
	})
	total := 0
	for _, v := range values {
		total += v.letters
	}
	half := 0
	for _, v := range values {
		if half += v.letters; 2*half >= total {
			return v.value
		}
	}
	return 0
}

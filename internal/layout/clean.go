package layout

import (
	"math"
	"strings"
	"unicode"
)

// far is the largest coordinate kept, in points: several times the largest
// page that PDF allows. What lies beyond is drawn back to it.
const far = 100_000

// round2 makes x finite and keeps two decimals, so that a record is short and
// does not depend on the last bits of a float.
func round2(x float32) float32 {
	return float32(round2d(float64(x)))
}

func round2d(x float64) float64 {
	switch {
	case x != x:
		return 0
	case x > far:
		return far
	case x < -far:
		return -far
	}
	return math.Round(x*100)/100 + 0 // + 0: no negative zero
}

// finite maps NaN to 0 and everything too far away to the nearest number kept.
func finite(x float32) float32 {
	switch {
	case x != x:
		return 0
	case x > far:
		return far
	case x < -far:
		return -far
	}
	return x
}

// round returns the box with its corners in order and two decimals.
func (b Box) round() Box {
	b = Box{round2(b[0]), round2(b[1]), round2(b[2]), round2(b[3])}
	if b[0] > b[2] {
		b[0], b[2] = b[2], b[0]
	}
	if b[1] > b[3] {
		b[1], b[3] = b[3], b[1]
	}
	return b
}

// union returns the smallest box around both. The zero Box is nothing.
func (b Box) union(c Box) Box {
	if b == (Box{}) {
		return c
	}
	if c == (Box{}) {
		return b
	}
	return Box{min(b[0], c[0]), min(b[1], c[1]), max(b[2], c[2]), max(b[3], c[3])}
}

// outside reports whether no part of b lies in page.
func (b Box) outside(page Box) bool {
	return b[2] < page[0] || b[0] > page[2] || b[3] < page[1] || b[1] > page[3]
}

// cleanString returns s as valid UTF-8 without control characters, cut after
// maxString bytes: a name that is longer names nothing.
func cleanString(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), maxString)], "\uFFFD")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}

// cleanText is cleanString for what may have several lines.
func cleanText(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), maxRemark)], "\uFFFD")
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}

// class is what a rune is to the reader of glyphs.
type class uint8

const (
	classDrop  class = iota // not text: control characters, surrogates, noncharacters
	classSpace              // separates words
	classBreak              // a line break
	classMark               // combines with the rune before it
	classPlain              // anything else written left to right, or neutral
	classRTL                // strong right to left
)

func classify(r rune) class {
	switch {
	case r > ' ' && r < 0x7F:
		return classPlain
	case r == ' ' || r == '\t' || r == 0xA0:
		return classSpace
	case r == '\r' || r == '\n' || r == '\v' || r == '\f' || r == 0x85 || r == 0x2028 || r == 0x2029:
		return classBreak
	case r < ' ' || r >= 0x7F && r < 0xA0:
		return classDrop
	case r < 0x300: // Latin
		return classPlain
	case r >= 0xD800 && r <= 0xDFFF || r > unicode.MaxRune || r&0xFFFE == 0xFFFE || r >= 0xFDD0 && r <= 0xFDEF:
		return classDrop
	case r == 0xFEFF || r == 0x200B: // byte order mark and zero-width space: nothing to see, nothing to say
		return classDrop
	case r >= 0x2000 && r <= 0x200A || r == 0x202F || r == 0x205F || r == 0x3000 || r == 0x1680:
		return classSpace
	case r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069:
		// Bidirectional overrides change how a reader sees the text around
		// them; the text here is in logical order already.
		return classDrop
	case r >= 0x590 && r <= 0x8FF || r >= 0xFB1D && r <= 0xFDFF || r >= 0xFE70 && r <= 0xFEFC || r >= 0x10800 && r <= 0x10FFF || r >= 0x1E800 && r <= 0x1EFFF:
		if unicode.Is(unicode.Mn, r) {
			return classMark
		}
		if unicode.IsLetter(r) {
			return classRTL
		}
		return classPlain
	case r < 0x370 || r >= 0x483 && unicode.Is(unicode.Mn, r):
		return classMark
	}
	return classPlain
}

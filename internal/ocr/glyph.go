package ocr

import (
	"math"
	"unicode/utf8"

	"github.com/mivaa/mivaa/internal/layout"
)

// Words and lines of which Tesseract itself thinks so little are dirt, or the
// texture of a photograph.
const (
	leastWord = 10 // of 100
	leastLine = 35
)

// credible drops what is no text, and returns the mean confidence of the rest,
// by letters.
func credible(lines []line) (kept []line, confidence int) {
	sum, letters := 0.0, 0
	for _, l := range lines {
		words := l.words[:0]
		of, n := 0.0, 0
		for _, w := range l.words {
			if w.confidence < leastWord {
				continue
			}
			words = append(words, w)
			k := utf8.RuneCountInString(w.text)
			of, n = of+w.confidence*float64(k), n+k
		}
		if n == 0 || of/float64(n) < leastLine {
			continue
		}
		sum, letters = sum+of, letters+n
		kept = append(kept, line{l.block, l.paragraph, words})
	}
	if letters == 0 {
		return nil, 0
	}
	return kept, int(math.Round(sum / float64(letters)))
}

// glyphs makes glyphs of lines. scale is how many points a pixel is.
func glyphs(lines []line, scale float64) []layout.Glyph {
	sizes := sizesOf(lines, scale)
	var out []layout.Glyph
	for i := range lines {
		s := setter{scale: scale, size: sizes[i], base: baseline(&lines[i], scale, sizes[i])}
		for k := range lines[i].words {
			if k > 0 {
				s.space(&lines[i].words[k-1], &lines[i].words[k])
			}
			s.word(&lines[i].words[k])
		}
		out = append(append(out, s.out...), layout.Glyph{Rune: '\n', Generated: true})
	}
	return out
}

// setter sets the words of one line.
type setter struct {
	scale, size, base float64
	out               []layout.Glyph
}

// word sets a word: each letter has its share of the width.
func (s *setter) word(w *word) {
	total := 0.0
	for _, r := range w.text {
		total += advance(r)
	}
	if total == 0 { // nothing but accents
		total = 1
	}
	left, width := float64(w.left)*s.scale, float64(w.right-w.left)*s.scale
	top, bottom := float64(w.top)*s.scale, float64(w.bottom)*s.scale
	back := leftwards(w.text)
	at := 0.0
	for _, r := range w.text {
		from, to := left+at*width/total, left+(at+advance(r))*width/total
		if back {
			from, to = 2*left+width-to, 2*left+width-from
		}
		s.out = append(s.out, layout.Glyph{
			Rune: r, Box: layout.Box{float32(from), float32(top), float32(to), float32(bottom)},
			X: float32(from), Y: float32(s.base), Size: float32(s.size),
		})
		at += advance(r)
	}
}

// space sets the space between two words.
func (s *setter) space(a, b *word) {
	from, to := float64(a.right)*s.scale, float64(b.left)*s.scale
	if to < from { // right to left, or words that overlap
		from, to = float64(b.right)*s.scale, float64(a.left)*s.scale
	}
	s.out = append(s.out, layout.Glyph{
		Rune: ' ', Box: layout.Box{float32(from), float32(s.base - s.size/2), float32(max(from, to)), float32(s.base)},
		X: float32(from), Y: float32(s.base), Size: float32(s.size),
	})
}

// baseline is where a line stands: all its words, so that a page that was laid on the
// glass a little askew has straight lines.
func baseline(l *line, scale, size float64) float64 {
	var seen []weighted
	for _, w := range l.words {
		if above, below := extent(w.text); above > 0 {
			seen = append(seen, weighted{float64(w.bottom)*scale - below*size, utf8.RuneCountInString(w.text)})
		}
	}
	if len(seen) == 0 {
		w := &l.words[0]
		return float64(w.bottom) * scale
	}
	return median(seen)
}

// sizesOf finds the size of each line's type. What is about as large as the
// other lines of its paragraph is as large as they are, and what is about as
// large as most of the page is that large: how tall a letter looks depends on
// ink and dirt.
func sizesOf(lines []line, scale float64) []float64 {
	sizes := make([]float64, len(lines))
	letters := make([]int, len(lines))
	for i := range lines {
		sizes[i], letters[i] = sizeOf(&lines[i], scale)
	}
	for from := 0; from < len(lines); {
		to := from + 1
		for to < len(lines) && lines[to].block == lines[from].block && lines[to].paragraph == lines[from].paragraph {
			to++
		}
		level(sizes[from:to], letters[from:to], 0.25)
		from = to
	}
	level(sizes, letters, 0.15)
	for i := range sizes {
		const smallest, step = 2, 0.5 // points
		sizes[i] = max(math.Round(sizes[i]/step)*step, smallest)
	}
	return sizes
}

// sizeOf is the size that the words of a line have: as most of its letters say.
func sizeOf(l *line, scale float64) (size float64, letters int) {
	var seen []weighted
	tallest := 0
	for _, w := range l.words {
		tallest = max(tallest, w.bottom-w.top)
		if above, below := extent(w.text); above > 0 {
			n := utf8.RuneCountInString(w.text)
			seen = append(seen, weighted{float64(w.bottom-w.top) * scale / (above + below), n})
			letters += n
		}
	}
	if len(seen) == 0 {
		return float64(tallest) * scale, 0
	}
	return median(seen), letters
}

// level makes sizes equal that are within a part of the usual one, and begins
// again with the usual one of the rest. Lines without letters have no say.
func level(sizes []float64, letters []int, within float64) {
	const most = 12 // sizes of a page, from the most frequent on
	done := make([]bool, len(sizes))
	for range most {
		var left []weighted
		for i, s := range sizes {
			if !done[i] && letters[i] > 0 {
				left = append(left, weighted{s, letters[i]})
			}
		}
		usual := median(left)
		if usual == 0 {
			return
		}
		for i, s := range sizes {
			if !done[i] && math.Abs(s-usual) <= within*usual {
				sizes[i], done[i] = usual, true
			}
		}
	}
}

package layout

import (
	"slices"
	"unicode"
)

// numbersLeftward turns what stands around numbers in text that runs to the
// left: there the full stop on the left of a number comes behind it, and the
// hyphen on its right before it.
func numbersLeftward(frags []fragment, marks []mark) {
	beside := func(i, k int) bool {
		if k < 0 || k >= len(frags) || !frags[k].rtl || frags[k].turn != frags[i].turn {
			return false
		}
		return abs(frags[k].base-frags[i].base) < 0.5*frags[i].size && frags[i].distance(&frags[k]) < frags[i].size
	}
	for i := range frags {
		if f := &frags[i]; !f.rtl && f.letters == 0 && (beside(i, i-1) || beside(i, i+1)) {
			turnEnds(marks[f.first:f.last])
		}
	}
}

// turnEnds exchanges the signs before and behind a number.
func turnEnds(ms []mark) {
	first := slices.IndexFunc(ms, func(m mark) bool { return unicode.IsDigit(m.r) })
	if first < 0 {
		return
	}
	last := len(ms) - 1
	for !unicode.IsDigit(ms[last].r) {
		last--
	}
	for _, m := range slices.Concat(ms[:first], ms[last+1:]) {
		if !parts(m.r) {
			return
		}
	}
	space, guess := ms[0].space, ms[0].guess // before all of it
	ms[0].space, ms[0].guess = false, false
	behind := slices.Clone(ms[:first])
	slices.Reverse(behind)
	before := slices.Clone(ms[last+1:])
	slices.Reverse(before)
	copy(ms, slices.Concat(before, ms[first:last+1], behind))
	ms[0].space, ms[0].guess = space, guess
}

// parts reports whether a sign parts what stands beside it and belongs to
// neither.
func parts(r rune) bool {
	switch r {
	case '.', ',', ':', ';', '-', '!', '?', '\u060C', '\u061B', '\u061F':
		return true
	}
	return false
}

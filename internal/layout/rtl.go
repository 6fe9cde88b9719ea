package layout

import (
	"slices"
	"unicode"
)

// leftwards puts the marks of right-to-left fragments in the order they are
// read. Some programs draw such words from their left end on, last letter
// first: where the letters stand decides, not when they came.
func leftwards(frags []fragment, marks []mark) {
	for i := range frags {
		if f := &frags[i]; f.rtl {
			leftward(marks[f.first:f.last])
		}
	}
}

// rightward reports whether one of the words runs to the right.
func rightward(ms []mark) bool {
	ahead := 0
	for k := 1; k < len(ms); k++ {
		switch a, b := &ms[k-1], &ms[k]; {
		case b.space:
			if ahead > 0 {
				return true
			}
			ahead = 0
		case a.class != classRTL || b.class != classRTL:
		case b.u0 > a.u0:
			ahead++
		default:
			ahead--
		}
	}
	return ahead > 0
}

// leftward puts the marks of one fragment in order, if they run to the right.
func leftward(ms []mark) {
	if !rightward(ms) {
		return
	}
	lead := ms[0].space // before the fragment
	guess := ms[0].guess
	word := make([]int, len(ms))
	order := make([]int, len(ms))
	for k := range ms {
		order[k] = k
		if k > 0 {
			word[k] = word[k-1]
			if ms[k].space {
				word[k]++
			}
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return compare(ms[b].u0+ms[b].u1, ms[a].u0+ms[a].u1) })
	marksBehind(order, ms)
	numbers(order, ms)
	old := slices.Clone(ms)
	for k, from := range order {
		ms[k] = old[from]
		ms[k].guess, ms[k].pen = false, 0
		ms[k].space = k > 0 && word[from] != word[order[k-1]]
	}
	ms[0].space, ms[0].guess = lead, guess
}

// marksBehind puts what combines with a letter behind it.
func marksBehind(order []int, ms []mark) {
	for k := 0; k+1 < len(order); k++ {
		a, b := &ms[order[k]], &ms[order[k+1]]
		if a.class == classMark && b.class != classMark && a.u0+a.u1 <= 2*b.u1 && (k == 0 || ms[order[k-1]].class == classMark || a.u0+a.u1 < 2*ms[order[k-1]].u0) {
			order[k], order[k+1] = order[k+1], order[k]
		}
	}
}

// numbers turns back what is written to the right: figures, and what stands
// between figures.
func numbers(order []int, ms []mark) {
	digit := func(k int) bool { return unicode.IsDigit(ms[order[k]].r) }
	for k := 0; k < len(order); {
		if !digit(k) {
			k++
			continue
		}
		last := k
		for j := k + 1; j < len(order) && ms[order[j]].class == classPlain; j++ {
			if digit(j) {
				last = j
			}
		}
		slices.Reverse(order[k : last+1])
		k = last + 1
	}
}

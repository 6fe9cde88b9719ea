package layout

// combine puts marks that combine with a letter behind the letter that they are
// drawn over: some programs draw those of a word, or of a line, after all its
// letters. Right to left, words are put in order as a whole.
func combine(frags []fragment, marks []mark) {
	for _, f := range frags {
		if f.rtl || f.turn != 0 {
			continue
		}
		for i := f.first + 1; i < f.last; i++ {
			if marks[i].class == classMark && !marks[i].space {
				settle(marks[f.first : i+1])
			}
		}
	}
}

// settle moves the last mark to the letter it stands over, behind the marks
// that this one has already.
func settle(w []mark) {
	last := len(w) - 1
	middle := (w[last].box[0] + w[last].box[2]) / 2
	at := last
	for k := last - 1; k >= 0 && last-k <= farthest; k-- {
		if w[k].class == classMark {
			continue
		}
		if at = k; w[k].box[0] <= middle {
			break
		}
	}
	for at++; at < last && w[at].class == classMark; at++ {
	}
	m := w[last]
	copy(w[at+1:], w[at:last])
	w[at] = m
}

// farthest is how many marks back a letter is looked for.
const farthest = 200

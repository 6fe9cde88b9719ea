package layout

import "unicode"

// startRows returns for each line of a band (what lies between two lines that
// are drawn) whether a row begins there. Lines between which the distance is
// small are one row where others are further apart; else a line that leaves
// columns empty goes on with the row above.
func (f *finder) startRows(lines []tableLine, cols []column) []bool {
	start := make([]bool, len(lines))
	start[0] = true
	if len(lines) == 1 {
		return start
	}
	if f.startByPitch(lines, start) {
		return start
	}
	most := 0
	for i := range lines {
		most = max(most, lines[i].full)
	}
	filled := false // a line of the row has nearly all columns
	for i := range lines {
		l := &lines[i]
		full := 3*l.full >= 2*most && l.full >= 2
		if i > 0 {
			start[i] = f.begins(&lines[i-1], l, cols, full, filled)
		}
		if start[i] {
			filled = full
		}
		filled = filled || full
	}
	return start
}

// begins reports whether a row begins with line l.
func (f *finder) begins(prev, l *tableLine, cols []column, full, filled bool) bool {
	if f.restyled(prev, l) {
		return true
	}
	if full {
		return filled || l.chunks[0].col == 0
	}
	first := l.chunks[0]
	if first.col == 0 {
		if len(l.chunks) > 1 || first.end > 1 {
			return true
		}
		// Only the first column: a title of rows, or the rest of what did not
		// fit above.
		p := prev.chunks[0]
		wide := p.col == 0 && p.u1-p.u0 >= 0.7*(cols[0].hi-cols[0].lo)
		r := f.marks[f.words[first.words[0]].first].r
		return !wide && !unicode.IsLower(r)
	}
	for _, c := range l.chunks {
		letters, digits := f.count(c.words)
		if digits > letters && occupied(prev, c.col) {
			return true // another figure
		}
	}
	return false
}

func occupied(l *tableLine, col int) bool {
	for _, c := range l.chunks {
		if c.col <= col && col < c.end {
			return true
		}
	}
	return false
}

func (f *finder) count(words []int) (letters, digits int) {
	for _, w := range words {
		letters += f.words[w].letters
		digits += f.words[w].digits
	}
	return letters, digits
}

// startByPitch parts rows where lines are further apart, if some are and each
// group of lines could be a row.
func (f *finder) startByPitch(lines []tableLine, start []bool) bool {
	tight := lines[1].base - lines[0].base
	for i := 2; i < len(lines); i++ {
		tight = min(tight, lines[i].base-lines[i-1].base)
	}
	tight = max(tight, 0.8*f.em)
	groups, lone := 1, 0
	from := 0
	for i := 1; i <= len(lines); i++ {
		if i < len(lines) && lines[i].base-lines[i-1].base <= 1.3*tight && !f.restyled(&lines[i-1], &lines[i]) {
			continue
		}
		if i < len(lines) {
			start[i] = true
			groups++
		}
		if i-from == 1 {
			lone++
		} else if !oneRow(lines[from:i]) {
			clear(start[1:])
			return false
		}
		from = i
	}
	if groups < 2 || lone == groups {
		clear(start[1:])
		return lone == groups && allStart(start)
	}
	return true
}

// restyled reports whether line l is no longer bold, or now is, where the line
// before began in the same column.
func (f *finder) restyled(prev, l *tableLine) bool {
	return prev.chunks[0].col == l.chunks[0].col && f.bold(prev) != f.bold(l)
}

func allStart(start []bool) bool {
	for i := range start {
		start[i] = true
	}
	return true
}

// oneRow reports whether lines can be the lines of one row: not two of them
// have text in all of the columns that the group has.
func oneRow(lines []tableLine) bool {
	seen := map[int]int{}
	for i := range lines {
		for _, c := range lines[i].chunks {
			for k := c.col; k < c.end; k++ {
				seen[k]++
			}
		}
	}
	once := 0
	for _, n := range seen {
		if n == 1 {
			once++
		}
	}
	return once > 0
}

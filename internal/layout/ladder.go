package layout

import (
	"math"
	"slices"
)

// body returns the size of running text, in steps, and how many characters
// there are in all.
func (pr *Profiler) body() (body, total int) {
	bySize := map[int]int{}
	for s, t := range pr.seen {
		bySize[s.step] += t.chars
		total += t.chars
	}
	most := 0
	for _, n := range bySize {
		most = max(most, n)
	}
	if pr.running() < minRunning {
		for step, n := range pr.tables {
			bySize[step] += n
			most = max(most, bySize[step])
		}
		// A cover or a form: nothing runs, so small type is what the rest
		// stands out from.
		body = maxSize * sizeSteps
		for step, n := range bySize {
			if 4*n >= most {
				body = min(body, step)
			}
		}
		return body, total
	}
	// Tables and notes in small type may outweigh the text that they serve.
	for step, n := range bySize {
		if 2*n >= most {
			body = max(body, step)
		}
	}
	return body, total
}

// minRunning is how many characters of running text a document has if it has
// any: fewer stand on a cover, a slide or a form.
const minRunning = 300

// running returns how many characters there are in what does not read like
// headings.
func (pr *Profiler) running() int {
	n := 0
	for _, t := range pr.seen {
		n += t.chars - t.hchars
	}
	return n
}

// ladder finds the styles that headings have: larger than the body, or as
// large and bold where the body is not, and not what long stretches are set in.
func (pr *Profiler) ladder(body, total int) []Heading {
	var rungs []style
	for s, t := range pr.seen {
		larger := float64(s.step) >= math.Max(1.07*float64(body), float64(body)+1)
		if pr.running() < minRunning && !s.bold { // small type differs in size as labels do
			larger = float64(s.step) >= 1.2*float64(body)
		}
		bold := s.bold && s.step >= body
		switch {
		case !larger && !bold, t.heads == 0:
		case larger && (2*t.hchars < t.chars || 3*t.hchars > total && pr.pages > 1):
		case !larger && (4*t.hchars > total || pr.seen[style{s.step, false}].chars < t.chars):
		default:
			rungs = append(rungs, s)
		}
	}
	slices.SortFunc(rungs, func(a, b style) int {
		if a.step != b.step {
			return b.step - a.step
		}
		if a.bold {
			return -1
		}
		return 1
	})
	if len(rungs) > maxRungs {
		rungs = rungs[:maxRungs]
	}
	out := make([]Heading, len(rungs))
	level, last := 0, -1
	for i, s := range rungs {
		// What stands on one page only, such as a cover, ranks with what is
		// next to it: it must not push the chapters down. Half a point more or
		// less is rounding, not rank.
		ranks := pr.seen[s].pages > 1 || pr.pages <= 3
		if level == 0 || ranks && (last < 0 || s.bold != rungs[last].bold || float64(rungs[last].step) > math.Max(float64(s.step)+1, 1.04*float64(s.step))) {
			if last >= 0 || level == 0 {
				level++
			}
		}
		if ranks {
			last = i
		}
		out[i] = Heading{Size: float32(s.step) / sizeSteps, Bold: s.bold, Level: min(level, 6), Depth: pr.depth(s)}
	}
	if len(out) > 0 && pr.seen[rungs[0]].blocks == 1 {
		out[0].Title = true
	}
	levelNumbers(out)
	return out
}

// levelNumbers ranks the rungs whose headings are numbered by their numbers.
// Levels then follow one another without a gap.
func levelNumbers(rungs []Heading) {
	underNumbers(rungs)
	var used [7]int
	for i := range rungs {
		used[rungs[i].Level] = 1
	}
	for l := 1; l < len(used); l++ {
		used[l] += used[l-1]
	}
	for i := range rungs {
		rungs[i].Level = used[rungs[i].Level]
	}
}

// depth returns how deep the numbers are that most headings of a style begin
// with, 0 where most have none.
func (pr *Profiler) depth(s style) int {
	t := pr.seen[s]
	for d, n := range t.depths {
		if d > 0 && 2*n > t.heads {
			return d
		}
	}
	return 0
}

// underNumbers puts 1.1 one under 1, whatever their sizes are and whatever lies
// between.
func underNumbers(rungs []Heading) {
	for depth := 2; depth < numberDepth; depth++ {
		parent := 0 // the level of the headings one less deep
		for _, r := range rungs {
			if r.Depth == depth-1 && (parent == 0 || r.Level < parent) {
				parent = r.Level
			}
		}
		for i := range rungs {
			if rungs[i].Depth == depth && parent > 0 {
				rungs[i].Level = min(parent+1, 6)
			}
		}
	}
}

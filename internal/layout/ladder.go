package layout

import (
	"math"
	"slices"
	"unicode"
	"unicode/utf8"
)

// body returns the size of running text, in steps, and how many characters
// there are in all.
func (pr *Profiler) body() (body, total int) {
	bySize := map[int]int{}
	running := 0 // characters of what does not read like headings
	for s, t := range pr.seen {
		bySize[s.step] += t.chars
		total += t.chars
		running += t.chars - t.hchars
	}
	most := 0
	for _, n := range bySize {
		most = max(most, n)
	}
	if running < 300 {
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

// ladder finds the styles that headings have: larger than the body, or as
// large and bold where the body is not, and not what long stretches are set in.
func (pr *Profiler) ladder(body, total int) []Heading {
	var rungs []style
	for s, t := range pr.seen {
		larger := float64(s.step) >= math.Max(1.07*float64(body), float64(body)+1)
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

// levelNumbers ranks the rungs whose headings are numbered by their numbers:
// 1.1 stands one under 1, whatever sizes lie between. Levels then follow one
// another without a gap.
func levelNumbers(rungs []Heading) {
	base := -1
	for i := range rungs {
		switch r := &rungs[i]; {
		case r.Depth == 0:
		case base < 0:
			base = i
		case r.Depth >= rungs[base].Depth:
			r.Level = min(rungs[base].Level+r.Depth-rungs[base].Depth, 6)
		}
	}
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

// markHeadings finds the headings among the parts.
func (prof *Profile) markHeadings(p *Page, parts []part) {
	cand, titles := p.candidates(parts), prof.titles(p)
	for i := range parts {
		s := &parts[i]
		if s.kind != "" || s.table != nil {
			continue
		}
		if level := p.bookmarked(s, titles); level > 0 {
			s.heads(TypeHeading, level, 0.99)
			continue
		}
		if !cand[i] || prof.Tagged && s.tag != "" {
			continue
		}
		if h, ok := prof.rung(s); ok {
			prof.onRung(p, s, h)
		} else if prof.minor(p, parts, i) {
			s.heads(TypeHeading, prof.lowest(), 0.6)
		}
	}
	p.markLabels(parts)
}

func (s *part) heads(kind string, level int, sure float32) {
	s.kind, s.level, s.sure = kind, min(max(level, 1), 6), sure
}

// rung returns the rung of the ladder that a part stands on.
func (prof *Profile) rung(s *part) (Heading, bool) {
	for _, h := range prof.Headings {
		if steps(h.Size) == steps(s.size) && h.Bold == s.bold {
			return h, true
		}
	}
	return Heading{}, false
}

// onRung makes the part a heading. One whose number is deeper than those of
// its style ranks lower by as much.
func (prof *Profile) onRung(p *Page, s *part, h Heading) {
	text := p.text(s)
	if r, n := utf8.DecodeRuneInString(text); h.Size <= 1.15*prof.BodySize && unicode.IsLower(r) {
		if next, _ := utf8.DecodeRuneInString(text[n:]); !unicode.IsUpper(next) {
			return // bold words in the middle of a sentence
		}
	}
	level, sure := h.Level, float32(0.8)
	if depth := numbered(text); h.Depth > 0 && depth > h.Depth {
		level += depth - h.Depth
	}
	if h.Size > 1.15*prof.BodySize {
		sure = 0.9
	}
	kind := TypeHeading
	if h.Title {
		kind = TypeTitle
	}
	s.heads(kind, level, sure)
}

// lowest returns the level under the ladder.
func (prof *Profile) lowest() int {
	level := 0
	for _, h := range prof.Headings {
		level = max(level, h.Level)
	}
	return level + 1
}

// minor reports whether a part is a heading though it is no larger than the
// body and not bold: one line in another font than the body, in capitals or
// numbered, with text under it.
func (prof *Profile) minor(p *Page, parts []part, i int) bool {
	s := &parts[i]
	if s.first != s.last || i+1 == len(parts) || s.size < 0.97*prof.BodySize || prof.BodyFont == "" {
		return false
	}
	next := &parts[i+1]
	if next.last-next.first < 1 || next.table != nil || next.list || next.box[1] < s.box[1] || s.list && i > 0 && parts[i-1].list {
		return false
	}
	text := p.text(s)
	return p.fontName(s) != prof.BodyFont && (capitals(text) || numbered(text) > 1)
}

// fontName returns the name of the font that most of the part's first line has.
func (p *Page) fontName(s *part) string {
	name, most := "", 0
	for _, r := range p.Lines[s.first].Runs {
		if n := r.End - r.Start; n > most {
			name, most = p.Fonts[r.Font].Name, n
		}
	}
	return name
}

// markLabels makes headings of what stands right above one and only says which
// it is ("Chapter 7", or "7" in large type), and of the title of a table of
// contents.
func (p *Page) markLabels(parts []part) {
	for i := range parts[:max(len(parts)-1, 0)] {
		s, next := &parts[i], &parts[i+1]
		if s.kind != "" && s.kind != TypeHeading || s.table != nil || s.first != s.last || next.box[1] < s.box[1] {
			continue
		}
		text := p.text(s)
		label := keyword(text) || len(text) <= 3 && trimDigits(text) == "" && s.size >= next.size
		switch heads := next.kind == TypeHeading || next.kind == TypeTitle; {
		case heads && label:
			s.heads(TypeHeading, next.level, max(s.sure, 0.7))
		case s.kind == "" && slices.Contains(contentsTitles, bare(text)) && p.isEntry(&p.Lines[next.first]):
			s.heads(TypeHeading, 1, 0.8)
		}
	}
}

// contentsTitles are the titles of tables of contents, as bare has them.
var contentsTitles = []string{
	"contents", "tableofcontents", "inhalt", "inhaltsverzeichnis", "tabledesmatières", "sommaire", "índice", "contenido", "indice", "sommario",
	"sumário", "inhoud", "inhoudsopgave", "spistreści", "innehåll", "indhold", "содержание", "оглавление", "目次", "目录", "目錄", "차례",
}

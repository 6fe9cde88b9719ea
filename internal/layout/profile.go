package layout

import (
	"math"
	"slices"
	"strings"
	"unicode"
)

// Profile is what only a whole document tells about its pages. It is small
// whatever the document's length, and JSON holds it.
type Profile struct {
	Version  int       `json:"v"`
	Pages    int       `json:"pages"`     // that were looked at
	BodySize float32   `json:"body_size"` // of running text, in points; 0 for no text
	Headings []Heading `json:"headings,omitempty"`
}

// Heading is one rung of the heading ladder: blocks of this style are headings
// of this level.
type Heading struct {
	Size  float32 `json:"size"`
	Bold  bool    `json:"bold,omitempty"`
	Level int     `json:"level"`           // 1 to 6
	Title bool    `json:"title,omitempty"` // the document has one such block: its title
}

// Sizes are told apart in steps of half a point up to maxSize.
const (
	sizeSteps = 2
	maxSize   = 200
	maxRungs  = 32 // of a ladder: a document with more has no order of headings
)

// style is what a Profiler counts by: size in steps, and boldness.
type style struct {
	step int
	bold bool
}

// tally is what a Profiler knows of a style.
type tally struct {
	chars  int
	blocks int
	heads  int // blocks that read like headings
	hchars int // characters of those
	pages  int // that have such headings
	page   int // the last of them, counted as they were added
}

// Profiler makes a Profile of pages given in any order. Its memory does not
// grow with the document. The zero value is ready.
type Profiler struct {
	pages int
	seen  map[style]tally
}

// Add looks at one page. A page added twice counts twice.
func (pr *Profiler) Add(p Page) {
	pr.pages++
	if pr.seen == nil {
		pr.seen = map[style]tally{}
	}
	for i := range p.Blocks {
		b := &p.Blocks[i]
		if isCaption(p.Text[p.Lines[b.First].Start:p.Lines[b.Last].End]) {
			continue // often set like a heading, which would speak against the style
		}
		s := style{step: steps(b.Size), bold: b.Bold}
		t := pr.seen[s]
		n := 0
		for _, l := range p.Lines[b.First : b.Last+1] {
			n += l.End - l.Start
		}
		t.chars += n
		t.blocks++
		if p.headingText(b) {
			t.heads++
			t.hchars += n
			if t.page != pr.pages {
				t.page = pr.pages
				t.pages++
			}
		}
		pr.seen[s] = t
	}
}

func steps(size float32) int {
	return int(math.Round(float64(min(max(size, 0), maxSize)) * sizeSteps))
}

// Profile returns what the pages added so far tell.
func (pr *Profiler) Profile() Profile {
	prof := Profile{Version: Version, Pages: pr.pages}
	body, total := pr.body()
	if total == 0 {
		return prof
	}
	prof.BodySize = float32(body) / sizeSteps
	prof.Headings = pr.ladder(body, total)
	return prof
}

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
		out[i] = Heading{Size: float32(s.step) / sizeSteps, Bold: s.bold, Level: min(level, 6)}
	}
	if len(out) > 0 && pr.seen[rungs[0]].blocks == 1 {
		out[0].Title = true
	}
	return out
}

// heading returns the rung that a block stands on.
func (prof *Profile) heading(p *Page, b *Block) (Heading, bool) {
	s := style{step: steps(b.Size), bold: b.Bold}
	for _, h := range prof.Headings {
		if steps(h.Size) == s.step && h.Bold == s.bold {
			return h, p.headingText(b)
		}
	}
	return Heading{}, false
}

// headingText reports whether the block reads like a heading: short, with
// letters; no sentence, bullet, caption, row of a table or line of a table of
// contents.
func (p *Page) headingText(b *Block) bool {
	if b.Last-b.First > 3 || b.Kind == BlockTable {
		return false
	}
	if b.Kind == BlockListItem && (b.Marker[0] < '0' || b.Marker[0] > '9') {
		return false
	}
	for i := b.First; i <= b.Last; i++ {
		if n := p.Lines[i].cells(); n > 2 || n == 2 && p.endsInNumber(&p.Lines[i]) {
			return false
		}
	}
	text := p.Text[p.Lines[b.First].Start:p.Lines[b.Last].End]
	if len(text) > 250 || isCaption(text) || hasLeader(text) {
		return false
	}
	letters, all := 0, 0
	var first, last rune
	for _, r := range text {
		switch {
		case r == ' ' || r == '\n':
			continue
		case unicode.IsLetter(r):
			if letters++; first == 0 {
				first = r
			}
		}
		all++
		last = r
	}
	if letters < 2 || 2*letters < all || unicode.IsLower(first) && b.First != b.Last {
		return false
	}
	return last != ',' && last != ';' && (last != '.' || all < 60)
}

// endsInNumber reports whether the last run of a line is a page number.
func (p *Page) endsInNumber(l *Line) bool {
	r := l.Runs[len(l.Runs)-1]
	return strings.Trim(p.Text[r.Start:r.End], "0123456789ivxl") == ""
}

// cells counts the stretches of a line that wide gaps part.
func (l *Line) cells() int {
	n := 1
	for i := 1; i < len(l.Runs); i++ {
		a, b := &l.Runs[i-1], &l.Runs[i]
		if max(b.Box[0]-a.Box[2], a.Box[0]-b.Box[2]) > gapDrawn*max(a.Size, b.Size) {
			n++
		}
	}
	return n
}

// isCaption reports whether text begins like the caption of a table or figure.
func isCaption(text string) bool {
	word, rest, _ := strings.Cut(text, " ")
	switch strings.ToLower(strings.TrimRight(word, ".")) {
	case "table", "figure", "fig", "tab":
		return rest != "" && (rest[0] >= '0' && rest[0] <= '9' || strings.IndexByte("IVX", rest[0]) >= 0)
	}
	return false
}

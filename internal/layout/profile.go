package layout

import (
	"math"
	"slices"
)

// Profile is what only a whole document tells about its pages. It is small
// whatever the document's length, and JSON holds it.
type Profile struct {
	Version   int          `json:"v"`
	Pages     int          `json:"pages"`               // that were looked at
	BodySize  float32      `json:"body_size"`           // of running text, in points; 0 for no text
	BodyFont  string       `json:"body_font,omitempty"` // the name of the font that most of it has
	Mono      bool         `json:"mono,omitempty"`      // most of it is typewritten
	Headings  []Heading    `json:"headings,omitempty"`
	Furniture []Furnishing `json:"furniture,omitempty"` // in order: what is at the page's top, its foot, its side
	Logos     []string     `json:"logos,omitempty"`     // images that stand at the same place on many pages
	Outline   []Bookmark   `json:"outline,omitempty"`   // by page
	Tagged    bool         `json:"tagged,omitempty"`    // its tags say which text is headings
}

// Heading is one rung of the heading ladder: blocks of this style are headings
// of this level.
type Heading struct {
	Size  float32 `json:"size"`
	Bold  bool    `json:"bold,omitempty"`
	Level int     `json:"level"`           // 1 to 6
	Depth int     `json:"depth,omitempty"` // of the numbers that most of them begin with: 2 for "1.1"
	Title bool    `json:"title,omitempty"` // the document has one such block: its title
}

// Bookmark is an entry of the document's outline that leads to one of its pages.
type Bookmark struct {
	Title string `json:"title"`
	Level int    `json:"level"`       // from 1
	Page  int    `json:"page_number"` // from 1
}

// Sizes are told apart in steps of half a point up to maxSize.
const (
	sizeSteps = 2
	maxSize   = 200
	maxRungs  = 32 // of a ladder: a document with more has no order of headings

	numberDepth  = 5     // of numbers of headings: deeper ones count as one less
	maxBodyFonts = 512   // that a Profiler counts
	maxTitles    = 8_192 // that a Profiler remembers
	maxBookmarks = 2_000 // that a Profile holds, the first ones
	maxBookmark  = 250   // bytes of the title of one: longer ones are no headings
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
	heads  int              // blocks that read like headings
	hchars int              // characters of those
	depths [numberDepth]int // how many of those begin with a number so deep
	pages  int              // that have such headings
	page   int              // the last of them, counted as they were added
}

// Profiler makes a Profile of pages given in any order. Its memory does not
// grow with the document. The zero value is ready.
type Profiler struct {
	pages   int
	seen    map[style]tally
	tables  map[int]int      // characters in tables, by size
	fonts   map[string]int   // characters of running text, by font
	mono    int              // of which typewritten
	titles  map[uint64]style // of headings, by what they say
	edges   edges
	logos   logos
	outline []Bookmark
	tagged  bool
}

// Add looks at one page. A page added twice counts twice.
func (pr *Profiler) Add(p Page) {
	pr.pages++
	if pr.seen == nil {
		pr.seen, pr.tables, pr.fonts = map[style]tally{}, map[int]int{}, map[string]int{}
	}
	parts := p.divide(nil)
	cand := p.candidates(parts)
	for i := range parts {
		s := &parts[i]
		n := 0
		for k := s.first; k <= s.last; k++ {
			n += p.Lines[k].End - p.Lines[k].Start
		}
		switch {
		case isHeadingTag(s.tag):
			pr.tagged = true
		case s.table != nil:
			pr.tables[steps(s.size)] += n
		case isCaption(p.text(s)):
			// Often set like a heading, which would speak against the style.
		default:
			pr.count(&p, s, n, cand[i])
		}
	}
	pr.edges.add(&p)
	pr.logos.add(&p, pr.pages)
}

// count counts a part of n bytes.
func (pr *Profiler) count(p *Page, s *part, n int, heads bool) {
	key := style{step: steps(s.size), bold: s.bold}
	t := pr.seen[key]
	t.chars += n
	t.blocks++
	if heads {
		t.heads++
		t.hchars += n
		pr.remember(p.text(s), key)
		t.depths[min(numbered(p.text(s)), len(t.depths)-1)]++
		if t.page != pr.pages {
			t.page = pr.pages
			t.pages++
		}
	} else {
		pr.countFonts(p, s)
	}
	pr.seen[key] = t
}

func (pr *Profiler) countFonts(p *Page, s *part) {
	for k := s.first; k <= s.last; k++ {
		for _, r := range p.Lines[k].Runs {
			f := &p.Fonts[r.Font]
			if f.Mono {
				pr.mono += r.End - r.Start
			}
			if _, known := pr.fonts[f.Name]; known || len(pr.fonts) < maxBodyFonts {
				pr.fonts[f.Name] += r.End - r.Start
			}
		}
	}
}

// Outline tells the document's bookmarks, if it has any: their titles are
// headings wherever they stand on the pages that they lead to.
func (pr *Profiler) Outline(marks []Bookmark) {
	pr.outline = pr.outline[:0]
	for _, m := range marks {
		if m.Page > 0 && m.Level > 0 && m.Title != "" && len(m.Title) <= maxBookmark && len(pr.outline) < maxBookmarks {
			pr.outline = append(pr.outline, m)
		}
	}
	slices.SortStableFunc(pr.outline, func(a, b Bookmark) int { return a.Page - b.Page })
}

func steps(size float32) int {
	return int(math.Round(float64(min(max(size, 0), maxSize)) * sizeSteps))
}

// Profile returns what the pages added so far tell.
func (pr *Profiler) Profile() Profile {
	prof := Profile{
		Version: Version, Pages: pr.pages, Tagged: pr.tagged,
		Furniture: pr.edges.furniture(pr.pages), Logos: pr.logos.repeated(pr.pages), Outline: slices.Clone(pr.outline),
	}
	body, total := pr.body()
	if total == 0 {
		return prof
	}
	prof.BodySize = float32(body) / sizeSteps
	prof.BodyFont, prof.Mono = pr.bodyFont()
	prof.Headings = pr.ladder(body, total)
	pr.alignOutline(prof.Headings)
	return prof
}

// bodyFont returns the font that most of the running text has, and whether
// most of that is typewritten.
func (pr *Profiler) bodyFont() (name string, mono bool) {
	most, all := 0, 0
	for f, n := range pr.fonts {
		all += n
		if n > most || n == most && f < name {
			name, most = f, n
		}
	}
	return name, 10*pr.mono > 9*all
}

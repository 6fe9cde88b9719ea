package layout

import (
	"hash/fnv"
	"slices"
	"strings"
	"unicode"
)

// titles returns the levels of the bookmarks that lead to the page or to one
// beside it, as many do, by the letters of their titles.
func (prof *Profile) titles(p *Page) map[string]int {
	at, _ := slices.BinarySearchFunc(prof.Outline, p.Number-1, func(m Bookmark, page int) int { return m.Page - page })
	var out map[string]int
	for _, m := range prof.Outline[min(at, len(prof.Outline)):] {
		if m.Page > p.Number+1 {
			break
		}
		title := bare(m.Title)
		if out == nil {
			out = map[string]int{}
		}
		if _, known := out[title]; title != "" && !known {
			out[title] = m.Level
		}
	}
	return out
}

// bookmarked returns the level of the bookmark that a part is the place of, 0
// for none. The number of a heading may be missing from its bookmark.
func (p *Page) bookmarked(s *part, titles map[string]int) int {
	if len(titles) == 0 || s.last-s.first >= maxHeadingLines || s.list && !isDigit(s.marker) {
		return 0
	}
	text := p.text(s)
	if len(text) > 2*maxBookmark {
		return 0
	}
	if level := titles[bare(text)]; level > 0 {
		return level
	}
	if _, rest, _ := strings.Cut(text, " "); numbered(text) > 0 {
		return titles[bare(rest)]
	}
	return 0
}

// bare leaves letters and digits of text, in lower case.
func bare(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, reading.Replace(text))
}

// remember keeps in which style a heading is set, to be told by its bookmark.
func (pr *Profiler) remember(text string, in style) {
	if pr.titles == nil {
		pr.titles = map[uint64]style{}
	}
	k := titleKey(text)
	was, known := pr.titles[k]
	switch {
	case !known && len(pr.titles) == maxTitles, known && was.step > in.step:
		return
	}
	pr.titles[k] = in
}

// titleKey returns what a heading and its bookmark have in common: what they
// say but for a number before it.
func titleKey(text string) uint64 {
	if _, rest, _ := strings.Cut(text, " "); numbered(text) > 0 {
		text = rest
	}
	h := fnv.New64a()
	h.Write([]byte(bare(text)))
	return h.Sum64()
}

// alignOutline gives rungs the levels that bookmarks have whose headings stand
// on them; what is set smaller ranks lower.
func (pr *Profiler) alignOutline(rungs []Heading) {
	votes := map[style][7]int{}
	for _, m := range pr.outline {
		if s, ok := pr.titles[titleKey(m.Title)]; ok {
			v := votes[s]
			v[min(m.Level, 6)]++
			votes[s] = v
		}
	}
	deepest := 0
	for i := range rungs {
		r := &rungs[i]
		level, all := 0, 0
		for l, n := range votes[style{steps(r.Size), r.Bold}] {
			if all += n; n > votes[style{steps(r.Size), r.Bold}][level] {
				level = l
			}
		}
		switch {
		case all >= 2 || all > 0 && pr.pages <= 3:
			r.Level = level
			deepest = max(deepest, level)
		case deepest > 0:
			r.Level = min(max(r.Level, deepest+1), 6)
		}
	}
	if deepest > 0 {
		underNumbers(rungs)
	}
}

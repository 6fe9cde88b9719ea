package layout

import (
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

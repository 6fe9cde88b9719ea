package layout

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxHeadingLines = 4
	maxHeadingWords = 25
	maxHeadingBytes = 250
	chainLength     = 3 // so many pieces of one style, one after the other, head nothing
)

// candidates says of each part whether it reads like a heading where it
// stands, whatever its size. What is known to be something else is none.
func (p *Page) candidates(parts []part) []bool {
	out := make([]bool, len(parts))
	for i := range parts {
		s := &parts[i]
		out[i] = s.kind == "" && s.table == nil && p.headingText(s)
	}
	p.dropContents(parts, out)
	p.dropRows(parts, out)
	p.dropEdges(parts, out)
	dropChains(parts, out)
	return out
}

// dropContents takes back what stands between the entries of a table of
// contents: the names of its parts head no text.
func (p *Page) dropContents(parts []part, out []bool) {
	first, last, entries, lines := -1, -1, 0, 0
	for i := range parts {
		n := 0
		for k := parts[i].first; k <= parts[i].last; k++ {
			if p.isEntry(&p.Lines[k]) {
				n++
			}
		}
		lines += parts[i].last - parts[i].first + 1
		if n == 0 {
			continue
		}
		if entries += n; first < 0 {
			first = i
		}
		last = i
	}
	if entries < 4 || 3*entries < lines {
		return
	}
	for i := first; i <= last; i++ {
		out[i] = false
	}
}

// isEntry reports whether a line leads to a page number, as those of a table
// of contents do.
func (p *Page) isEntry(l *Line) bool {
	if len(l.Runs) == 0 || l.Angle != 0 {
		return false
	}
	if hasLeader(p.Text[l.Start:l.End]) {
		return true
	}
	return l.cells() == 2 && p.endsInNumber(l)
}

// dropRows takes back candidates that stand side by side: names of authors,
// cells of a row.
func (p *Page) dropRows(parts []part, out []bool) {
	for i := range parts[:max(len(parts)-1, 0)] {
		s, next := &parts[i], &parts[i+1]
		if steps(s.size) == steps(next.size) && abs(p.Lines[s.first].Base-p.Lines[next.first].Base) < 0.3*s.size && p.headingText(s) && p.headingText(next) {
			out[i], out[i+1] = false, false
		}
	}
}

// dropEdges takes back what stands outermost on the page and begins or ends
// with a number that may be the page's: a running header.
func (p *Page) dropEdges(parts []part, out []bool) {
	top, bottom := -1, -1
	for i := range parts {
		s := &parts[i]
		if p.Lines[s.first].Angle != 0 {
			continue
		}
		if top < 0 || s.box[1] < parts[top].box[1] {
			top = i
		}
		if bottom < 0 || s.box[3] > parts[bottom].box[3] {
			bottom = i
		}
	}
	for _, i := range [2]int{top, bottom} {
		if i >= 0 && out[i] && pageNumbered(p.text(&parts[i])) {
			out[i] = false
		}
	}
}

// pageNumbered reports whether the first or the last word of text is a number
// that no heading counts to, and no year.
func pageNumbered(text string) bool {
	words := strings.Fields(text)
	for _, w := range [2]string{words[0], words[len(words)-1]} {
		if trimDigits(w) == "" && (len(w) == 3 || len(w) == 2 && w > "19") {
			return len(words) > 1
		}
	}
	return false
}

// dropChains takes back candidates of one style that follow one another with
// nothing between: labels, lines of a list, rows of a table.
func dropChains(parts []part, out []bool) {
	for i := 0; i < len(parts); {
		j := i + 1
		for out[i] && j < len(parts) && out[j] && steps(parts[i].size) == steps(parts[j].size) && parts[i].bold == parts[j].bold {
			j++
		}
		if j-i >= chainLength {
			for k := i; k < j; k++ {
				out[k] = false
			}
		}
		i = j
	}
}

// headingText reports whether the part reads like a heading: short, with
// letters; no sentence, bullet, caption, date, list of names, row of a table or
// line of a table of contents.
func (p *Page) headingText(s *part) bool {
	if s.last-s.first >= maxHeadingLines || s.list && !isDigit(s.marker) {
		return false
	}
	for i := s.first; i <= s.last; i++ {
		if p.isEntry(&p.Lines[i]) || !p.oneCell(&p.Lines[i]) {
			return false
		}
	}
	text := p.text(s)
	if len(text) > maxHeadingBytes || hasLeader(text) || isCaption(text) || isDate(text) {
		return false
	}
	return s.lettered(text) && !isProse(text, s.first != s.last) && !namesPeople(text)
}

// oneCell reports whether no wide gap parts the line, but for the one behind
// the number of a heading.
func (p *Page) oneCell(l *Line) bool {
	switch l.cells() {
	case 1:
		return true
	case 2:
		for i := 1; i < len(l.Runs); i++ {
			a, b := &l.Runs[i-1], &l.Runs[i]
			if gap(a, b) {
				head := strings.TrimSpace(p.Text[l.Start:a.End])
				return utf8.RuneCountInString(head) <= 6 && numbered(head+" x") > 0 || keyword(head)
			}
		}
	}
	return false
}

// lettered reports whether enough of the text are letters, and whether it
// begins and ends as a heading does.
func (s *part) lettered(text string) bool {
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
	if letters < 2 || 2*letters < all || unicode.IsLower(first) && s.first != s.last {
		return false
	}
	return last != ',' && last != ';' && (last != '.' || all < 60)
}

// isProse reports whether text is a sentence, or more than one, however large
// it is set.
func isProse(text string, wrapped bool) bool {
	words := strings.Fields(text)
	if len(words) > maxHeadingWords {
		return true
	}
	last := words[len(words)-1]
	if wrapped && len(words) > 10 && (strings.HasSuffix(last, ":") || strings.HasSuffix(last, ".")) {
		return true
	}
	for i, w := range words[:len(words)-1] {
		// A full stop inside ends a sentence where a long lower-case word has it.
		if n := len(w); i > 0 && n > 4 && w[n-1] == '.' && w[n-2] >= 'a' && w[n-2] <= 'z' {
			next, _ := utf8.DecodeRuneInString(words[i+1])
			if unicode.IsUpper(next) && len(words) > 8 {
				return true
			}
		}
	}
	return false
}

// namesPeople reports whether text is a list of authors: names between commas
// with the signs of their notes.
func namesPeople(text string) bool {
	commas, signs := strings.Count(text, ","), 0
	for _, r := range text {
		if strings.ContainsRune("∗*†‡§¶", r) {
			signs++
		}
	}
	return signs >= 2 || commas >= 1 && signs >= 1 || commas >= 4
}

var months = []string{
	"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
}

// isDate reports whether text is a date and nothing more.
func isDate(text string) bool {
	month := false
	for w := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		switch {
		case isDigit(w):
			if len(strings.TrimLeft(w, "0123456789")) > 2 {
				return false
			}
		case len(w) >= 3 && slices.ContainsFunc(months, func(m string) bool { return strings.HasPrefix(m, w) }):
			month = true
		default:
			return false
		}
	}
	return month && strings.ContainsAny(text, "0123456789")
}

// numbered returns how deep the number is that text begins with: 1 for "3 Aim"
// and "IV. Aim", 2 for "3.1 Aim" and "A.1 Aim", 0 for none.
func numbered(text string) int {
	word, rest, _ := strings.Cut(text, " ")
	if rest == "" {
		return 0
	}
	word = strings.TrimSuffix(strings.TrimSuffix(word, ":"), ")")
	dotted := strings.HasSuffix(word, ".")
	depth := 0
	for part := range strings.SplitSeq(strings.TrimSuffix(word, "."), ".") {
		digits := part != "" && strings.Trim(part, "0123456789") == "" && len(part) <= 3
		letter := len(part) == 1 && part[0] >= 'A' && part[0] <= 'Z'
		roman := part != "" && len(part) <= 5 && strings.Trim(part, "IVX") == ""
		if !digits && (depth > 0 || !letter && !roman) || depth == 0 && !digits && !dotted && !strings.Contains(word, ".") {
			return 0
		}
		depth++
	}
	return depth
}

// capitals reports whether text is in capital letters.
func capitals(text string) bool {
	upper := 0
	for _, r := range text {
		switch {
		case unicode.IsUpper(r):
			upper++
		case unicode.IsLower(r):
			return false
		}
	}
	return upper >= 4
}

func trimDigits(s string) string { return strings.Trim(s, "0123456789") }

// keywords begin the headings of a document's parts, in languages that use
// Latin letters.
var keywords = []string{
	"chapter", "part", "section", "appendix", "annex", "article", "unit", "lesson", "module", "book",
	"kapitel", "teil", "abschnitt", "anhang", "chapitre", "partie", "annexe", "capítulo", "parte", "sección", "anexo", "capitolo", "sezione", "allegato",
}

// keyword reports whether text is a word such as "Chapter" and a number, and
// nothing more.
func keyword(text string) bool {
	word, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	if !slices.Contains(keywords, strings.ToLower(word)) {
		return false
	}
	rest = strings.TrimRight(rest, ".:")
	return rest != "" && len(rest) <= 5 && (strings.Trim(rest, "0123456789") == "" || strings.Trim(rest, "IVXLC") == "" || len(rest) == 1 && rest[0] >= 'A' && rest[0] <= 'Z')
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
		if gap(&l.Runs[i-1], &l.Runs[i]) {
			n++
		}
	}
	return n
}

// gap reports whether a wide gap parts two runs that follow one another.
func gap(a, b *Run) bool {
	return max(b.Box[0]-a.Box[2], a.Box[0]-b.Box[2]) > gapDrawn*max(a.Size, b.Size)
}

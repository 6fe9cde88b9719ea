package layout

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// face is how a stretch of text differs from the text around it.
type face struct {
	bold, italic, mono bool
	shift              int8   // 1 for a superscript, -1 for a subscript
	uri                string // where it leads
}

// stretch is text of one face.
type stretch struct {
	face
	start, end int
}

// running is text and its faces while lines are added.
type running struct {
	joiner
	parts []stretch
}

// inline returns what an element says and, unless it is to be plain, its faces.
func (w *markdown) inline(e *Element, plain bool) (text string, parts []stretch) {
	r := w.running(e)
	w.run(&r, e, plain)
	text, parts = r.end()
	if e.Type == TypeFootnote {
		parts = raiseSign(text, parts)
	}
	return text, parts
}

func (w *markdown) running(e *Element) running {
	return running{joiner: joiner{out: make([]byte, 0, e.End-e.Start), known: w.known, keep: w.style.KeepHyphens}}
}

// run adds what an element says.
func (w *markdown) run(r *running, e *Element, plain bool) {
	p := w.page
	for i := e.first; i <= e.last; i++ {
		l := &p.Lines[i]
		at := max(l.Start, min(e.Start+e.skip, l.End))
		for at < l.End && p.Text[at] == ' ' {
			at++
		}
		if at >= l.End {
			continue
		}
		r.next(p.Text[at:l.End])
		if plain {
			r.put(p.Text[at:l.End])
			continue
		}
		for _, s := range w.faces(l, at) {
			if n := len(r.parts); n == 0 || r.parts[n-1].face != s.face {
				r.parts = append(r.parts, stretch{face: s.face, start: len(r.out)})
			}
			r.put(p.Text[s.start:s.end])
		}
	}
}

// end returns the text and its faces.
func (r *running) end() (text string, parts []stretch) {
	parts = r.parts
	for i := range parts {
		if parts[i].end = len(r.out); i+1 < len(parts) {
			parts[i].end = min(parts[i+1].start, len(r.out))
		}
	}
	return string(r.out), parts
}

// raiseSign raises the number of a note that its text follows closely.
func raiseSign(text string, parts []stretch) []stretch {
	n := len(text) - len(strings.TrimLeft(text, "0123456789"))
	if n == 0 || n == len(text) || text[n] == ' ' || text[n] == '.' || parts == nil || parts[0].shift != 0 || parts[0].end <= n {
		return parts
	}
	parts[0].start = n
	return append([]stretch{{face: face{shift: 1}, end: n}}, parts...)
}

// faces divides a line, from a byte of the page's text on, into stretches of
// one face. The next call overwrites what it returns.
func (w *markdown) faces(l *Line, from int) []stretch {
	out := w.line[:0]
	put := func(f face, end int) {
		switch n := len(out); {
		case end <= from:
			return
		case n > 0 && (out[n-1].face == f || strings.TrimSpace(w.page.Text[from:end]) == ""):
			out[n-1].end = end
		default:
			out = append(out, stretch{f, from, end})
		}
		from = end
	}
	links, size := w.links(l), l.size()
	for k := range l.Runs {
		r := &l.Runs[k]
		f := w.face(l, r, size)
		if len(links) == 0 {
			put(f, r.End)
			continue
		}
		w.words(r, func(x, y float32, end int) {
			f.uri = linkAt(links, x, y)
			put(f, end)
		})
	}
	put(face{}, l.End)
	w.line = out
	return out
}

// words calls fn for each word of a run with where its middle stands, about (a
// run has one box only), and where it and the space after it end.
func (w *markdown) words(r *Run, fn func(x, y float32, end int)) {
	text := w.page.Text[r.Start:r.End]
	one := (r.Box[2] - r.Box[0]) / float32(max(utf8.RuneCountInString(text), 1))
	before := 0
	for at := 0; at < len(text); {
		end := len(text)
		if n := strings.IndexByte(text[at:], ' '); n >= 0 {
			end = at + n + 1
		}
		in := utf8.RuneCountInString(text[at:end])
		fn(r.Box[0]+one*(float32(before)+0.5*float32(in)), 0.5*(r.Box[1]+r.Box[3]), r.Start+end)
		before += in
		at = end
	}
}

// face returns the face of a run of a line whose largest letters are of the
// size. The document's own face is none.
func (w *markdown) face(l *Line, r *Run, size float32) face {
	font := &w.page.Fonts[r.Font]
	f := face{mono: font.Mono && !w.mono}
	if font.Name == "" || font.Name != w.body {
		f.bold, f.italic = font.Bold, font.Italic
	}
	if l.Angle == 0 && r.Size <= 0.85*size && r.End-r.Start <= 12 && len(l.Runs) > 1 {
		switch {
		case r.Box[3] < l.Base-0.12*size:
			f = face{shift: 1}
		case r.Box[3] > l.Base+0.05*size && r.Box[1] > l.Base-0.55*size:
			f = face{shift: -1}
		}
	}
	return f
}

// size returns the size of the largest run of the line.
func (l *Line) size() float32 {
	var size float32
	for k := range l.Runs {
		size = max(size, l.Runs[k].Size)
	}
	return size
}

// maxLineLinks are looked at for a line. No line that people read has more.
const maxLineLinks = 64

// links returns the links that reach over a line.
func (w *markdown) links(l *Line) []Link {
	if len(w.page.Links) == 0 || l.Angle != 0 {
		return nil
	}
	if w.stripes == nil {
		w.stripes = stripesOf(w.page.Links)
	}
	var out []Link
	for _, i := range w.stripes[stripe(0.5*(l.Box[1]+l.Box[3]))] {
		if k := &w.page.Links[i]; k.Box[0] < l.Box[2] && k.Box[2] > l.Box[0] {
			out = append(out, *k)
		}
	}
	return out
}

const stripeHeight = 8 // points

func stripe(y float32) int { return int(min(max(y, -1e6), 1e6) / stripeHeight) }

// stripesOf says which links reach into which stripe of the page.
func stripesOf(links []Link) map[int][]int {
	stripes := map[int][]int{}
	for i := range links {
		k := &links[i]
		if !leads(k.URI) {
			continue
		}
		first := stripe(k.Box[1])
		for b := first; b <= min(stripe(k.Box[3]), first+maxLineLinks); b++ {
			if len(stripes[b]) < maxLineLinks {
				stripes[b] = append(stripes[b], i)
			}
		}
	}
	return stripes
}

// leads reports whether an address is of a kind that a reader may follow from
// a text: no script, no file.
func leads(uri string) bool {
	scheme, _, found := strings.Cut(uri, ":")
	switch strings.ToLower(scheme) {
	case "http", "https", "mailto", "ftp", "tel", "doi":
		return found
	}
	return false
}

func linkAt(links []Link, x, y float32) string {
	for i := range links {
		if b := &links[i].Box; x >= b[0] && x <= b[2] && y >= b[1] && y <= b[3] {
			return links[i].URI
		}
	}
	return ""
}

// writeFaces escapes text that begins a line and marks its stretches.
func writeFaces(text string, parts []stretch) string {
	if !marked(parts) {
		return escapeBlock(text)
	}
	escaped := escapes(text)
	var out []byte
	for i := range parts {
		s := parts[i]
		end := s.end
		for s.start < s.end && text[s.start] == ' ' {
			s.start++
			out = append(out, ' ')
		}
		for s.end > s.start && (text[s.end-1] == ' ' || s.uri != "" && s.uri[len(s.uri)-1] != text[s.end-1] && strings.IndexByte(".,;:", text[s.end-1]) >= 0) {
			s.end-- // spaces stay outside of marks, the end of a sentence outside of a link
		}
		if s.start < s.end {
			for len(escaped) > 0 && escaped[0] < s.start {
				escaped = escaped[1:]
			}
			inner := insertEscapes(text, s.start, s.end, escaped)
			if text[s.end-1] == '\\' && !slices.Contains(escaped[:min(len(escaped), s.end-s.start)], s.end-1) {
				inner += `\` // or it would escape the mark behind it
			}
			out = s.write(out, text, inner)
		}
		out = append(out, text[s.end:end]...)
	}
	return string(out)
}

// write appends the stretch, which is inner once escaped, with its marks.
func (s *stretch) write(out []byte, text, inner string) []byte {
	raw := text[s.start:s.end]
	open, shut := "", ""
	switch {
	case s.shift > 0:
		open, shut = "<sup>", "</sup>"
	case s.shift < 0:
		open, shut = "<sub>", "</sub>"
	case s.mono && !strings.Contains(raw, "`"):
		open, shut, inner = "`", "`", raw
	case (s.bold || s.italic) && s.flanks(out, text):
		if s.bold {
			open = "**"
		}
		if s.italic {
			open += "*"
		}
		shut = open
	}
	switch {
	case s.uri == "":
		if open == "" && len(out) == 0 {
			inner = escapeStart(inner)
		}
	case open == "" && (raw == s.uri || "mailto:"+raw == s.uri) && !strings.ContainsAny(raw, " <>"):
		open, shut, inner = "<", ">", raw
	default:
		if open != "`" {
			inner = brackets.Replace(inner)
		}
		open, shut = "["+open, shut+"]("+address.Replace(s.uri)+")"
	}
	out = append(out, open...)
	out = append(out, inner...)
	return append(out, shut...)
}

var (
	brackets = strings.NewReplacer(`\\`, `\\`, `\[`, `\[`, `\]`, `\]`, "[", `\[`, "]", `\]`)
	address  = strings.NewReplacer(" ", "%20", "<", "%3C", ">", "%3E", "(", "%28", ")", "%29", `\`, "%5C", "\n", "", "\r", "", "\t", "%09")
)

// flanks reports whether marks of emphasis around the stretch would be taken
// for such (CommonMark, 6.2): out is what is written before it.
func (s *stretch) flanks(out []byte, text string) bool {
	first, _ := utf8.DecodeRuneInString(text[s.start:])
	last, _ := utf8.DecodeLastRuneInString(text[:s.end])
	if strings.ContainsRune("*_~`", first) || strings.ContainsRune("*_~`", last) {
		return false
	}
	if n := len(out); n > 0 {
		before, _ := utf8.DecodeLastRune(out)
		if before == '*' || isPunct(first) && !isPunct(before) && !unicode.IsSpace(before) {
			return false
		}
	}
	if s.end == len(text) {
		return true
	}
	after, _ := utf8.DecodeRuneInString(text[s.end:])
	return !isPunct(last) || isPunct(after) || unicode.IsSpace(after)
}

func isPunct(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }

package layout

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Style says how Markdown is written. The zero value fits retrieval.
type Style struct {
	Furniture   bool // running headers, footers and page numbers stay where they stand
	HTMLTables  bool // every table as HTML; otherwise only one whose cells span
	Plain       bool // no marks for bold, italic, code, links
	KeepHyphens bool // words broken at a line's end stay broken

	// Images is what the addresses of images begin with, such as "images/";
	// "" leaves images out.
	Images string
}

// Markdown returns the page as GitHub flavoured Markdown, "" for a page without
// text. It is made of the page's Elements and says the same; furniture is left
// out where the style does not ask for it.
func Markdown(p Page, prof Profile, style Style) string {
	w := newMarkdown(&p, &prof, style)
	w.writeAll(elements(&p, &prof), -1)
	return w.sb.String()
}

func newMarkdown(p *Page, prof *Profile, style Style) *markdown {
	w := &markdown{page: p, style: style, body: prof.BodyFont, mono: prof.Mono, known: p.compounds()}
	w.sb.Grow(len(p.Text) + len(p.Text)/8)
	return w
}

// markdown writes elements one after the other.
type markdown struct {
	page    *Page
	style   Style
	body    string // the document's font
	mono    bool   // it is typewritten
	sb      strings.Builder
	known   compounds
	line    []stretch     // room for a line's faces
	indents []int         // where the text of the list items around begins
	stripes map[int][]int // links by where they stand
	alt     string        // what the image that is next shows
	held    *held         // what the next page may go on with; nil: nothing
}

// writeAll writes elements but one, -1 for none.
func (w *markdown) writeAll(of []Element, but int) {
	for i := range of {
		e := &of[i]
		if i == but || e.Layer != LayerBody && !w.style.Furniture || e.Type == TypeImage && w.style.Images == "" {
			continue
		}
		if e.Type == TypeImage {
			w.alt = imageText(w.page, of, i)
		}
		w.write(e)
	}
}

func (w *markdown) write(e *Element) {
	inList := e.Type == TypeListItem
	if w.sb.Len() > 0 && !(inList && len(w.indents) > 0) {
		w.sb.WriteByte('\n')
	}
	if !inList {
		w.indents = w.indents[:0]
	}
	switch e.Type {
	case TypeTitle, TypeHeading:
		for range e.Level {
			w.sb.WriteByte('#')
		}
		w.sb.WriteByte(' ')
		text, _ := w.inline(e, true)
		w.sb.WriteString(escapeHeading(text))
	case TypeListItem:
		w.item(e)
	case TypeCode:
		w.code(e)
	case TypeImage:
		w.image(e)
	case TypeTable:
		w.table(e)
	default:
		w.sb.WriteString(w.text(e))
	}
	w.sb.WriteByte('\n')
}

func (w *markdown) item(e *Element) {
	w.indents = w.indents[:min(len(w.indents), e.Level-1)]
	at := 0
	if n := len(w.indents); n > 0 {
		at = w.indents[n-1]
	}
	bullet, lead := listMark(e.Marker)
	for range at {
		w.sb.WriteByte(' ')
	}
	w.sb.WriteString(bullet)
	w.sb.WriteString(lead)
	w.sb.WriteString(w.text(e))
	w.indents = append(w.indents, at+len(bullet))
}

// listMark returns a list item's Markdown marker and what of the printed one
// stays in the text: Markdown counts in digits only.
func listMark(m string) (bullet, lead string) {
	if m == "" {
		return "- ", "" // drawn, not written
	}
	if n := len(m); m[0] >= '0' && m[0] <= '9' && (m[n-1] == '.' || m[n-1] == ')') {
		return m + " ", ""
	}
	r, n := utf8.DecodeRuneInString(m)
	if n == len(m) && strings.ContainsRune(bullets, r) {
		return "- ", ""
	}
	return "- ", escapeBlock(m + " ")
}

// text returns an element's text with the marks that the style wants, nothing of
// one that is held back.
func (w *markdown) text(e *Element) string {
	if h := w.held; h != nil && h.element == e {
		h.at = w.sb.Len()
		w.run(&h.running, e, w.style.Plain)
		return ""
	}
	text, parts := w.inline(e, w.style.Plain)
	return writeFaces(text, parts)
}

// code writes a listing between fences, or as lines of text in a plain style.
func (w *markdown) code(e *Element) {
	if w.style.Plain {
		w.sb.WriteString(w.text(e))
		return
	}
	text, fence := w.page.code(e.first, e.last), "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	w.sb.WriteString(fence + "\n" + text + "\n" + fence)
}

// escapeHeading escapes text for the line of a heading.
func escapeHeading(s string) string {
	s = escape(s)
	if t := strings.TrimRight(s, "#"); t != s && (t == "" || t[len(t)-1] == ' ') {
		s = t + `\` + s[len(t):] // or it would be taken for a closing sequence
	}
	return s
}

// escapeBlock escapes text that begins a line.
func escapeBlock(s string) string { return escapeStart(escape(s)) }

// escapeStart escapes what would begin a block where s, otherwise escaped,
// begins a line.
func escapeStart(s string) string {
	if s == "" {
		return s
	}
	switch c := s[0]; {
	case c == '#' || c == '>' || c == '+' || c == '-' || c == '=':
		if c != '#' && c != '>' && len(s) > 1 && s[1] != ' ' && s[1] != c {
			return s // "-5" is no list
		}
		return `\` + s
	case c >= '0' && c <= '9':
		i := 0
		for i < len(s) && i < 10 && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		if i < len(s) && (s[i] == '.' || s[i] == ')') && (i+1 == len(s) || s[i+1] == ' ') {
			return s[:i] + `\` + s[i:]
		}
	}
	return s
}

// escape escapes what Markdown would take for markup inside a line, and no
// more: text full of backslashes is hard to read and to search.
func escape(s string) string { return insertEscapes(s, 0, len(s), escapes(s)) }

// escapes returns the bytes of s that need a backslash.
func escapes(s string) []int {
	if !strings.ContainsAny(s, "\\`*_<]~&") {
		return nil
	}
	var out []int
	for i := 0; i < len(s); {
		j := i + 1
		if c := s[i]; c == '*' || c == '_' || c == '~' {
			for j < len(s) && s[j] == c {
				j++
			}
		}
		markup := special(s, i, j)
		for ; i < j; i++ {
			if markup {
				out = append(out, i)
			}
		}
	}
	return out
}

// insertEscapes returns s[start:end] with backslashes before those bytes, the
// first of which is not before start.
func insertEscapes(s string, start, end int, at []int) string {
	if len(at) == 0 || at[0] >= end {
		return s[start:end]
	}
	out := make([]byte, 0, end-start+16)
	for _, i := range at {
		if i >= end {
			break
		}
		out = append(append(out, s[start:i]...), '\\')
		start = i
	}
	return string(append(out, s[start:end]...))
}

// special reports whether s[i:j], one byte or as many of a kind as there are,
// would be markup.
func special(s string, i, j int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[j:])
	white := (i == 0 || before == ' ') && (j == len(s) || after == ' ')
	switch s[i] {
	case '\\':
		// At the end it would escape what is written behind it.
		return j == len(s) || after < utf8.RuneSelf && (unicode.IsPunct(after) || unicode.IsSymbol(after))
	case '`':
		return true
	case '*':
		return !white || i == 0
	case '_':
		// Inside a word an underscore is a letter.
		return (!white || i == 0) && !(wordRune(before) && wordRune(after))
	case '~':
		return j-i >= 2 && (!white || i == 0)
	case '<':
		return after == '/' || after == '!' || after == '?' || after < utf8.RuneSelf && unicode.IsLetter(after)
	case ']':
		return after == '(' || after == '[' || after == ':' && s[0] == '['
	case '&':
		n := strings.IndexByte(s[i:min(len(s), i+32)], ';')
		return n > 1 && !strings.Contains(s[i:i+n], " ")
	}
	return false
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

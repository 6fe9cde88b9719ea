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
}

// Markdown returns the page as GitHub flavoured Markdown, "" for a page without
// text. It is made of the page's Elements and says the same.
func Markdown(p Page, prof Profile, style Style) string {
	var sb strings.Builder
	sb.Grow(len(p.Text) + len(p.Text)/8)
	var indents []int // where the text of the list items around begins
	for _, e := range Elements(p, prof) {
		inList := e.Type == TypeListItem
		if sb.Len() > 0 && !(inList && len(indents) > 0) {
			sb.WriteByte('\n')
		}
		if !inList {
			indents = indents[:0]
		}
		switch e.Type {
		case TypeTitle, TypeHeading:
			for range e.Level {
				sb.WriteByte('#')
			}
			sb.WriteByte(' ')
			sb.WriteString(escapeHeading(e.Text))
		case TypeListItem:
			indents = indents[:min(len(indents), e.Level-1)]
			at := 0
			if n := len(indents); n > 0 {
				at = indents[n-1]
			}
			bullet, text := listItem(e)
			for range at {
				sb.WriteByte(' ')
			}
			sb.WriteString(bullet)
			sb.WriteString(text)
			indents = append(indents, at+len(bullet))
		case TypeTable:
			writeTable(&sb, &p, e.Table, style)
		default:
			sb.WriteString(escapeBlock(e.Text))
		}
		sb.WriteByte('\n')
	}
	return sb.String()
}

// listItem returns a list item's Markdown marker and its text. Markdown counts
// in digits only: other counters stay in the text.
func listItem(e Element) (bullet, text string) {
	m := e.Marker
	if n := len(m); m[0] >= '0' && m[0] <= '9' && (m[n-1] == '.' || m[n-1] == ')') {
		return m + " ", escapeBlock(e.Text)
	}
	r, n := utf8.DecodeRuneInString(m)
	if n == len(m) && strings.ContainsRune(bullets, r) {
		return "- ", escapeBlock(e.Text)
	}
	return "- ", escapeBlock(m + " " + e.Text)
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
func escapeBlock(s string) string {
	s = escape(s)
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
func escape(s string) string {
	if !strings.ContainsAny(s, "\\`*_<]~&") {
		return s
	}
	out := make([]byte, 0, len(s)+16)
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
				out = append(out, '\\')
			}
			out = append(out, s[i])
		}
	}
	return string(out)
}

// special reports whether s[i:j], one byte or as many of a kind as there are,
// would be markup.
func special(s string, i, j int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[j:])
	white := (i == 0 || before == ' ') && (j == len(s) || after == ' ')
	switch s[i] {
	case '\\':
		return after < utf8.RuneSelf && (unicode.IsPunct(after) || unicode.IsSymbol(after))
	case '`':
		return true
	case '*':
		return !white || i == 0
	case '_':
		// Inside a word an underscore is a letter.
		return (!white || i == 0) && !(wordRune(before) && wordRune(after))
	case '~':
		return j-i >= 2 && !white
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

package layout

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// captionWords are what the captions of tables and figures begin with.
var captionWords = []string{
	"table", "figure", "fig", "tab", "exhibit", "chart", "box", "scheme", "plate", "listing", "algorithm", "photo", "map", "graph", "diagram",
	"tabelle", "abbildung", "abb", "tableau", "tabla", "figura", "tabella", "tabela", "таблица", "рисунок", "рис", "表", "图", "圖", "図",
}

// captionText returns what follows the number of a table or figure in its
// caption: of "Figure 3.1: A cat" it is ": A cat".
func captionText(text string) (rest string, ok bool) {
	end := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsLetter(r) })
	if end <= 0 {
		return "", false
	}
	word := strings.ToLower(text[:end])
	known := false
	for _, w := range captionWords {
		if known = w == word; known {
			break
		}
	}
	if !known {
		return "", false
	}
	rest = strings.TrimLeft(text[end:], ". \n\u00A0")
	n := 0
	for n < len(rest) && (rest[n] >= '0' && rest[n] <= '9' || strings.IndexByte("IVXABCDS.-", rest[n]) >= 0) {
		n++
	}
	number := strings.TrimRight(rest[:n], ".-")
	if strings.ContainsAny(number, "0123456789IVXABCDS") && !startsWord(rest[n:], number) {
		return rest[len(number):], true
	}
	return text[end:], strings.HasPrefix(text[end:], ":")
}

// startsWord reports whether the letters of a number only begin a word: the
// "A" of "Table About".
func startsWord(rest, number string) bool {
	r, _ := utf8.DecodeRuneInString(rest)
	return unicode.IsLetter(r) && !strings.ContainsAny(number, "0123456789")
}

// isCaption reports whether text begins like the caption of a table or figure.
func isCaption(text string) bool {
	_, ok := captionText(text)
	return ok
}

// isCaption reports whether the part is the caption of a table or figure, and
// not a sentence that speaks of one: something parts its number from its text,
// or nothing follows, or its label stands out.
func (p *Page) isCaption(s *part) bool {
	if s.last-s.first > 12 {
		return false
	}
	text := p.text(s)
	rest, ok := captionText(text)
	if !ok {
		return false
	}
	trimmed := strings.TrimLeft(rest, " \n\u00A0)")
	if trimmed == "" {
		return true
	}
	if strings.IndexByte(":.|", trimmed[0]) >= 0 || strings.HasPrefix(trimmed, "—") || strings.HasPrefix(trimmed, "–") {
		return true
	}
	runs := p.Lines[s.first].Runs
	if len(runs) == 0 {
		return false
	}
	label, body := p.Fonts[runs[0].Font], p.Fonts[runs[len(runs)-1].Font]
	if label.Bold && !body.Bold || s.bold {
		return true
	}
	first, _ := utf8.DecodeRuneInString(trimmed)
	return s.first == s.last && unicode.IsUpper(first)
}

package sqlite

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mostSearch bounds what is searched for, in bytes: SQLite takes no pattern of
// any length.
const mostSearch = 1000

// searchWhere is the condition that a text is part of the filename, in any case,
// or the beginning of the id. Both stand in the indexes of lists.
func searchWhere(text string) (string, []any, error) {
	if len(text) > mostSearch {
		return "", nil, fmt.Errorf("search for more than %d bytes", mostSearch)
	}
	name, pattern := `filename LIKE ? ESCAPE '\'`, `%`+likely.Replace(text)+`%`
	if strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) {
		name, pattern = `lower(filename) GLOB ?`, globOf(text)
	}
	if strings.ContainsRune(text, 0) { // it would end the pattern
		return `FALSE`, nil, nil
	}
	prefix := strings.ToLower(text)
	if strings.Trim(prefix, "0123456789abcdef-") != "" {
		return name, []any{pattern}, nil
	}
	return `(` + name + ` OR id >= ? AND id < ?)`, []any{pattern, prefix, prefix + "g"}, nil
}

// likely takes the meaning from LIKE's signs.
var likely = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// globOf is the pattern of a text in names of which SQLite has made the ASCII
// letters small: it knows the case of no others. Of those the pattern has both.
func globOf(text string) string {
	var b strings.Builder
	b.WriteByte('*')
	for _, r := range text {
		switch {
		case r == utf8.RuneError:
			b.WriteByte('?')
		case r < utf8.RuneSelf && strings.ContainsRune(`*?[`, r):
			fmt.Fprintf(&b, "[%c]", r)
		case r < utf8.RuneSelf:
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteByte('[')
			b.WriteRune(r)
			for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
				b.WriteRune(other)
			}
			b.WriteByte(']')
		}
	}
	b.WriteByte('*')
	return b.String()
}

package postgres

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mostSearch bounds what is searched for, in bytes.
const mostSearch = 1000

// addSearch adds the condition that a text is part of the filename, in any case,
// or the beginning of the id.
func (c *conditions) addSearch(text string) error {
	if len(text) > mostSearch {
		return fmt.Errorf("search for more than %d bytes", mostSearch)
	}
	// Its own collation: with another the server folds each name by its locale,
	// which takes twice as long.
	var name string
	if strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) {
		name = `filename COLLATE "C" ~* ` + c.arg(patternOf(text), "text")
	} else {
		name = `filename COLLATE "C" ILIKE ` + c.arg(`%`+likely.Replace(text)+`%`, "text")
	}
	if from, to, ok := prefixed(text); ok {
		name = `(` + name + ` OR id BETWEEN ` + c.arg(from, "uuid") + ` AND ` + c.arg(to, "uuid") + `)`
	}
	c.add(name)
	return nil
}

// likely takes the meaning from LIKE's signs.
var likely = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// patternOf is the pattern of a text as a regular expression, with every case of
// its letters: the server may know the case of none that is not ASCII, which is
// the database's locale's to say.
func patternOf(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < utf8.RuneSelf || unicode.SimpleFold(r) == r {
			b.WriteString(regexp.QuoteMeta(string(r)))
			continue
		}
		b.WriteByte('[')
		b.WriteRune(r)
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			b.WriteRune(other)
		}
		b.WriteByte(']')
	}
	return b.String()
}

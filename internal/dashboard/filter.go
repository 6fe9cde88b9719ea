package dashboard

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/mivaa/mivaa/internal/api"
)

// filter is which jobs a list shows, as its address and its search box say it.
type filter struct{ api.JobFilter }

// fields are what selects jobs beside text: the names in addresses, and the
// words by which the search box knows them.
var fields = []struct {
	name, word string
	of         func(*filter) *string
}{
	{"status", "status", func(f *filter) *string { return &f.Status }},
	{"cause", "cause", func(f *filter) *string { return &f.Cause }},
	{"error_code", "code", func(f *filter) *string { return &f.ErrorCode }},
	{"owner", "owner", func(f *filter) *string { return &f.Owner }},
	{"instance", "instance", func(f *filter) *string { return &f.Instance }},
	{"document_id", "document", func(f *filter) *string { return &f.Document }},
}

// filterOf reads a filter from an address. Of what stands in the search box,
// "status:failed report" is a status and a part of a filename; what is quoted is
// text.
func filterOf(q url.Values) filter {
	var f filter
	for _, known := range fields {
		*known.of(&f) = strings.TrimSpace(q.Get(known.name))
	}
	var text []string
	for _, t := range tokens(q.Get("q")) {
		if t.quoted || !f.take(t.text) {
			text = append(text, t.text)
		}
	}
	f.Query = strings.Join(text, " ")
	return f
}

// take reads word:value and reports whether it is one of ours.
func (f *filter) take(s string) bool {
	word, value, ok := strings.Cut(s, ":")
	if !ok {
		return false
	}
	for _, known := range fields {
		if strings.EqualFold(word, known.word) {
			*known.of(f) = strings.Trim(value, `"`)
			return true
		}
	}
	return false
}

type token struct {
	text   string
	quoted bool
}

// tokens cuts at spaces that are not between quotes.
func tokens(s string) []token {
	var all []token
	inside := false
	for _, part := range strings.FieldsFunc(s, func(r rune) bool {
		if r == '"' {
			inside = !inside
		}
		return !inside && unicode.IsSpace(r)
	}) {
		t := token{text: part}
		if len(part) > 1 && strings.HasPrefix(part, `"`) && strings.HasSuffix(part, `"`) {
			t = token{strings.Trim(part, `"`), true}
		}
		if t.text != "" {
			all = append(all, t)
		}
	}
	return all
}

// search is the filter as the search box shows it.
func (f filter) search() string {
	var parts []string
	for _, known := range fields {
		if v := *known.of(&f); v != "" {
			parts = append(parts, known.word+":"+quoted(v, false))
		}
	}
	if f.Query != "" {
		parts = append(parts, quoted(f.Query, new(filter).take(f.Query)))
	}
	return strings.Join(parts, " ")
}

func quoted(s string, must bool) string {
	if must || strings.ContainsFunc(s, unicode.IsSpace) {
		return `"` + s + `"`
	}
	return s
}

// isEmpty reports whether the filter selects everything.
func (f filter) isEmpty() bool { return f.JobFilter == api.JobFilter{} }

// values is the filter as an address has it, with more beside it: pairs of name
// and value, of which empty ones are left out.
func (f filter) values(pairs ...string) url.Values {
	q := url.Values{}
	for _, known := range fields {
		if v := *known.of(&f); v != "" {
			q.Set(known.name, v)
		}
	}
	if f.Query != "" {
		q.Set("q", quoted(f.Query, new(filter).take(f.Query)))
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

// address is a page's address with the filter in it.
func (f filter) address(path string, pairs ...string) string {
	return (&url.URL{Path: path, RawQuery: f.values(pairs...).Encode()}).String()
}

// hidden is the filter as hidden fields of a form.
func (f filter) hidden(pairs ...string) []pair {
	var all []pair
	q := f.values(pairs...)
	for _, name := range slices.Sorted(maps.Keys(q)) {
		all = append(all, pair{name, q.Get(name)})
	}
	return all
}

type pair struct{ Name, Value string }

// with returns the filter with one field changed.
func (f filter) with(name, value string) filter {
	for _, known := range fields {
		if known.name == name {
			*known.of(&f) = value
		}
	}
	return f
}

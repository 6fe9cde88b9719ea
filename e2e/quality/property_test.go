package quality

import (
	"html"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/mivaa/mivaa/internal/layout"
)

// TestNothingLost holds Markdown of real documents against their pages: whatever
// the layout is taken for, it has the same letters and digits, each as often.
func TestNothingLost(t *testing.T) {
	t.Parallel()
	var files []string
	for _, dir := range []string{"testdata", corpus, filepath.Join(benchmark, "pdfs")} {
		some, err := filepath.Glob(filepath.Join(dir, "*.pdf"))
		if err != nil {
			t.Fatal(err)
		}
		if len(some) == 0 {
			t.Logf("SKIPPED: no documents in %s", dir)
		}
		files = append(files, some...)
	}
	pool := newPool(t)
	for _, file := range files {
		pages, err := readPages(t.Context(), pool, file, 8)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		var text strings.Builder
		for _, p := range pages {
			text.WriteString(p.Text)
		}
		for _, style := range []layout.Style{scored, {Furniture: true, Plain: true}} {
			lost, more := differ(lettersIn(text.String()), lettersIn(withoutMarkup(markdown(pages, style))))
			lost, _ = differ(lost, bullets(pages))
			if len(lost)+len(more) > 0 {
				t.Errorf("%s: Markdown has lost %q and has too much %q", filepath.Base(file), string(lost), string(more))
			}
		}
	}
}

// bullets returns the letters that stand for bullets, sorted: Word prints an o.
func bullets(pages []layout.Page) []rune {
	var out []rune
	for _, p := range pages {
		for _, e := range layout.Elements(p, layout.Profile{}) {
			if r, n := utf8.DecodeRuneInString(e.Marker); n > 0 && n == len(e.Marker) {
				out = append(out, r)
			}
		}
	}
	slices.Sort(out)
	return out
}

var (
	tag    = regexp.MustCompile(`</?[a-z]+( [^<>]*)?>|<br>|!?\[[^\]]*\]\([^)]*\)`)
	escape = regexp.MustCompile(`\\([[:punct:]])`)
)

// withoutMarkup is the text of Markdown. What is escaped is no markup.
func withoutMarkup(md string) string {
	md = strings.ReplaceAll(md, "\\</td>\n", "</td>\n") // in HTML a backslash is one
	md = escape.ReplaceAllString(md, " ")
	return html.UnescapeString(tag.ReplaceAllString(md, " "))
}

// lettersIn returns the letters and digits of a text, sorted, ligatures and
// compatible forms spelt out.
func lettersIn(text string) []rune {
	var out []rune
	for _, r := range plain.Replace(text) {
		if unicode.In(r, unicode.L, unicode.N) {
			out = append(out, r)
		}
	}
	slices.Sort(out)
	return out
}

// differ returns what of a is not in b, and the reverse; both are sorted.
func differ(a, b []rune) (lost, more []rune) {
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0] < b[0]:
			lost, a = append(lost, a[0]), a[1:]
		case len(a) == 0 || b[0] < a[0]:
			more, b = append(more, b[0]), b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return lost, more
}

package layout

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// verify checks what holds for every page that Read makes.
func verify(t testing.TB, p Page) {
	t.Helper()
	if !utf8.ValidString(p.Text) {
		t.Fatalf("text is not UTF-8: %q", p.Text)
	}
	var lines strings.Builder
	for i, l := range p.Lines {
		lines.WriteString(p.Text[l.Start:l.End] + "\n")
		var runs strings.Builder
		for _, r := range l.Runs {
			runs.WriteString(p.Text[r.Start:r.End])
		}
		if runs.String() != p.Text[l.Start:l.End] || runs.Len() == 0 {
			t.Fatalf("line %d is %q, its runs %q", i, p.Text[l.Start:l.End], runs.String())
		}
		if text := p.Text[l.Start:l.End]; strings.TrimSpace(text) != text {
			t.Fatalf("line %d has white space around it: %q", i, text)
		}
	}
	if lines.String() != p.Text {
		t.Fatalf("the lines are not the text")
	}
	if n := len([]rune(strings.Join(strings.Fields(p.Text), ""))); p.Order == "" && n != p.Chars-p.Unshown {
		t.Fatalf("the text has %d characters, the page %d, %d of them not shown", n, p.Chars, p.Unshown)
	}
	next := 0
	for i, b := range p.Blocks {
		if b.Kind == BlockTable {
			verifyTable(t, &p, &b)
		}
		if b.First != next || b.Last < b.First {
			t.Fatalf("block %d has lines %d to %d, wanted from %d", i, b.First, b.Last, next)
		}
		next = b.Last + 1
	}
	if next != len(p.Lines) {
		t.Fatalf("%d of %d lines are in blocks", next, len(p.Lines))
	}
	q, err := Decode(p.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(p, q); d != "" {
		t.Fatalf("decoded otherwise: %s", d)
	}
	var pr Profiler
	pr.Add(p)
	verifyElements(t, p, pr.Profile())
}

// verifyTable checks that cells do not overlap, that what they hold is all of
// the block, and that no run belongs to two of them.
func verifyTable(t testing.TB, p *Page, b *Block) {
	t.Helper()
	owner := map[int]int{} // of bytes of the text
	places := map[[2]int]int{}
	for i, c := range b.Table.Cells {
		for r := c.Row; r < c.Row+max(c.RowSpan, 1); r++ {
			for k := c.Col; k < c.Col+max(c.ColSpan, 1); k++ {
				if o, taken := places[[2]int{r, k}]; taken {
					t.Fatalf("cells %d and %d are both at row %d, column %d", o, i, r, k)
				}
				places[[2]int{r, k}] = i
			}
		}
		for _, s := range c.Spans {
			for at := s.Start; at < s.End; at++ {
				if o, taken := owner[at]; taken {
					t.Fatalf("cells %d and %d both have byte %d", o, i, at)
				}
				owner[at] = i
			}
		}
	}
	for _, l := range p.Lines[b.First : b.Last+1] {
		for _, r := range l.Runs {
			first, some := owner[r.Start]
			for at := r.Start; at < r.End; at++ {
				if o, taken := owner[at]; p.Text[at] != ' ' && (!taken || !some || o != first) {
					t.Fatalf("the run %q is in cells %d and %d", p.Text[r.Start:r.End], first, o)
				}
			}
		}
	}
}

// verifyElements checks that no text is lost on the way to Markdown.
func verifyElements(t testing.TB, p Page, prof Profile) {
	t.Helper()
	at := 0
	var shown, body strings.Builder
	for i, e := range Elements(p, prof) {
		if e.Start != at && e.Start != at+1 || e.End > len(p.Text) {
			t.Fatalf("element %d is %d to %d, wanted from %d", i, e.Start, e.End, at)
		}
		if e.Confidence <= 0 || e.Confidence > 1 {
			t.Fatalf("element %d is sure by %v", i, e.Confidence)
		}
		at = e.End
		want, got := letters(p.Text[e.Start:e.End]), letters(e.Marker+e.Text)
		if e.Type == TypeTable { // cells that reach over rows come in another order than their lines
			want, got = sorted(want), sorted(got)
		}
		if want != got {
			t.Fatalf("element %d, %s, says %q, the page %q", i, e.Type, got, want)
		}
		said := e.Text
		if !strings.Contains(bullets, e.Marker) {
			said = e.Marker + e.Text
		}
		shown.WriteString(said)
		if e.Layer == LayerBody {
			body.WriteString(said)
		}
	}
	for _, style := range []Style{
		{}, {Furniture: true}, {Furniture: true, Plain: true}, {HTMLTables: true},
		{Furniture: true, HTMLTables: true, Plain: true, KeepHyphens: true},
	} {
		md := Markdown(p, prof, style)
		if !utf8.ValidString(md) {
			t.Fatalf("Markdown is not UTF-8: %q", md)
		}
		want := letters(body.String())
		if style.Furniture {
			want = letters(shown.String())
		}
		if got := letters(unmarked(md)); want != got {
			t.Fatalf("%+v: Markdown says %q, elements %q", style, got, want)
		}
	}
}

// unmarked takes from Markdown what it adds to the text: tags, entities, and
// where links lead.
func unmarked(md string) string {
	return markup.ReplaceAllString(strings.NewReplacer(`\<`, "", `\&`, "").Replace(md), "")
}

var markup = regexp.MustCompile(`</?(?:su[pb]|table|tr|td|th)(?: [a-z]+="\d+")*>|\]\((?:https?://|mailto:)[^)]*\)|&(?:lt|gt|amp|quot|#\d+);`)

func sorted(s string) string {
	r := []rune(s)
	slices.Sort(r)
	return string(r)
}

// letters leaves of text what Markdown may not change: neither white space nor
// hyphens nor punctuation, and ligatures spelt out.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if wordRune(r) {
			return r
		}
		return -1
	}, reading.Replace(s))
}

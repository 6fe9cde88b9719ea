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
		verifyText(t, p.Text[e.Start:e.End], &e)
		said := e.Text
		if !strings.Contains(bullets, e.Marker) {
			said = e.Marker + e.Text
		}
		shown.WriteString(said)
		if e.Layer == LayerBody {
			body.WriteString(said)
		}
	}
	if at != len(p.Text) && at+1 != len(p.Text) {
		t.Fatalf("the elements end at %d of %d", at, len(p.Text))
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
		if got := letters(markup.ReplaceAllString(md, "")); want != got {
			t.Fatalf("%+v: Markdown says %q, elements %q", style, got, want)
		}
	}
}

// verifyText checks that an element says what stands on the page. The text of
// a table goes cell by cell, where that of the page goes line by line.
func verifyText(t testing.TB, page string, e *Element) {
	t.Helper()
	want, got := letters(page), letters(e.Marker+e.Text)
	if e.Type == TypeTable {
		want, got = sorted(want), sorted(got)
	}
	if want != got {
		t.Fatalf("%s says %q, the page %q", e.Type, got, want)
	}
}

func sorted(s string) string {
	runes := []rune(s)
	slices.Sort(runes)
	return string(runes)
}

// markup is what Markdown adds to the text: escapes, tags and where links lead.
var markup = regexp.MustCompile(`\\[[:punct:]]|</?(?:su[pb]|table|tr|td|th)(?: [a-z]+="\d+")*>|\]\((?:https?://|mailto:)[^)]*\)`)

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

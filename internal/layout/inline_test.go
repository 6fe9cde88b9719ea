package layout

import (
	"strings"
	"testing"
)

// styled is pages of running text with a line on top that set has written.
func styled(t *testing.T, style Style, set func(s *sheet)) string {
	t.Helper()
	s := newSheet()
	s.Fonts = append(s.Fonts, Font{Name: "Times-Italic", Italic: true}, Font{Name: "Times-BoldItalic", Italic: true, Bold: true})
	set(s)
	s.lines(72, 300, 10, regular, filler(12, 46)...)
	p := Read(s.Glyphs)
	verify(t, p)
	var pr Profiler
	pr.Add(p)
	md, _, _ := strings.Cut(Markdown(p, pr.Profile(), style), "\n\nthe line more a")
	return strings.TrimSuffix(md, "\n")
}

func TestFaces(t *testing.T) {
	t.Parallel()
	const italic, both = 3, 4
	type run struct {
		font int
		text string
	}
	for _, tt := range []struct {
		runs []run
		want string
	}{
		{[]run{{regular, "Some "}, {bold, "bold words "}, {regular, "here."}}, "Some **bold words** here."},
		{[]run{{regular, "An "}, {italic, "italic"}, {regular, ", that is."}}, "An *italic*, that is."},
		{[]run{{regular, "It is "}, {both, "both"}, {regular, " now."}}, "It is ***both*** now."},
		{[]run{{regular, "Call "}, {mono, "f(x) *y"}, {regular, " again."}}, "Call `f(x) *y` again."},
		{[]run{{regular, "A "}, {mono, "tick ` it"}, {regular, " is."}}, "A tick \\` it is."},
		{[]run{{bold, "Note:"}, {regular, "the rest"}}, "Note:the rest"}, // marks would not be taken for any
		{[]run{{bold, "a*"}, {regular, " b and more"}}, `a\* b and more`},
		{[]run{{bold, "- 5"}, {regular, " of many and more"}}, "- **5** of many and more"},
		{[]run{{regular, `in c:\`}, {mono, "<b>"}, {regular, " is."}}, "in c:\\\\`<b>` is."}, // or there would be no code, but HTML
		{[]run{{regular, "see "}, {bold, `a\b c\`}, {regular, " here."}}, `see **a\b c\\** here.`},
		{[]run{{bold, ">"}, {mono, "a*b"}, {regular, " and more"}}, "\\>`a*b` and more"},
		{[]run{{regular, "~~~ and more"}}, `\~\~\~ and more`},
		{[]run{{regular, "plain *stars* and a_b"}}, `plain \*stars\* and a_b`},
	} {
		set := func(s *sheet) {
			x := float32(72)
			for _, r := range tt.runs {
				x = s.put(x, 100, 10, r.font, r.text)
			}
			s.newline()
		}
		if got := styled(t, Style{}, set); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
		plain := styled(t, Style{Plain: true}, set)
		if strings.Contains(plain, "**") || strings.Contains(strings.ReplaceAll(plain, "\\`", ""), "`") {
			t.Errorf("plain: %q", plain)
		}
	}
}

func TestSuperscripts(t *testing.T) {
	t.Parallel()
	got := styled(t, Style{}, func(s *sheet) {
		x := s.put(72, 100, 10, regular, "x")
		x = s.put(x, 96, 6, regular, "2")
		x = s.put(x, 100, 10, regular, " of H")
		x = s.put(x, 102, 6, regular, "2")
		s.put(x, 100, 10, regular, "O is all")
		s.newline()
	})
	if want := "x<sup>2</sup> of H<sub>2</sub>O is all"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, word, uri, want string }{
		{"See the manual for more", "the manual", "https://example.org/a(b)", "See [the manual](https://example.org/a%28b%29) for more"},
		{"See https://example.org/x now", "https://example.org/x", "https://example.org/x", "See <https://example.org/x> now"},
		{"Write to me@example.org soon", "me@example.org", "mailto:me@example.org", "Write to <me@example.org> soon"},
		{"Click here to run", "here", "javascript:alert(1)", "Click here to run"},
		{"See [3] there", "[3]", "https://example.org/", `See [\[3\]](https://example.org/) there`},
	} {
		set := func(s *sheet) {
			s.lines(72, 100, 10, regular, tt.text)
			before, _, _ := strings.Cut(tt.text, tt.word)
			x0 := newSheet().put(72, 100, 10, regular, before)
			x1 := newSheet().put(x0, 100, 10, regular, tt.word)
			s.Links = append(s.Links, Link{Box: Box{x0, 92, x1, 102}, URI: tt.uri})
		}
		if got := styled(t, Style{}, set); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
		if got := styled(t, Style{Plain: true}, set); strings.Contains(got, "](") {
			t.Errorf("plain: %q", got)
		}
	}
}

func TestCode(t *testing.T) {
	t.Parallel()
	got := styled(t, Style{}, func(s *sheet) {
		s.lines(72, 100, 10, mono, "for i := range n {")
		s.lines(80, 112, 10, mono, "*p = i // ```")
		s.lines(72, 124, 10, mono, "}")
		s.lines(72, 148, 10, mono, "return")
	})
	if want := "````\nfor i := range n {\n  *p = i // ```\n}\n\nreturn\n````"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestKeepHyphens(t *testing.T) {
	t.Parallel()
	set := func(s *sheet) {
		s.lines(72, 100, 10, regular, full[:80]+" bro-", "ken and a so\u00ADft one and one so"+strings.Repeat(" and so", 8)+" sof\u00AD", "ter.")
	}
	for style, want := range map[Style][]string{
		{}:                  {" broken and a soft one", " softer."},
		{KeepHyphens: true}: {" bro- ken and a soft one", " sof- ter."},
	} {
		got := styled(t, style, set)
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%+v: %q is not in %q", style, w, got)
			}
		}
	}
}

func TestNoteSign(t *testing.T) {
	t.Parallel()
	s := newSheet()
	x := s.put(72, 100, 10, regular, full[:40])
	s.put(x, 96, 6, regular, "1")
	s.newline()
	s.lines(72, 112, 10, regular, filler(12, 46)...)
	s.lines(72, 700, 8, regular, "1The note says so.")
	p := Read(s.Glyphs)
	verify(t, p)
	var pr Profiler
	pr.Add(p)
	if md := Markdown(p, pr.Profile(), Style{}); !strings.HasSuffix(md, "\n\n<sup>1</sup>The note says so.\n") {
		t.Errorf("%q", md)
	}
}

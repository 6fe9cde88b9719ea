package layout

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// composed is what Read makes of a sheet, with the rows put in order by order.
func composed(g Glyphs, order func(content) []row) Page {
	p, c := begin(g)
	p.arrange(order(c), c)
	return p
}

func inReadingOrder(c content) []row { return readingOrder(c) }

// An order that loses a line, or reads one twice, must not pass.
func TestReadFallsBack(t *testing.T) {
	t.Parallel()
	s := newSheet()
	s.lines(72, 124, 10, regular, "the second line")
	s.put(300, 124, 10, regular, "its end")
	s.lines(72, 112, 10, regular, "the first line")
	for _, tt := range []struct {
		name  string
		order func(content) []row
		want  string
		said  string
	}{
		{"sound", inReadingOrder, "the first line\nthe second line its end\n", ""},
		{"a line lost", func(c content) []row { return inReadingOrder(c)[1:] }, "the second line its end\nthe first line\n", OrderStream},
		{"a line twice", func(c content) []row {
			rows := inReadingOrder(c)
			return append(rows, rows[0])
		}, "the second line its end\nthe first line\n", OrderStream},
		{"nothing", func(content) []row { return nil }, "the second line its end\nthe first line\n", OrderStream},
	} {
		p := composed(s.Glyphs, tt.order)
		if d := cmp.Diff(tt.want, p.Text); d != "" || p.Order != tt.said {
			t.Errorf("%s: order %q: %s", tt.name, p.Order, d)
		}
		verify(t, p)
	}
}

// What nobody sees twice is counted once.
func TestReadCounts(t *testing.T) {
	t.Parallel()
	s := newSheet()
	s.lines(72, 100, 10, regular, "shadow", "a word")
	s.put(72.4, 100, 10, regular, "shadow")
	s.put(-300, 100, 10, regular, "off")
	if p := Read(s.Glyphs); p.Chars != 20 || p.Unshown != 9 || p.Order != "" {
		t.Errorf("%d characters, %d unshown, order %q, text %q", p.Chars, p.Unshown, p.Order, p.Text)
	}
}

func TestStreamOrder(t *testing.T) {
	t.Parallel()
	_, c := begin(benchPage())
	var got []int
	for _, r := range streamOrder(c.frags) {
		got = append(got, r.frags...)
	}
	want := make([]int, len(c.frags))
	for i := range want {
		want[i] = i
	}
	if d := cmp.Diff(want, got); d != "" || len(want) == 0 {
		t.Error(d)
	}
}

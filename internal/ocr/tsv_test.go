package ocr

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

const sheet = tsvHeader + "\n1\t1\t0\t0\t0\t0\t0\t0\t100\t80\t-1\t\n"

func row(left, top, width, height int, confidence, text string) string {
	return fmt.Sprintf("5\t1\t1\t1\t1\t1\t%d\t%d\t%d\t%d\t%s\t%s\n", left, top, width, height, confidence, text)
}

func TestParseTSV(t *testing.T) {
	t.Parallel()
	table := sheet + "2\t1\t1\t0\t0\t0\t0\t0\t100\t40\t-1\t\n4\t1\t1\t1\t1\t0\t0\t0\t100\t20\t-1\t\r\n" +
		row(1, 2, 30, 10, "96.5", "“Grün") + row(40, 2, 60, 10, "-1", " zwei ") + row(0, 0, 100, 80, "95", "  ") +
		"5\t1\t1\t1\t2\t1\t1\t20\t30\t10\t50\tnext\n5\t1\t1\t2\t1\t1\t1\t40\t30\t40\t50\tpart\n"
	got, err := parseTSV([]byte(table), 100, 80)
	want := []line{
		{1, 1, []word{{1, 2, 31, 12, 96.5, "“Grün"}, {40, 2, 100, 12, 0, "zwei"}}},
		{1, 1, []word{{1, 20, 31, 30, 50, "next"}}},
		{1, 2, []word{{1, 40, 31, 80, 50, "part"}}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(line{}, word{})); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for name, bad := range map[string]string{
		"nothing": "", "another header": "level\ttext\n", "no page": tsvHeader + "\n", "a word first": tsvHeader + "\n" + row(0, 0, 1, 1, "90", "a"),
		"another picture": strings.Replace(sheet, "100\t80", "100\t81", 1), "two pages": sheet + sheet[len(tsvHeader)+1:],
		"a column less": sheet + "5\t1\t1\t1\t1\t1\t0\t0\t1\t1\t90\n", "a column more": sheet + row(0, 0, 1, 1, "90", "a\tb"),
		"beside it": sheet + row(90, 0, 11, 1, "90", "a"), "under it": sheet + row(0, 80, 1, 1, "90", "a"), "before it": sheet + row(-1, 0, 1, 1, "90", "a"),
		"no number": sheet + strings.Replace(row(0, 0, 1, 1, "90", "a"), "5\t1", "x\t1", 1), "a huge number": sheet + row(0, 0, 1<<62, 1, "90", "a"),
		"level 6": sheet + "6\t1\t1\t1\t1\t1\t0\t0\t1\t1\t90\ta\n", "page 2": sheet + "5\t2\t1\t1\t1\t1\t0\t0\t1\t1\t90\ta\n",
		"confidence": sheet + row(0, 0, 1, 1, "101", "a"), "no confidence": sheet + row(0, 0, 1, 1, "NaN", "a"), "infinite": sheet + row(0, 0, 1, 1, "+Inf", "a"),
		"control characters": sheet + row(0, 0, 1, 1, "90", "a\x1b[2Jb"), "a word without end": sheet + row(0, 0, 1, 1, "90", strings.Repeat("a", longWord+1)),
		"not UTF-8": sheet + row(0, 0, 1, 1, "90", "\xff"), "an empty row": sheet + "\n",
	} {
		if lines, err := parseTSV([]byte(bad), 100, 80); !errors.Is(err, errTable) || lines != nil {
			t.Errorf("%s: %v, %v", name, lines, err)
		}
	}
}

// Whatever the table says, its words lie on the picture, and glyphs are made of
// every letter of them.
func FuzzParseTSV(f *testing.F) {
	f.Add(sheet + row(1, 2, 30, 10, "96.5", "a word"))
	f.Add(sheet + row(0, 0, 100, 80, "20", "שלום") + "5\t1\t1\t1\t2\t1\t1\t20\t30\t10\t50\t́\n")
	f.Fuzz(func(t *testing.T, table string) {
		lines, err := parseTSV([]byte(table), 100, 80)
		if err != nil {
			return
		}
		want := ""
		for _, l := range lines {
			for i, w := range l.words {
				if w.left < 0 || w.top < 0 || w.right > 100 || w.bottom > 80 || w.left >= w.right || w.top >= w.bottom || w.text == "" || !utf8.ValidString(w.text) {
					t.Fatalf("word %+v", w)
				}
				if i > 0 {
					want += " "
				}
				want += w.text
			}
			want += "\n"
		}
		got := ""
		for _, g := range glyphs(lines, 0.24) {
			got += string(g.Rune)
			for _, v := range append(g.Box[:], g.X, g.Y, g.Size) {
				if v-v != 0 {
					t.Fatalf("glyph %+v", g)
				}
			}
			if g.Size <= 0 && !g.Generated {
				t.Fatalf("glyph %+v", g)
			}
		}
		if got != want {
			t.Fatalf("glyphs say %q, the words %q", got, want)
		}
	})
}

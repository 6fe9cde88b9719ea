package quality

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWordsOf(t *testing.T) {
	for text, want := range map[string][]string{
		"One, (two) three.":        {"One", "two", "three"},
		"a bro-\nken word":         {"a", "broken", "word"},
		"soft\u00AD\nly\u00AD bro": {"softly", "bro"},
		"well-\nKnown - dash":      {"well", "Known", "dash"},
		"pages 3-\n4":              {"pages", "3", "4"},
		"e\uFB03cient\tuse":        {"efficient", "use"},
		"日本 ab":                    {"日", "本", "ab"},
		"\u202Bשלום\u202C":         {"שלום"},
		"....... 7":                {"7"},
	} {
		if d := cmp.Diff(want, wordsOf(text)); d != "" {
			t.Errorf("%q: %s", text, d)
		}
	}
}

func TestLongestCommon(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		n := 1 + r.IntN(9)
		a, b := make([]int, r.IntN(200)), make([]int, r.IntN(200))
		for i := range a {
			a[i] = r.IntN(n)
		}
		for i := range b {
			b[i] = r.IntN(n)
		}
		if got, want := longestCommon(a, b, n), slowCommon(a, b); got != want {
			t.Fatalf("%v and %v: %d, want %d", a, b, got, want)
		}
	}
}

// slowCommon is the textbook's way to the same.
func slowCommon(a, b []int) int {
	above := make([]int, len(b)+1)
	for _, x := range a {
		row := make([]int, len(b)+1)
		for j, y := range b {
			row[j+1] = max(row[j], above[j+1])
			if x == y {
				row[j+1] = above[j] + 1
			}
		}
		above = row
	}
	return above[len(b)]
}

func TestComparePage(t *testing.T) {
	const text = "the quick brown fox jumps over the lazy dog"
	for name, c := range map[string]struct {
		ours                      string
		found, order, glue, split int
	}{
		"the same":  {text, 9, 9, 0, 0},
		"lost":      {"the quick fox jumps over the lazy dog", 8, 8, 0, 0},
		"turned":    {"jumps over the lazy dog the quick brown fox", 9, 5, 0, 0},
		"glued":     {"the quickbrown fox jumps over the lazy dog", 7, 7, 1, 0},
		"split":     {"the quick b r own fox jumps over the lazy dog", 8, 8, 0, 1},
		"invention": {text + " twice", 9, 9, 0, 0},
	} {
		got := comparePage([toolCount]string{c.ours, text, text})[ours]
		if got.words != 9 || got.found != c.found || got.order[mutool] != c.order || got.glued != c.glue || got.split != c.split {
			t.Errorf("%s: %+v, want %+v", name, got, c)
		}
	}
}

package layout

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// TestReadCostOfLines reads a page of text over which ever more lines are
// drawn: four times the lines may take little more than four times as long.
func TestReadCostOfLines(t *testing.T) {
	const few, many = 5_000, MaxRulings
	text := newSheet()
	for y := float32(20); y < 780; y += 4 {
		for x := float32(20); x < 580; x += 14 {
			text.put(x, y, 3, regular, "ab 12")
		}
		text.newline()
	}
	for name, line := range map[string]func(r *rand.Rand, i, n int) Ruling{
		"of one width": func(_ *rand.Rand, i, n int) Ruling {
			y := float32(i) * 792 / float32(n)
			return Ruling{X0: 10, Y0: y, X1: 600, Y1: y}
		},
		"of all widths": func(_ *rand.Rand, i, n int) Ruling {
			y := float32(i) * 792 / float32(n)
			return Ruling{X0: y / 4, Y0: y, X1: 600 - y/4, Y1: y}
		},
		"across and down": func(_ *rand.Rand, i, n int) Ruling {
			at := float32(i) * 600 / float32(n)
			if i%2 == 0 {
				return Ruling{X0: at, Y0: 0, X1: at, Y1: 792}
			}
			return Ruling{X0: 0, Y0: at, X1: 600, Y1: at}
		},
		"short": func(r *rand.Rand, i, _ int) Ruling {
			x, y := r.Float32()*600, r.Float32()*792
			if i%2 == 0 {
				return Ruling{X0: x, Y0: y, X1: x + 40, Y1: y}
			}
			return Ruling{X0: x, Y0: y, X1: x, Y1: y + 40}
		},
		"boxes": func(r *rand.Rand, _, _ int) Ruling {
			x, y := r.Float32()*600, r.Float32()*792
			return Ruling{X0: x, Y0: y, X1: x + 40, Y1: y + 20, Fill: "dddddd"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			cost := func(n int) time.Duration {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				r, g := rand.New(rand.NewPCG(3, 4)), text.Glyphs
				g.Rulings = nil
				for i := range n {
					g.Rulings = append(g.Rulings, line(r, i, n))
				}
				start := cpuTime(t)
				Read(g)
				return cpuTime(t) - start
			}
			var one, four time.Duration
			for range 3 { // a garbage collection may spoil a measurement, not three
				one, four = cost(few), cost(many)
				if four < 10*one || four < 50*time.Millisecond {
					return
				}
			}
			t.Errorf("%d lines took %v, %d took %v", few, one, many, four)
		})
	}
}

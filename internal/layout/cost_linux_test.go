package layout

import (
	"math/rand/v2"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReadCost reads pages that are made to cost: four times the glyphs may
// take little more than four times as long.
func TestReadCost(t *testing.T) {
	const few, many = 12_500, 50_000
	for name, place := range costly() {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			var one, four time.Duration
			for range 3 { // a garbage collection may spoil a measurement, not three
				one, four = cost(t, place, few), cost(t, place, many)
				if four < 10*one || four < 50*time.Millisecond {
					return
				}
			}
			t.Errorf("%d glyphs took %v, %d took %v", few, one, many, four)
		})
	}
}

// cpuTime is the processor time of this thread: other work on the machine
// makes a long measurement longer than a short one, but not this.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// cost is how long a page takes that has its n glyphs put in place.
func cost(t *testing.T, place func(r *rand.Rand, i, n int, g *Glyph), n int) time.Duration {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r := rand.New(rand.NewPCG(3, 4))
	g := Glyphs{Number: 1, Width: 90_000, Height: 90_000, Fonts: make([]Font, 16), Glyphs: make([]Glyph, n)}
	kinds := []string{"P", "Table", "TR", "TD", "TD", "LI"}
	for i := range min(n/4, MaxTags) {
		g.Tags = append(g.Tags, Tag{Type: kinds[i%len(kinds)], Parent: i - 1 - i%len(kinds)*(i%2), ColSpan: i % 90, RowSpan: i % 900})
	}
	for i := range g.Glyphs {
		gl := &g.Glyphs[i]
		gl.Rune, gl.Size = rune('a'+i%26), 10
		place(r, i, n, gl)
		gl.Box = Box{gl.X, gl.Y - 7, gl.X + 5, gl.Y}
	}
	start := cpuTime(t)
	p := Read(g)
	data := p.Encode()
	var pr Profiler
	pr.Add(p)
	md := Markdown(p, pr.Profile(), Style{})
	took := cpuTime(t) - start
	if n == MaxGlyphs {
		t.Logf("%v; %d lines, %d blocks, %.1f MB of JSON, %.1f MB of Markdown",
			took, len(p.Lines), len(p.Blocks), float64(len(data))/1e6, float64(len(md))/1e6)
	}
	return took
}

// TestReadCostOfLimit says what the largest pages take.
func TestReadCostOfLimit(t *testing.T) {
	if testing.Short() || !testing.Verbose() {
		t.Skip("only says what it measures")
	}
	for name, place := range costly() {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) { cost(t, place, MaxGlyphs) })
	}
}

// costly are ways to put n glyphs on a page.
func costly() map[string]func(r *rand.Rand, i, n int, g *Glyph) {
	return map[string]func(r *rand.Rand, i, n int, g *Glyph){
		"in one place": func(_ *rand.Rand, _, _ int, _ *Glyph) {},
		"tagged": func(r *rand.Rand, i, n int, g *Glyph) {
			g.X, g.Y, g.Tag = r.Float32()*600, r.Float32()*800, 1+i%min(n/4, MaxTags)
		},
		"tagged as one": func(r *rand.Rand, _, _ int, g *Glyph) {
			g.X, g.Y, g.Tag = r.Float32()*600, r.Float32()*800, 5
		},
		"one line":   func(_ *rand.Rand, i, _ int, g *Glyph) { g.X = float32(i) * 0.4 },
		"one column": func(_ *rand.Rand, i, _ int, g *Glyph) { g.Y = float32(i) * 0.4 },
		"one column of broken words": func(_ *rand.Rand, i, _ int, g *Glyph) {
			g.X, g.Y, g.Size = float32(i%2)*5, float32(i/2)*0.8, 0.5
			if i%2 == 1 {
				g.Rune = '-'
			}
		},
		"scattered": func(r *rand.Rand, _, _ int, g *Glyph) { g.X, g.Y = r.Float32()*80_000, r.Float32()*80_000 },
		"dense":     func(r *rand.Rand, _, _ int, g *Glyph) { g.X, g.Y = r.Float32()*600, r.Float32()*800 },
		"every size and font": func(r *rand.Rand, _, _ int, g *Glyph) {
			g.X, g.Y, g.Size, g.Font = r.Float32()*600, r.Float32()*800, r.Float32()*60, r.IntN(16)
		},
		"every angle": func(r *rand.Rand, _, _ int, g *Glyph) {
			g.X, g.Y, g.Angle = r.Float32()*600, r.Float32()*800, float32(r.IntN(360))
		},
		"turned and not": func(r *rand.Rand, i, _ int, g *Glyph) {
			g.X, g.Y, g.Angle = r.Float32()*600, r.Float32()*800, float32(i%3/2)*-90
		},
		"turned in many places": func(_ *rand.Rand, i, n int, g *Glyph) {
			if g.X, g.Y = float32(i%100)*5, float32(i/100)*12; i > n/2 {
				k, j := i/20, i%20 // in each place two lines
				g.X, g.Y, g.Angle = float32(k%200)*100+float32(j/10)*12, 80_000-float32(k/200)*100-float32(j%10)*5, -90
			}
		},
		"a grid": func(_ *rand.Rand, i, _ int, g *Glyph) { g.X, g.Y = float32(i%400)*100, float32(i/400)*14 },
		"two columns": func(_ *rand.Rand, i, n int, g *Glyph) {
			g.X, g.Y = float32(2*i/n)*400+float32(i%60)*5, float32(i%(n/2)/60)*12
		},
		"nested columns": func(_ *rand.Rand, i, _ int, g *Glyph) {
			g.X, g.Y = float32(i/20%512)*150+float32(i%20)*5, float32(i/20/512)*12
		},
		"stairs": func(_ *rand.Rand, i, _ int, g *Glyph) { g.X, g.Y = float32(i)*0.4, float32(i)*0.4 },
		"superscripts": func(_ *rand.Rand, i, _ int, g *Glyph) {
			g.X, g.Y, g.Size = float32(i)*0.4, 100-float32(i%2)*4, 10-float32(i%2)*4
		},
		"bold and not": func(_ *rand.Rand, i, _ int, g *Glyph) {
			g.X, g.Y, g.Font = float32(i%80)*5, float32(i/80)*12, i%16
		},
	}
}

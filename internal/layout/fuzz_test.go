package layout

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// glyphsOf makes a page of bytes: 12 for a glyph.
func glyphsOf(data []byte) Glyphs {
	g := Glyphs{Number: 1, Width: 612, Height: 792, Fonts: []Font{{Name: "A"}, {Name: "B", Bold: true}}}
	runes := []rune("aeiou .-•1()\u00AD\uFB01אب中\u0301\r\n\x00*_#<&")
	odd := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e38, -1e38, 0}
	for ; len(data) >= 12; data = data[12:] {
		x := float32(binary.LittleEndian.Uint16(data)) / 50
		y := float32(data[2]) * 3
		size := float32(data[3])/8 + 1
		gl := Glyph{
			Rune: runes[int(data[4])%len(runes)], X: x, Y: y, Size: size, Font: int(data[5])%4 - 1,
			Box:       Box{x, y - 0.7*size, x + 0.5*size, y},
			Generated: data[6]&1 != 0, Hyphen: data[6]&2 != 0,
		}
		switch data[7] % 16 {
		case 1:
			gl.Angle = float32(data[8])*2 - 180
		case 2:
			gl.Box[data[8]%4] = odd[int(data[9])%len(odd)]
		case 3:
			gl.X, gl.Y = odd[int(data[8])%len(odd)], odd[int(data[9])%len(odd)]
		case 4:
			gl.Size = odd[int(data[8])%len(odd)]
		case 5:
			gl.Rune = rune(binary.LittleEndian.Uint32(data[8:]))
		}
		g.Glyphs = append(g.Glyphs, gl)
	}
	return g
}

func FuzzRead(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 10, 100, 1000} {
		data := make([]byte, 12*n)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		f.Add(data)
		for i := range n { // the same in a line: x grows, y stays
			binary.LittleEndian.PutUint16(data[12*i:], uint16(200*i))
			data[12*i+2], data[12*i+3], data[12*i+7] = byte(40+12*(i/100)), 72, 0
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		g := glyphsOf(data)
		p := Read(g)
		verify(t, p)
		if d := cmp.Diff(string(p.Encode()), string(Read(g).Encode())); d != "" {
			t.Fatalf("another result: %s", d)
		}
	})
}

func FuzzDecode(f *testing.F) {
	s := newSheet()
	s.lines(72, 72, 20, bold, "A Title")
	s.lines(72, 110, 10, regular, "• one", "• two", "text of a para-", "graph")
	p := Read(s.Glyphs)
	f.Add(p.Encode())
	f.Add(Failed(3, "timeout", "The page took too long.").Encode())
	f.Add([]byte(`{"v":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Decode(data)
		if err != nil {
			return
		}
		var pr Profiler
		pr.Add(p)
		Elements(p, pr.Profile())
		Markdown(p, pr.Profile())
		for _, l := range p.Lines {
			for _, r := range l.Runs {
				_, _ = p.Text[r.Start:r.End], p.Fonts[r.Font]
			}
		}
		q, err := Decode(p.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(p, q, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("decoded otherwise: %s", d)
		}
	})
}

// TestReadCost reads pages that are made to cost. The bound is far above what
// they take and far below what anything quadratic would.
func TestReadCost(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	r := rand.New(rand.NewPCG(3, 4))
	page := func(place func(i int, g *Glyph)) Glyphs {
		g := Glyphs{Number: 1, Width: 90_000, Height: 90_000, Fonts: make([]Font, 16), Glyphs: make([]Glyph, MaxGlyphs)}
		for i := range g.Glyphs {
			gl := &g.Glyphs[i]
			gl.Rune, gl.Size = rune('a'+i%26), 10
			place(i, gl)
			gl.Box = Box{gl.X, gl.Y - 7, gl.X + 5, gl.Y}
		}
		return g
	}
	for name, place := range map[string]func(i int, g *Glyph){
		"in one place": func(i int, g *Glyph) {},
		"one line":     func(i int, g *Glyph) { g.X = float32(i) * 0.4 },
		"one column":   func(i int, g *Glyph) { g.Y = float32(i) * 0.4 },
		"one column of broken words": func(i int, g *Glyph) {
			g.X, g.Y = float32(i%2)*5, float32(i/2)*0.8
			if i%2 == 1 {
				g.Rune = '-'
			}
		},
		"scattered": func(i int, g *Glyph) { g.X, g.Y = r.Float32()*80_000, r.Float32()*80_000 },
		"dense":     func(i int, g *Glyph) { g.X, g.Y = r.Float32()*600, r.Float32()*800 },
		"every size and font": func(i int, g *Glyph) {
			g.X, g.Y, g.Size, g.Font = r.Float32()*600, r.Float32()*800, r.Float32()*60, r.IntN(16)
		},
		"every angle": func(i int, g *Glyph) { g.X, g.Y, g.Angle = r.Float32()*600, r.Float32()*800, float32(r.IntN(360)) },
		"a grid":      func(i int, g *Glyph) { g.X, g.Y = float32(i%400)*100, float32(i/400)*14 },
		"two columns": func(i int, g *Glyph) {
			g.X, g.Y = float32(i/100_000)*400+float32(i%60)*5, float32(i%100_000/60)*12
		},
		"nested columns": func(i int, g *Glyph) { g.X, g.Y = float32(i/20%512)*150+float32(i%20)*5, float32(i/20/512)*12 },
		"stairs":         func(i int, g *Glyph) { g.X, g.Y = float32(i)*0.4, float32(i)*0.4 },
		"superscripts":   func(i int, g *Glyph) { g.X, g.Y, g.Size = float32(i)*0.4, 100-float32(i%2)*4, 10-float32(i%2)*4 },
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			g := page(place)
			start := time.Now()
			p := Read(g)
			read := time.Since(start)
			data := p.Encode()
			encode := time.Since(start) - read
			var pr Profiler
			pr.Add(p)
			md := Markdown(p, pr.Profile())
			all := time.Since(start)
			t.Logf("read %v, encode %v, profile and Markdown %v; %d lines, %d blocks, %.1f MB of JSON, %.1f MB of Markdown",
				read, encode, all-read-encode, len(p.Lines), len(p.Blocks), float64(len(data))/1e6, float64(len(md))/1e6)
			if all > 20*time.Second {
				t.Errorf("took %v", all)
			}
		})
	}
}

package layout

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// glyphsOf makes a page of bytes: 12 for a glyph.
func glyphsOf(data []byte) Glyphs {
	g := Glyphs{Number: 1, Width: 612, Height: 792, Fonts: []Font{{Name: "A"}, {Name: "B", Bold: true}, {Name: "C", Italic: true, Mono: true}}}
	for i := range len(data) / 120 {
		d := data[120*i:]
		x, y := float32(d[0])*2, float32(d[2])*3
		g.Links = append(g.Links, Link{Box: Box{x, y - float32(d[1]), x + float32(d[3]), y}, URI: "https://example.org/" + string(rune(d[5]))})
	}
	runes := []rune("aeiou .-•1()`~[]\u00AD\uFB01אب中\u0301\r\n\x00*_#<&")
	odd := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e38, -1e38, 0}
	for ; len(data) >= 12; data = data[12:] {
		x := float32(binary.LittleEndian.Uint16(data)) / 50
		y := float32(data[2]) * 3
		size := float32(data[3])/8 + 1
		gl := Glyph{
			Rune: runes[int(data[4])%len(runes)], X: x, Y: y, Size: size, Font: int(data[5])%5 - 1,
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
		case 6, 7, 8: // a line or a box, often one that meets others
			r := Ruling{X0: float32(data[8]/16) * 36, Y0: float32(data[9]/16) * 24, X1: float32(data[10]/16) * 36, Y1: float32(data[11]/16) * 24}
			switch data[7] % 16 {
			case 6:
				r.X1 = r.X0
			case 7:
				r.Y1 = r.Y0
			default:
				r.Fill = "dddddd"
			}
			g.Rulings = append(g.Rulings, r)
			continue
		case 9:
			g.Rulings = append(g.Rulings, Ruling{X0: odd[int(data[8])%len(odd)], Y0: y, X1: x, Y1: odd[int(data[9])%len(odd)]})
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
		var pr Profiler
		for range minRepeats { // so that it has furniture
			pr.Add(p)
		}
		verifyElements(t, p, pr.Profile())
		verifyBound(t, p)
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
	f.Add([]byte(`{"v":3}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		sameScan(t, data)
		p, err := Decode(data)
		if err != nil {
			return
		}
		var pr Profiler
		for range minRepeats { // so that it has furniture
			pr.Add(p)
		}
		pr.Outline([]Bookmark{{Title: p.Text[:min(len(p.Text), 20)], Level: 9, Page: p.Number}})
		Elements(p, pr.Profile())
		Markdown(p, pr.Profile(), Style{})
		bind(Style{}, p, following(p))
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

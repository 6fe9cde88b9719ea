package layout

import (
	"testing"
)

// benchPage is a page of two columns with about 3,500 glyphs.
func benchPage() Glyphs {
	s := newSheet()
	s.put(152, 72, 20, bold, "A Title Over Two Columns")
	s.newline()
	s.lines(72, 110, 10, regular, filler(34, 22)...)
	s.lines(312, 110, 10, regular, filler(34, 22)...)
	return s.Glyphs
}

func BenchmarkRead(b *testing.B) {
	g := benchPage()
	b.ReportAllocs()
	for b.Loop() {
		Read(g)
	}
	b.ReportMetric(float64(len(g.Glyphs)), "glyphs/op")
}

func BenchmarkEncode(b *testing.B) {
	p := Read(benchPage())
	b.SetBytes(int64(len(p.Encode())))
	b.ReportAllocs()
	for b.Loop() {
		p.Encode()
	}
}

func BenchmarkDecode(b *testing.B) {
	data := Read(benchPage()).Encode()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProfileAndMarkdown(b *testing.B) {
	p := Read(benchPage())
	b.ReportAllocs()
	for b.Loop() {
		var pr Profiler
		pr.Add(p)
		Markdown(p, pr.Profile(), Style{})
	}
}

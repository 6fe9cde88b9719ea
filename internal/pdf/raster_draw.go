package pdf

import (
	"image"
	"math"

	"golang.org/x/image/draw"
)

// drawn is a picture turned upright, in w by h pixels, on white.
func drawn(m image.Image, turn orientation, w, h int) *image.RGBA {
	if !turn.sideways() && turn == upright {
		return scaled(m, w, h)
	}
	sw, sh := w, h
	if turn.sideways() {
		sw, sh = h, w
	}
	from := scaled(m, sw, sh)
	to := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		row := to.Pix[y*to.Stride:]
		for x := range w {
			sx, sy := turn.source(x, y, sw, sh)
			copy(row[x*bytesPerPixel:][:bytesPerPixel], from.Pix[sy*from.Stride+sx*bytesPerPixel:])
		}
	}
	return to
}

// scaled draws a picture in another size. One that shrinks is averaged, so that
// thin strokes do not break.
func scaled(m image.Image, w, h int) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range out.Pix {
		out.Pix[i] = 0xff
	}
	b := m.Bounds()
	switch {
	case b.Dx() == w && b.Dy() == h:
		draw.Draw(out, out.Rect, m, b.Min, draw.Over)
	case b.Dx() > w || b.Dy() > h:
		average(out, m)
	default:
		draw.ApproxBiLinear.Scale(out, out.Rect, m, b, draw.Over, nil)
	}
	return out
}

// average draws a picture on white as draw.BiLinear does, a row at a time: that
// one holds 32 bytes for each row and column it makes of a picture, which of a
// page scanned at 600 dots an inch are more than a reader may have.
func average(out *image.RGBA, m image.Image) {
	b := m.Bounds()
	across, down := tapsOf(b.Dx(), out.Rect.Dx()), tapsOf(b.Dy(), out.Rect.Dy())
	row := image.NewRGBA(image.Rect(0, 0, b.Dx(), 1))
	sum := make([]float32, len(row.Pix))
	for y, rows := range down {
		clear(sum)
		for k, share := range rows.shares {
			draw.Draw(row, row.Rect, image.White, image.Point{}, draw.Src)
			draw.Draw(row, row.Rect, m, image.Pt(b.Min.X, b.Min.Y+rows.first+k), draw.Over)
			for i, v := range row.Pix {
				sum[i] += share * float32(v)
			}
		}
		to := out.Pix[y*out.Stride:]
		for x, columns := range across {
			r, g, b := columns.of(sum)
			to[x*bytesPerPixel], to[x*bytesPerPixel+1], to[x*bytesPerPixel+2] = r, g, b
		}
	}
}

// taps are the pixels beside each other that one is made of, with their shares.
type taps struct {
	first  int
	shares []float32
}

// tapsOf says what each of to pixels is made of, where there are from of them:
// those within a pixel's width, the nearer the more.
func tapsOf(from, to int) []taps {
	out := make([]taps, to)
	scale := float64(from) / float64(to)
	reach := max(scale, 1)
	for i := range out {
		middle := (float64(i)+0.5)*scale - 0.5
		first := max(int(math.Ceil(middle-reach)), 0)
		last := min(int(math.Floor(middle+reach)), from-1)
		shares, all := make([]float32, last-first+1), 0.0
		for k := range shares {
			share := 1 - math.Abs(float64(first+k)-middle)/reach
			shares[k] = float32(share)
			all += share
		}
		for k := range shares {
			shares[k] /= float32(all)
		}
		out[i] = taps{first, shares}
	}
	return out
}

// of is the pixel that they make of a row.
func (t *taps) of(row []float32) (red, green, blue uint8) {
	var r, g, b float32
	for k, share := range t.shares {
		p := row[(t.first+k)*bytesPerPixel:]
		r, g, b = r+share*p[0], g+share*p[1], b+share*p[2]
	}
	const half, most = 0.5, 255
	return uint8(min(r+half, most)), uint8(min(g+half, most)), uint8(min(b+half, most))
}

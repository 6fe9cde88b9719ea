package pdf

import (
	"image"

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
		draw.BiLinear.Scale(out, out.Rect, m, b, draw.Over, nil)
	default:
		draw.ApproxBiLinear.Scale(out, out.Rect, m, b, draw.Over, nil)
	}
	return out
}

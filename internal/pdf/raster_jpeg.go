package pdf

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"io"
)

// tiffJPEG is a picture of a TIFF whose strips are JPEGs that share their
// tables, which is how scanners write colours.
type tiffJPEG struct {
	tables  []byte // without what ends a JPEG
	strips  []uint32
	lengths []uint32
	rows    int // of a strip
	grey    bool
	rgb     bool // not as other JPEGs have colours
}

var errStrips = errors.New("its strips are not where it says")

// jpegPage is a page made of JPEGs.
func (d *directory) jpegPage(p *rasterPage) error {
	p.width, p.height = d.number(tagWidth), d.number(tagHeight)
	t := &tiffJPEG{
		strips: d.numbers(tagStrips), lengths: d.numbers(tagStripSizes), rows: d.number(tagRows), grey: d.number(tagSamples) <= 1, rgb: d.number(tagPhotometric) == 2,
	}
	if p.width < 1 || p.height < 1 || p.width > 1<<16 || p.height > 1<<16 {
		return errors.New("a size that cannot be")
	}
	if t.rows < 1 || t.rows > p.height {
		t.rows = p.height
	}
	if len(t.strips) == 0 || len(t.strips) != len(t.lengths) || len(t.strips) < (p.height+t.rows-1)/t.rows {
		return errStrips
	}
	for i, n := range t.lengths {
		if int64(t.strips[i])+int64(n) > d.size || n < 4 {
			return errStrips
		}
	}
	if tables := d.bytes(tagJPEGTables); len(tables) > 4 {
		t.tables = bytes.TrimSuffix(tables, []byte("\xff\xd9"))
	}
	p.bytesPerPixel = 4
	if t.grey {
		p.bytesPerPixel = 1
	}
	p.strips = t
	return nil
}

// decode puts the strips together.
func (t *tiffJPEG) decode(src io.ReaderAt, p *rasterPage) (image.Image, error) {
	all := image.Rect(0, 0, p.width, p.height)
	var out draw.Image = image.NewRGBA(all)
	if t.grey {
		out = image.NewGray(all)
	}
	for i := range (p.height + t.rows - 1) / t.rows {
		strip := make([]byte, t.lengths[i])
		if err := readFull(src, strip, int64(t.strips[i])); err != nil {
			return nil, err
		}
		m, err := t.strip(strip, p)
		if err != nil {
			return nil, err
		}
		place := image.Rect(0, i*t.rows, p.width, min((i+1)*t.rows, p.height))
		if m.Bounds().Dx() < place.Dx() || m.Bounds().Dy() < place.Dy() {
			return nil, errStrips
		}
		draw.Draw(out, place, m, m.Bounds().Min, draw.Src)
	}
	return out, nil
}

// strip decodes one of them, once it is known not to be larger than it may be.
func (t *tiffJPEG) strip(b []byte, p *rasterPage) (image.Image, error) {
	if len(t.tables) > 0 { // a JPEG begins once
		b = append(bytes.Clone(t.tables), b[2:]...)
	}
	config, err := jpeg.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	const padding = 16 // to whole blocks
	if config.Width > p.width+padding || config.Height > t.rows+padding || config.ColorModel == color.CMYKModel {
		return nil, errStrips
	}
	m, err := jpeg.Decode(bytes.NewReader(b))
	if planes, ok := m.(*image.YCbCr); ok && t.rgb {
		return asRGB(planes), err
	}
	return m, err
}

// asRGB takes the planes of a JPEG for red, green and blue.
func asRGB(m *image.YCbCr) image.Image {
	out := image.NewRGBA(m.Rect)
	for y := m.Rect.Min.Y; y < m.Rect.Max.Y; y++ {
		for x := m.Rect.Min.X; x < m.Rect.Max.X; x++ {
			c := m.YCbCrAt(x, y)
			out.SetRGBA(x, y, color.RGBA{c.Y, c.Cb, c.Cr, 0xff})
		}
	}
	return out
}

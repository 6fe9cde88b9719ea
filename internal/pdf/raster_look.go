package pdf

import (
	"encoding/binary"
	"math"
)

// pngLooks reads the resolution of a PNG: its chunk pHYs, before the pixels.
func pngLooks(head []byte, p *rasterPage) {
	const perInch = 0.0254
	for at := 8; at+12 <= len(head); {
		n := int(binary.BigEndian.Uint32(head[at:]))
		kind := string(head[at+4 : at+8])
		if n < 0 || n > len(head)-at-12 || kind == "IDAT" {
			return
		}
		if data := head[at+8 : at+8+n]; kind == "pHYs" && n == 9 && data[8] == 1 { // a metre
			p.resolve(float64(binary.BigEndian.Uint32(data))*perInch, float64(binary.BigEndian.Uint32(data[4:]))*perInch)
		}
		at += 12 + n
	}
}

// jpegLooks reads the resolution of a JPEG (JFIF), and how it is to be turned
// (Exif).
func jpegLooks(head []byte, p *rasterPage) {
	const (
		app0, app1 = 0xe0, 0xe1
		scan       = 0xda
		perInch    = 1
		perCM      = 2
	)
	for at := 2; at+4 <= len(head) && head[at] == 0xff; {
		marker, n := head[at+1], int(binary.BigEndian.Uint16(head[at+2:]))
		if marker == scan || n < 2 || at+2+n > len(head) {
			return
		}
		data := head[at+4 : at+2+n]
		switch {
		case marker == app0 && len(data) >= 12 && hasPrefixAt(data, 0, "JFIF\x00"):
			x, y := float64(binary.BigEndian.Uint16(data[8:])), float64(binary.BigEndian.Uint16(data[10:]))
			switch data[7] {
			case perInch:
				p.resolve(x, y)
			case perCM:
				p.resolve(2.54*x, 2.54*y)
			}
		case marker == app1 && hasPrefixAt(data, 0, "Exif\x00\x00"):
			exifLooks(data[6:], p)
		}
		at += 2 + n
	}
}

// exifLooks reads a TIFF within a JPEG.
func exifLooks(b []byte, p *rasterPage) {
	d, err := readDirectory(byteSource(b), int64(len(b)), -1)
	if err != nil {
		return // a camera's note that cannot be read changes nothing of the picture
	}
	p.turn = d.orientation()
	if x, y := d.resolution(); p.xdpi == 0 {
		p.resolve(x, y)
	}
}

// orientation is how the rows and columns of a picture are shown, in the
// numbers of TIFF and Exif (1 to 8).
type orientation int

const upright orientation = 1

// sideways says whether width and height change places.
func (o orientation) sideways() bool { return o >= 5 }

// source finds which pixel of a picture of w by h pixels, as stored, stands at
// (x, y) as shown.
func (o orientation) source(x, y, w, h int) (int, int) {
	switch o {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return y, h - 1 - x
	case 7:
		return w - 1 - y, h - 1 - x
	case 8:
		return w - 1 - y, x
	}
	return x, y
}

// rational is a fraction as TIFF has it; NaN where it is none.
func rational(over, under uint32) float64 {
	if under == 0 {
		return math.NaN()
	}
	return float64(over) / float64(under)
}

package pdf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"golang.org/x/image/tiff"
)

// Tags of a TIFF that are looked at here.
const (
	tagSubfile     = 254
	tagWidth       = 256
	tagHeight      = 257
	tagBits        = 258
	tagCompression = 259
	tagPhotometric = 262
	tagStrips      = 273
	tagOrientation = 274
	tagSamples     = 277
	tagRows        = 278
	tagStripSizes  = 279
	tagXResolution = 282
	tagYResolution = 283
	tagUnit        = 296
	tagJPEGTables  = 347
)

// mostDirectories bounds a file that is made to hurt.
const mostDirectories = 100_000

// tiffPages lists the pages of a TIFF: its directories, but for those that are
// small copies of others.
func tiffPages(src io.ReaderAt, size int64) ([]rasterPage, error) {
	var pages []rasterPage
	seen := map[int64]bool{}
	at := int64(-1) // the first
	for len(seen) < mostDirectories {
		d, err := readDirectory(src, size, at)
		if err != nil && len(pages) > 0 && !errors.Is(err, errSourceRead) {
			break // what was cut off is missing; what comes before is there
		}
		if err != nil {
			return nil, err
		}
		if seen[d.at] {
			break
		}
		seen[d.at] = true
		const smaller = 1
		if d.number(tagSubfile)&smaller == 0 || len(pages) == 0 && d.next == 0 {
			page, err := d.page(src)
			if err != nil {
				return nil, fmt.Errorf("page %d: %w", len(pages)+1, err)
			}
			pages = append(pages, page)
		}
		if at = d.next; at == 0 {
			break
		}
	}
	if len(pages) == 0 {
		return nil, errPages
	}
	return pages, nil
}

// directory is what a TIFF says of one picture.
type directory struct {
	order  binary.ByteOrder
	src    io.ReaderAt
	size   int64
	at     int64
	next   int64 // 0: the last
	fields map[uint16]field
}

type field struct {
	kind  uint16
	count uint32
	value [4]byte // or where it stands
}

// readDirectory reads the directory at a place, -1: the first.
func readDirectory(src io.ReaderAt, size, at int64) (*directory, error) {
	var head [8]byte
	if err := readFull(src, head[:], 0); err != nil {
		return nil, err
	}
	d := &directory{src: src, size: size, fields: map[uint16]field{}}
	switch string(head[:4]) {
	case "II*\x00":
		d.order = binary.LittleEndian
	case "MM\x00*":
		d.order = binary.BigEndian
	default:
		return nil, errors.New("not a TIFF")
	}
	if d.at = at; at < 0 {
		d.at = int64(d.order.Uint32(head[4:]))
	}
	var count [2]byte
	if err := readFull(src, count[:], d.at); err != nil {
		return nil, err
	}
	const entry = 12
	b := make([]byte, int(d.order.Uint16(count[:]))*entry+4)
	if err := readFull(src, b, d.at+2); err != nil {
		return nil, err
	}
	for ; len(b) > 4; b = b[entry:] {
		f := field{kind: d.order.Uint16(b[2:]), count: d.order.Uint32(b[4:])}
		copy(f.value[:], b[8:12])
		d.fields[d.order.Uint16(b)] = f
	}
	d.next = int64(d.order.Uint32(b))
	return d, nil
}

func readFull(src io.ReaderAt, b []byte, at int64) error {
	n, err := src.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// Types of a field's values, and their sizes in bytes.
const (
	kindByte     = 1
	kindShort    = 3
	kindLong     = 4
	kindRational = 5
	kindRaw      = 7
)

func kindSize(kind uint16) int64 {
	switch kind {
	case kindByte, kindRaw:
		return 1
	case kindShort:
		return 2
	case kindLong:
		return 4
	case kindRational:
		return 8
	}
	return 0
}

// bytes are a field's values; nil where it has none that are of use.
func (d *directory) bytes(tag uint16) []byte {
	const most = 1 << 20
	f, ok := d.fields[tag]
	n := int64(f.count) * kindSize(f.kind)
	if !ok || n == 0 || n > most || n > d.size {
		return nil
	}
	if n <= 4 {
		return f.value[:n]
	}
	b := make([]byte, n)
	if readFull(d.src, b, int64(d.order.Uint32(f.value[:]))) != nil {
		return nil
	}
	return b
}

// numbers are a field's values as whole numbers.
func (d *directory) numbers(tag uint16) []uint32 {
	b := d.bytes(tag)
	var out []uint32
	switch d.fields[tag].kind {
	case kindShort:
		for ; len(b) >= 2; b = b[2:] {
			out = append(out, uint32(d.order.Uint16(b)))
		}
	case kindLong:
		for ; len(b) >= 4; b = b[4:] {
			out = append(out, d.order.Uint32(b))
		}
	}
	return out
}

// number is a field's first value; 0 where there is none.
func (d *directory) number(tag uint16) int {
	if n := d.numbers(tag); len(n) > 0 {
		return int(n[0])
	}
	return 0
}

func (d *directory) orientation() orientation {
	if n := orientation(d.number(tagOrientation)); n >= upright && n <= 8 {
		return n
	}
	return upright
}

// resolution is in dots an inch; NaN where it does not say.
func (d *directory) resolution() (x, y float64) {
	const inch, centimetre = 2, 3
	unit := 1.0
	switch d.number(tagUnit) {
	case centimetre:
		unit = 2.54
	case 0, inch: // 0: not said, which means inch
	default:
		return math.NaN(), math.NaN()
	}
	one := func(tag uint16) float64 {
		b := d.bytes(tag)
		if d.fields[tag].kind != kindRational || len(b) < 8 {
			return math.NaN()
		}
		return unit * rational(d.order.Uint32(b), d.order.Uint32(b[4:]))
	}
	return one(tagXResolution), one(tagYResolution)
}

// page is what is known of the picture before it is decoded.
func (d *directory) page(src io.ReaderAt) (rasterPage, error) {
	p := rasterPage{at: d.at, turn: d.orientation()}
	p.resolve(d.resolution())
	const jpegCompression = 7
	if d.number(tagCompression) == jpegCompression {
		err := d.jpegPage(&p)
		return p, err
	}
	config, err := tiff.DecodeConfig(&tiffPage{ReaderAt: src, directory: d.at})
	if err != nil {
		return p, err
	}
	p.width, p.height, p.bytesPerPixel = config.Width, config.Height, pixelBytes(config.ColorModel)
	return p, nil
}

// tiffPage is a TIFF of which another directory is the first: the decoder knows
// only that one.
type tiffPage struct {
	io.ReaderAt
	directory int64
}

// Read is there for the decoder's signature; it reads at places.
func (t *tiffPage) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }

// ReadAt implements io.ReaderAt.
func (t *tiffPage) ReadAt(b []byte, off int64) (int, error) {
	n, err := t.ReaderAt.ReadAt(b, off)
	const pointer, length = 4, 4
	if off == 0 && n >= pointer+length {
		order := binary.ByteOrder(binary.LittleEndian)
		if b[0] == 'M' {
			order = binary.BigEndian
		}
		order.PutUint32(b[pointer:], uint32(t.directory))
	}
	return n, err
}

// byteSource is bytes as a source.
type byteSource []byte

// ReadAt implements io.ReaderAt.
func (s byteSource) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(s)) {
		return 0, io.EOF
	}
	n := copy(b, s[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

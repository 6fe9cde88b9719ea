package layout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ErrNewer is returned for a record that a newer version has written.
var ErrNewer = errors.New("page record of a newer version")

// ErrRecord is returned for bytes that are not a page record, or one whose
// offsets do not fit its text.
var ErrRecord = errors.New("bad page record")

// Failed makes the record of a page that could not be read: code is one stable
// word, msg one sentence.
func Failed(number int, code, msg string) Page {
	return Page{Version: Version, Number: number, Status: StatusFailed, Code: cleanString(code), Error: cleanString(msg)}
}

// Encode returns the record as one line of JSON, the same bytes for the same
// record. It panics for a page that Read, Failed or Decode did not make and
// that JSON cannot hold (a number that is not finite).
func (p Page) Encode() []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // it is not for HTML, and "<" is common in text
	if err := enc.Encode(&p); err != nil {
		panic("layout: encode page: " + err.Error())
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

// Decode reads a record. What it returns is safe to use: every offset slices
// Text, every index is in range. Errors wrap ErrNewer or ErrRecord.
func Decode(data []byte) (Page, error) {
	p, ok := scanPage(data)
	var err error
	if !ok {
		p = Page{}
		err = json.Unmarshal(data, &p)
	}
	if err != nil {
		// A newer record may differ in anything but its version.
		var v struct {
			Version int `json:"v"`
		}
		if json.Unmarshal(data, &v) == nil {
			p.Version = v.Version
		}
	}
	switch {
	case p.Version > Version:
		return Page{}, fmt.Errorf("decode page: %w: %d, this program knows up to %d", ErrNewer, p.Version, Version)
	case err != nil:
		return Page{}, fmt.Errorf("decode page: %w: %w", ErrRecord, err)
	}
	if err := p.Check(); err != nil {
		return Page{}, fmt.Errorf("decode page: %w: page %d: %w", ErrRecord, p.Number, err)
	}
	return p, nil
}

// Check verifies what Decode promises, for records that came another way.
func (p *Page) Check() error {
	switch {
	case p.Version < 1:
		return errors.New("no version")
	case p.Number < 1:
		return errors.New("no page number")
	case p.Status != StatusOK && p.Status != StatusFailed:
		return fmt.Errorf("unknown status %q", p.Status)
	}
	if p.Order != "" && p.Order != OrderStream {
		return fmt.Errorf("unknown order %q", p.Order)
	}
	if p.Chars < 0 || p.Unshown < 0 || p.Unshown > p.Chars {
		return fmt.Errorf("%d of %d characters unshown", p.Unshown, p.Chars)
	}
	if len(p.ImageData) != 0 && len(p.ImageData) != len(p.Images) {
		return fmt.Errorf("data of %d images for %d", len(p.ImageData), len(p.Images))
	}
	at := 0
	for i := range p.Lines {
		if err := p.checkLine(&p.Lines[i], at); err != nil {
			return fmt.Errorf("line %d: %w", i, err)
		}
		at = p.Lines[i].End
	}
	next := 0
	for i, b := range p.Blocks {
		if b.First < next || b.Last < b.First || b.Last >= len(p.Lines) {
			return fmt.Errorf("block %d: lines %d to %d of %d", i, b.First, b.Last, len(p.Lines))
		}
		next = b.Last + 1
		switch text := p.Text[p.Lines[b.First].Start:p.Lines[b.Last].End]; {
		case b.Kind == BlockParagraph && b.Table == nil:
		case b.Kind == BlockTable && b.Table != nil:
			if err := b.Table.check(p, p.Lines[b.First].Start, p.Lines[b.Last].End); err != nil {
				return fmt.Errorf("block %d: %w", i, err)
			}
		case b.Kind == BlockListItem && b.Table == nil && (b.Marker != "" || b.Tag == TagItem) && strings.HasPrefix(text, b.Marker):
		default:
			return fmt.Errorf("block %d: kind %q, marker %q", i, b.Kind, b.Marker)
		}
	}
	return nil
}

func (p *Page) checkLine(l *Line, from int) error {
	if !p.slices(l.Start, l.End, from, len(p.Text)) {
		return fmt.Errorf("offsets %d to %d do not slice the text", l.Start, l.End)
	}
	at := l.Start
	for i, r := range l.Runs {
		if !p.slices(r.Start, r.End, at, l.End) {
			return fmt.Errorf("run %d: offsets %d to %d do not slice the line", i, r.Start, r.End)
		}
		if r.Font < 0 || r.Font >= len(p.Fonts) {
			return fmt.Errorf("run %d: font %d of %d", i, r.Font, len(p.Fonts))
		}
		at = r.End
	}
	return nil
}

// slices reports whether Text[start:end] lies in Text[from:to] and cuts no rune.
func (p *Page) slices(start, end, from, to int) bool {
	return from <= start && start <= end && end <= to && p.boundary(start) && p.boundary(end)
}

func (p *Page) boundary(i int) bool {
	return i == len(p.Text) || utf8.RuneStart(p.Text[i])
}

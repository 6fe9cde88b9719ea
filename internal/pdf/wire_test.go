package pdf

import (
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/layout"
)

// fill gives every field a value of its own, so that one left out is missed.
func fill(v reflect.Value, next *int) {
	*next++
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(field, next)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), next)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), next)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), next)
	case reflect.Int:
		v.SetInt(int64(*next))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(*next) + 0.25)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString(string(rune('α' + *next)))
	default:
		panic("a field of kind " + v.Kind().String() + ": teach wire.go about it")
	}
}

func TestRecordHasEveryField(t *testing.T) {
	t.Parallel()
	var want, got layout.Page
	fill(reflect.ValueOf(&want).Elem(), new(int))
	want.OCR = nil // what a reader sends has not been recognised yet
	c := coder{b: encodeRecord(nil, &want), reading: true}
	c.page(&got)
	if c.err != nil || len(c.b) > 0 {
		t.Fatal(c.err, len(c.b))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// good is a small record that is in order.
func good() layout.Page {
	return layout.Page{
		Version: layout.Version, Number: 1, Status: layout.StatusOK, Text: "aé\nb\n", Fonts: []layout.Font{{Name: "F"}},
		Lines: []layout.Line{
			{Start: 0, End: 3, Runs: []layout.Run{{Start: 0, End: 1}, {Start: 1, End: 3}}},
			{Start: 4, End: 5, Runs: []layout.Run{{Start: 4, End: 5}}},
		},
		Blocks: []layout.Block{{Kind: layout.BlockParagraph, First: 0, Last: 1}},
	}
}

// tabulate makes the block of a good record a table of two rows.
func tabulate(p *layout.Page) *layout.Table {
	t := &layout.Table{Rows: 2, Cols: 1, Cells: []layout.Cell{
		{Spans: []layout.Span{{Start: 0, End: 3}}}, {Row: 1, Spans: []layout.Span{{Start: 4, End: 5}}},
	}}
	p.Blocks[0].Kind, p.Blocks[0].Table = layout.BlockTable, t
	return t
}

func TestRecordIsChecked(t *testing.T) {
	t.Parallel()
	p := good()
	tabulate(&p)
	if _, err := decodeRecord(encodeRecord(nil, &p)); err != nil {
		t.Fatal(err)
	}
	p = good()
	if _, err := decodeRecord(encodeRecord(nil, &p)); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*layout.Page){
		"version":          func(p *layout.Page) { p.Version++ },
		"status":           func(p *layout.Page) { p.Status = "fine" },
		"failed":           func(p *layout.Page) { p.Status = layout.StatusFailed },
		"code":             func(p *layout.Page) { p.Code = "x" },
		"line beyond text": func(p *layout.Page) { p.Lines[1].End = 99 },
		"line backwards":   func(p *layout.Page) { p.Lines[1].Start = 2 },
		"line cuts a rune": func(p *layout.Page) { p.Lines[0].End, p.Lines[0].Runs = 2, nil },
		"negative":         func(p *layout.Page) { p.Lines[0].Start = -1 },
		"run beyond line":  func(p *layout.Page) { p.Lines[0].Runs[1].End = 4 },
		"run cuts a rune":  func(p *layout.Page) { p.Lines[0].Runs[0].End = 2 },
		"runs overlap":     func(p *layout.Page) { p.Lines[0].Runs[1].Start = 0 },
		"font":             func(p *layout.Page) { p.Lines[0].Runs[0].Font = 1 },
		"block":            func(p *layout.Page) { p.Blocks[0].Last = 2 },
		"block backwards":  func(p *layout.Page) { p.Blocks[0].First = 2 },
		"marker":           func(p *layout.Page) { p.Blocks[0].Kind, p.Blocks[0].Marker = layout.BlockListItem, "x" },
		"table in a list":  func(p *layout.Page) { p.Blocks[0].Table = &layout.Table{Rows: 1, Cols: 1, Cells: []layout.Cell{{}}} },
		"no table":         func(p *layout.Page) { p.Blocks[0].Kind = layout.BlockTable },
		"vast table":       func(p *layout.Page) { tabulate(p).Rows = 1 << 40 },
		"empty table":      func(p *layout.Page) { tabulate(p).Cells = nil },
		"header rows":      func(p *layout.Page) { tabulate(p).HeaderRows = 3 },
		"cell outside":     func(p *layout.Page) { tabulate(p).Cells[1].ColSpan = 2 },
		"cells disordered": func(p *layout.Page) { tabulate(p).Cells[1].Row = 0 },
		"cell's text":      func(p *layout.Page) { tabulate(p).Cells[0].Spans[0].End = 99 },
		"text":             func(p *layout.Page) { p.Text = "a\xff\xff\nb\n" },
		"not a number":     func(p *layout.Page) { p.Width = math.NaN() },
		"infinite":         func(p *layout.Page) { p.Lines[0].Box[2] = float32(math.Inf(-1)) },
	} {
		p := good()
		spoil(&p)
		if _, err := decodeRecord(encodeRecord(nil, &p)); !errors.Is(err, errRecord) {
			t.Errorf("%s: %v", name, err)
		}
	}
	whole := encodeRecord(nil, &p)
	for n := range whole {
		if _, err := decodeRecord(whole[:n]); !errors.Is(err, errRecord) {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
	if _, err := decodeRecord(append(whole, 0)); !errors.Is(err, errRecord) {
		t.Errorf("a byte too many: %v", err)
	}
}

// A record that passes can be kept as JSON and read again.
func FuzzDecodeRecord(f *testing.F) {
	p := good()
	f.Add(encodeRecord(nil, &p))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := decodeRecord(data)
		if err != nil {
			return
		}
		if _, err := layout.Decode(p.Encode()); err != nil {
			t.Errorf("%v: %+v", err, p)
		}
	})
}

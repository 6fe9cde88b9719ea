package layout

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sameScan verifies that what scanPage reads is what encoding/json reads, to
// the last nil slice.
func sameScan(t *testing.T, data []byte) (ok bool) {
	t.Helper()
	got, ok := scanPage(data)
	if !ok {
		return false
	}
	var want Page
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatalf("read and is no JSON (%v): %s", err, data)
	}
	if !reflect.DeepEqual(want, got) {
		t.Fatalf("read otherwise: %s\n%s", cmp.Diff(want, got), data)
	}
	return true
}

// fullPage has a value in every field.
func fullPage() Page {
	s := newSheet()
	s.lines(72, 72, 20, bold, `A "Title" \ 1`)
	s.lines(72, 110, 10, regular, "• one", "• two", "text of a para-", "graph, naïve 日本語")
	s.Label, s.Rotation = "iv", 90
	s.Rulings = []Ruling{{1, 2.5, 1e-7, 3e6, "dbe5f1"}, {X1: -4}}
	s.Images = []Box{{1, 2, 3, 4}}
	s.Links = []Link{{Box: Box{1, 2, 3, 4}, URI: "https://example.org/?a=1&b=<2>"}}
	p := Read(s.Glyphs)
	p.NeedsOCR, p.Truncated, p.Garbage = true, true, true
	p.Order, p.Unshown = OrderStream, 1
	p.OCR = &OCR{Status: OCRFailed, Engine: "tesseract", Version: "5.3.0", Languages: "eng+deu", Confidence: 87, Code: "ocr_timeout", Error: "Late."}
	p.Lines[0].Angle = 12.25
	return p
}

// What Encode writes has to be read without the detour, or it is of no use.
func TestScanPage(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]Page{
		"full": fullPage(), "bench": Read(benchPage()), "empty": Read(Glyphs{Number: 1}), "failed": Failed(3, "timeout", "Late."),
	} {
		if data := p.Encode(); !sameScan(t, data) {
			t.Errorf("%s: left to encoding/json: %s", name, data)
		}
	}
}

// One byte more, less or another one: left to encoding/json, or read like it.
func TestScanPageDamaged(t *testing.T) {
	t.Parallel()
	data := string(fullPage().Encode())
	if strings.Contains(data, ":null") {
		t.Fatal(data)
	}
	for i := range data {
		sameScan(t, []byte(data[:i]))
		sameScan(t, []byte(data[:i]+data[i+1:]))
		for _, c := range []string{"0", "1", "-", ".", "e", `"`, `\`, " ", ",", "\xff"} {
			sameScan(t, []byte(data[:i]+c+data[i:]))
			sameScan(t, []byte(data[:i]+c+data[i+1:]))
		}
	}
}

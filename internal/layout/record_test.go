package layout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFailed(t *testing.T) {
	t.Parallel()
	p := Failed(7, "page_timeout", "The page took longer than 20 s.")
	const want = `{"v":2,"page_number":7,"width":0,"height":0,"status":"failed","error_code":"page_timeout","error":"The page took longer than 20 s.","text":""}`
	if d := cmp.Diff(want, string(p.Encode())); d != "" {
		t.Error(d)
	}
	q, err := Decode(p.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(p, q); d != "" {
		t.Error(d)
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	s := newSheet()
	s.put(72.123, 100, 10, regular, "a<b & c")
	s.Links = []Link{{Box: Box{1, 2, 3, 4}, URI: "https://example.org/?a=1&b=2"}}
	got := Read(s.Glyphs).Encode()
	if bytes.Contains(got, []byte("\n")) {
		t.Errorf("more than a line: %s", got)
	}
	for _, want := range []string{`"text":"a<b & c\n"`, `"uri":"https://example.org/?a=1&b=2"`, `"bbox":[72.42,93,`} {
		if !bytes.Contains(got, []byte(want)) {
			t.Errorf("no %s in %s", want, got)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	// A page that is sound: é has two bytes.
	const sound = `{"v":1,"page_number":1,"status":"ok","text":"né\nb\n","fonts":[{"name":"A"}],
		"lines":[{"start":0,"end":3,"runs":[{"start":0,"end":3,"font":0}]},{"start":4,"end":5,"runs":[{"start":4,"end":5,"font":0}]}],
		"blocks":[{"kind":"paragraph","first":0,"last":0},{"kind":"list_item","marker":"b","first":1,"last":1}]}`
	if _, err := Decode([]byte(sound)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, old, new string
		want           error
	}{
		{"newer", `"v":1`, `"v":3`, ErrNewer},
		{"newer with fields of another type", `"v":1,"page_number":1`, `"v":3,"page_number":"one"`, ErrNewer},
		{"no version", `"v":1,`, ``, ErrRecord},
		{"no page number", `"page_number":1`, `"page_number":0`, ErrRecord},
		{"no status", `"status":"ok",`, ``, ErrRecord},
		{"not JSON", `{"v"`, `{v`, ErrRecord},
		{"another type", `"text":"né\nb\n"`, `"text":7`, ErrRecord},
		{"an order unknown", `"page_number":1`, `"page_number":1,"order":"random"`, ErrRecord},
		{"more unshown than there are", `"page_number":1`, `"page_number":1,"chars":3,"unshown":4`, ErrRecord},
		{"line beyond the text", `"end":5,"runs"`, `"end":50,"runs"`, ErrRecord},
		{"line before the text", `"lines":[{"start":0`, `"lines":[{"start":-1`, ErrRecord},
		{"line backwards", `{"start":4,"end":5,"runs"`, `{"start":5,"end":4,"runs"`, ErrRecord},
		{"lines overlap", `{"start":4,"end":5,"runs"`, `{"start":1,"end":5,"runs"`, ErrRecord},
		{"line cuts a rune", `"lines":[{"start":0,"end":3`, `"lines":[{"start":0,"end":2`, ErrRecord},
		{"run outside its line", `"runs":[{"start":4`, `"runs":[{"start":3`, ErrRecord},
		{"run cuts a rune", `"runs":[{"start":0,"end":3`, `"runs":[{"start":2,"end":3`, ErrRecord},
		{"no such font", `"font":0}]}],`, `"font":1}]}],`, ErrRecord},
		{"negative font", `"font":0}]}],`, `"font":-1}]}],`, ErrRecord},
		{"no such line", `"first":1,"last":1`, `"first":1,"last":2`, ErrRecord},
		{"negative line", `"first":0,"last":0`, `"first":-1,"last":0`, ErrRecord},
		{"blocks overlap", `"first":1,"last":1`, `"first":0,"last":1`, ErrRecord},
		{"empty block", `"first":1,"last":1`, `"first":1,"last":0`, ErrRecord},
		{"unknown kind", `"paragraph"`, `"table"`, ErrRecord},
		{"list item without marker", `"marker":"b",`, ``, ErrRecord},
		{"list item with another marker", `"marker":"b"`, `"marker":"bb"`, ErrRecord},
	} {
		data := strings.Replace(sound, tt.old, tt.new, 1)
		if data == sound {
			t.Fatalf("%s: nothing replaced", tt.name)
		}
		if _, err := Decode([]byte(data)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestProfile(t *testing.T) {
	t.Parallel()
	var pr Profiler
	for _, s := range article() {
		pr.Add(Read(s.Glyphs))
	}
	want := Profile{Version: Version, Pages: 2, BodySize: 10, BodyFont: "Times-Roman", Headings: []Heading{
		{Size: 20, Bold: true, Level: 1, Title: true},
		{Size: 14, Bold: true, Level: 2, Depth: 1},
		{Size: 12, Bold: true, Level: 3, Depth: 2},
	}}
	got := pr.Profile()
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	data, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var back Profile
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(got, back); d != "" {
		t.Error(d)
	}
}

func TestProfileOrder(t *testing.T) {
	t.Parallel()
	var forth, back Profiler
	sheets := article()
	for i := range sheets {
		forth.Add(Read(sheets[i].Glyphs))
		back.Add(Read(sheets[len(sheets)-1-i].Glyphs))
	}
	if d := cmp.Diff(forth.Profile(), back.Profile()); d != "" {
		t.Error(d)
	}
}

func TestProfileOfNothing(t *testing.T) {
	t.Parallel()
	var pr Profiler
	pr.Add(Failed(1, "timeout", "Too slow."))
	if d := cmp.Diff(Profile{Version: Version, Pages: 1}, pr.Profile()); d != "" {
		t.Error(d)
	}
}

// TestProfilerMemory adds pages of all sizes: what a Profiler keeps must not
// grow with them.
func TestProfilerMemory(t *testing.T) {
	t.Parallel()
	var pr Profiler
	for i := range 20_000 {
		text := fmt.Sprintf("Heading %d", i) + strings.Repeat(",", i%2) // every other one is none
		end := len(text)
		pr.Add(Page{
			Version: 1, Number: i + 1, Status: StatusOK, Text: text + "\n", Fonts: []Font{{Name: text}},
			Lines:  []Line{{End: end, Runs: []Run{{End: end, Size: float32(i) / 7}}}},
			Blocks: []Block{{Kind: BlockParagraph, Size: float32(i) / 7, Bold: i%2 == 0}},
		})
	}
	if len(pr.titles) > maxTitles {
		t.Errorf("%d titles", len(pr.titles))
	}
	if len(pr.fonts) > maxBodyFonts {
		t.Errorf("%d fonts", len(pr.fonts))
	}
	if most := 2 * (maxSize*sizeSteps + 1); len(pr.seen) > most {
		t.Errorf("%d styles, at most %d wanted", len(pr.seen), most)
	}
	marks := make([]Bookmark, 3*maxBookmarks)
	for i := range marks {
		marks[i] = Bookmark{"Title", 1, 1}
	}
	pr.Outline(marks)
	if n := len(pr.Profile().Outline); n != maxBookmarks {
		t.Errorf("%d bookmarks", n)
	}
	if n := len(pr.Profile().Headings); n > maxRungs {
		t.Errorf("%d rungs", n)
	}
}

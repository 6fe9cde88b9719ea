package pdf

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/layout"
)

// testEngine is PDFium in this process. What it opens is what data has then.
func testEngine(t testing.TB, data *[]byte) *engine {
	t.Helper()
	src := &source{fetch: func(offset int64, length int) ([]byte, error) { return (*data)[offset : offset+int64(length)], nil }}
	e, err := newEngine(filepath.Join(testCache(), engineVersion), 1<<30, src)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.inst.Close(); err != nil {
			t.Errorf("close PDFium: %v", err)
		}
	})
	return e
}

// tagged makes a document of one page with a structure tree. elements are the
// entries of dictionaries that begin with number 10; content has the page's
// marked content, the elements in parents being those of its ids.
func tagged(content string, parents []int, elements ...string) []byte {
	return taggedForms(content, nil, parents, elements...)
}

// taggedForms makes such a document that has forms, /X0 and so on, each of which
// has those after it.
func taggedForms(content string, forms []string, parents []int, elements ...string) []byte {
	w := newWriter()
	resources := func(from int) string {
		var all strings.Builder
		for i := from; i < len(forms); i++ {
			fmt.Fprintf(&all, "/X%d %d 0 R ", i, 10+len(elements)+i)
		}
		return "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> /XObject << " + all.String() + ">> >>"
	}
	w.page(content, "/StructParents 0 "+resources(0)) // objects 3 and 4
	for len(w.objects) < 6 {
		w.object("null")
	}
	refs := make([]string, len(parents))
	for i, p := range parents {
		refs[i] = fmt.Sprintf("%d 0 R", p)
	}
	w.object("<< /Type /StructTreeRoot /K 10 0 R /ParentTree 8 0 R /RoleMap << /Kapitel /H2 >> >>")
	w.object("<< /Nums [0 9 0 R] >>")
	w.object("[" + strings.Join(refs, " ") + "]")
	for _, e := range elements {
		w.object("<< /Type /StructElem /Pg 4 0 R " + e + " >>")
	}
	for i, form := range forms {
		w.stream("/Type /XObject /Subtype /Form /BBox [0 0 612 792] "+resources(i+1), []byte(form))
	}
	w.catalog = "/MarkInfo << /Marked true >> /StructTreeRoot 7 0 R"
	return w.bytes()
}

// marked is a line of text with a marked content id.
func marked(id int, line string) string {
	return fmt.Sprintf("/P << /MCID %d >> BDC BT /F1 12 Tf 72 %d Td (%s) Tj ET EMC\n", id, 700-20*id, line)
}

func TestTags(t *testing.T) {
	t.Parallel()
	data := tagged(marked(0, "Heading")+marked(1, "cell")+marked(2, "wide")+
		"/Artifact BMC BT /F1 9 Tf 72 20 Td (Page) Tj ET EMC BT /F1 9 Tf 72 40 Td (stray) Tj ET", []int{11, 14, 15},
		"/S /Document /P 7 0 R /K [11 0 R 12 0 R 16 0 R]",
		"/S /Kapitel /P 10 0 R /K 0",
		"/S /Table /P 10 0 R /K [13 0 R]",
		"/S /TR /P 12 0 R /K [17 0 R 14 0 R 15 0 R]",
		"/S /TH /P 13 0 R /K [1]",
		"/S /TD /P 13 0 R /K [2] /A << /O /Table /RowSpan 2 /ColSpan 3 >>",
		"/S /P /P 10 0 R",
		"/S /TD /P 13 0 R",
	)
	got, g := tagsOf(t, data)
	want := []layout.Tag{
		{Type: "Document", Parent: -1}, {Type: "H2"}, {Type: "Table"}, {Type: "TR", Parent: 2},
		{Type: "TD", Parent: 3}, {Type: "TH", Parent: 3}, {Type: "TD", Parent: 3, RowSpan: 2, ColSpan: 3},
	}
	if d := cmp.Diff(want, g.Tags); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[int]string{2: "Heading", 6: "cell", 7: "wide", layout.TagArtifact: "Page", 0: "stray"}, got); d != "" {
		t.Error(d)
	}
}

// What a form draws belongs where the page draws the form, whatever its own marks
// are numbered.
func TestTagsOfForms(t *testing.T) {
	t.Parallel()
	line := func(y int, text string) string { return fmt.Sprintf("BT /F1 12 Tf 72 %d Td (%s) Tj ET ", y, text) }
	image := "q 50 0 0 50 72 %d cm BI /W 1 /H 1 /CS /G /BPC 8 ID A EI Q "
	data := taggedForms(
		"/P << /MCID 0 >> BDC "+line(700, "plain")+"EMC /P << /MCID 1 >> BDC /X0 Do EMC /Artifact BMC /X1 Do EMC /X2 Do "+
			"/Figure << /MCID 2 >> BDC /X3 Do EMC",
		[]string{
			line(680, "drawn") + "/P << /MCID 0 >> BDC " + line(660, "marked") + "EMC /X2 Do ",
			line(20, "Header") + "/P << /MCID 0 >> BDC " + line(40, "no.1") + "EMC ",
			line(600, "deep"),
			fmt.Sprintf(image, 400),
		}, []int{11, 12, 13},
		"/S /Document /P 7 0 R /K [11 0 R 12 0 R 13 0 R]",
		"/S /P /P 10 0 R /K 0",
		"/S /P /P 10 0 R /K 1",
		"/S /Figure /P 10 0 R /K 2 /Alt (A black square)",
	)
	got, g := tagsOf(t, data)
	if d := cmp.Diff(map[int]string{2: "plain", 3: "drawnmarkeddeep", layout.TagArtifact: "Headerno.1", 0: "deep"}, got); d != "" {
		t.Error(d)
	}
	if len(g.ImageData) != 1 || g.ImageData[0].Alt != "A black square" {
		t.Errorf("the image is %+v", g.ImageData)
	}
}

// The marks of a form that the page draws outside of its tags are numbered anew
// where the page's own have the same numbers: they say nothing then.
func TestTagsOfFormsAlone(t *testing.T) {
	t.Parallel()
	form := []string{"/P << /MCID 0 >> BDC BT /F1 12 Tf 72 300 Td (form) Tj ET EMC "}
	for name, c := range map[string]struct {
		content string
		want    map[int]string
	}{
		"the page's own have others": {marked(1, "page") + "/X0 Do", map[int]string{2: "form", 3: "page"}},
		"the page's own have them":   {"/X0 Do " + marked(0, "page"), map[int]string{0: "form", 2: "page"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _ := tagsOf(t, taggedForms(c.content, form, []int{11, 12},
				"/S /Document /P 7 0 R /K [11 0 R 12 0 R]", "/S /P /P 10 0 R /K 0", "/S /P /P 10 0 R /K 1"))
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// tagsOf reads the only page of a document, and says what text has which tag.
func tagsOf(t *testing.T, data []byte) (map[int]string, layout.Glyphs) {
	t.Helper()
	e := testEngine(t, &data)
	doc, err := e.open(int64(len(data)), "")
	if err != nil {
		t.Fatal(err)
	}
	var g layout.Glyphs
	if !e.readPage(doc, 1, &g) {
		t.Fatal("the page is not read")
	}
	got := map[int]string{}
	for _, gl := range g.Glyphs {
		if !gl.Generated {
			got[gl.Tag] += string(gl.Rune)
		}
	}
	return got, g
}

// Structure trees that go in circles, down without end, or claim what cannot be
// are read as far as they make sense.
func TestTagsOfLiars(t *testing.T) {
	t.Parallel()
	deep := []string{}
	for i := range 500 {
		deep = append(deep, fmt.Sprintf("/S /Div /P %d 0 R /K %d 0 R", max(9+i, 7), 11+i))
	}
	wide := strings.Repeat("11 0 R ", maxTagKids+1)
	for name, c := range map[string]struct {
		elements []string
		most     int
	}{
		"a circle":   {[]string{"/S /Document /P 7 0 R /K [11 0 R]", "/S /Div /P 10 0 R /K [10 0 R 11 0 R 0]"}, 2 * maxTagDepth},
		"deep":       {append(deep, "/S /P /P 509 0 R /K 0"), maxTagDepth},
		"wide":       {[]string{"/S /Document /P 7 0 R /K [" + wide + "]", "/S /P /P 10 0 R /K 0"}, 0},
		"large span": {[]string{"/S /TR /P 7 0 R /K [11 0 R]", "/S /TD /P 10 0 R /K 0 /A << /RowSpan 1000000000 /ColSpan -1 >>"}, 2},
		"no types":   {[]string{"/P 7 0 R /K [11 0 R]", "/S (" + strings.Repeat("x", 5000) + ") /P 10 0 R /K 0"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := tagged(marked(0, "text"), []int{9 + len(c.elements)}, c.elements...)
			p := newPool(t, Config{Readers: 1})
			pages, err := readAll(t.Context(), t, openBytes(t, p, data, ""), []int{1})
			if err != nil || pages[0].Text != "text\n" {
				t.Errorf("%+v, %v", pages, err)
			}
			e := testEngine(t, &data)
			doc, err := e.open(int64(len(data)), "")
			if err != nil {
				t.Fatal(err)
			}
			var g layout.Glyphs
			e.readPage(doc, 1, &g)
			if len(g.Tags) > c.most {
				t.Errorf("%d tags, want at most %d", len(g.Tags), c.most)
			}
			for i, tag := range g.Tags {
				if tag.Parent >= i || len(tag.Type) > maxTagName || tag.RowSpan > layout.MaxSpan || tag.ColSpan < 0 {
					t.Errorf("tag %d is %+v", i, tag)
				}
			}
		})
	}
}

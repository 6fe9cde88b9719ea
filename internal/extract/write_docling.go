package extract

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/mivaa/mivaa/internal/layout"
)

// doclingVersion is that of the DoclingDocument schema which has all that is
// written here: a reader refuses what is newer than itself.
const doclingVersion = "1.0.0"

type doclingRef struct {
	Ref string `json:"$ref"`
}

type doclingItem struct {
	SelfRef    string          `json:"self_ref"`
	Parent     doclingRef      `json:"parent"`
	Children   []doclingRef    `json:"children"`
	Layer      string          `json:"content_layer"`
	Label      string          `json:"label"`
	Provenance []doclingOrigin `json:"prov"`
	Original   string          `json:"orig"`
	Text       string          `json:"text"`
	Level      int             `json:"level,omitempty"`      // of a section_header
	Enumerated *bool           `json:"enumerated,omitempty"` // of a list_item
	Marker     string          `json:"marker,omitempty"`     // of a list_item
}

// doclingOrigin is where an item stands.
type doclingOrigin struct {
	PageNumber int        `json:"page_no"`
	Box        doclingBox `json:"bbox"`
	Span       [2]int     `json:"charspan"`
}

type doclingBox struct {
	Left   float32 `json:"l"`
	Top    float32 `json:"t"`
	Right  float32 `json:"r"`
	Bottom float32 `json:"b"`
	From   string  `json:"coord_origin"`
}

// doclingGroup is one of the two roots of a document.
type doclingGroup struct {
	SelfRef  string       `json:"self_ref"`
	Children []doclingRef `json:"children"`
	Layer    string       `json:"content_layer"`
	Name     string       `json:"name"`
	Label    string       `json:"label"`
}

// doclingPage is a page: those are keyed by their number.
type doclingPage struct {
	Size   doclingSize `json:"size"`
	Number int         `json:"page_no"`
}

// WriteDocling writes the document as a DoclingDocument, the JSON that docling
// and what is built on it read: pages, and the elements as flat lists of texts,
// tables and pictures, in reading order.
func (res *Result) WriteDocling(ctx context.Context, w io.Writer) error {
	out := &jsonWriter{w: bufio.NewWriterSize(w, 64<<10)}
	out.write(`{"schema_name":"DoclingDocument","version":"` + doclingVersion + `"`)
	out.field("name", res.document.Filename)
	out.field("origin", map[string]any{
		"mimetype": "application/pdf", "binary_hash": doclingHash(res.document.SourceSHA256), "filename": res.document.Filename,
	})
	body := doclingGroup{SelfRef: "#/body", Children: []doclingRef{}, Layer: "body", Name: "_root_", Label: "unspecified"}
	out.list("texts", func() error { return res.eachDoclingItem(ctx, out, &body) })
	has := func(list string) bool {
		return slices.ContainsFunc(body.Children, func(r doclingRef) bool { return strings.HasPrefix(r.Ref, list) })
	}
	out.listIf(has("#/tables/"), "tables", func() error { return res.eachDoclingFloat(ctx, out, layout.TypeTable) })
	out.listIf(has("#/pictures/"), "pictures", func() error { return res.eachDoclingFloat(ctx, out, layout.TypeImage) })
	out.field("body", body)
	out.field("furniture", doclingGroup{SelfRef: "#/furniture", Children: []doclingRef{}, Layer: "furniture", Name: "_root_", Label: "unspecified"})
	for _, none := range []string{"groups", "key_value_items", "form_items"} {
		out.list(none, nil)
	}
	res.doclingPages(ctx, out)
	return out.close()
}

func (res *Result) eachDoclingItem(ctx context.Context, out *jsonWriter, body *doclingGroup) error {
	var numbers doclingRefs
	return res.eachElements(ctx, func(_ *layout.Page, elements []Element) error {
		for i, ref := range numbers.of(elements) {
			body.Children = append(body.Children, doclingRef{ref})
			if e := &elements[i]; e.Type != layout.TypeTable && e.Type != layout.TypeImage {
				if err := out.item(doclingItemOf(e, ref)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func doclingItemOf(e *Element, ref string) doclingItem {
	item := doclingItem{
		SelfRef: ref, Parent: doclingRef{"#/body"}, Children: []doclingRef{}, Layer: doclingLayer(e), Label: doclingLabel(e.Type), Original: e.Text, Text: e.Text,
		Provenance: doclingOrigins(e),
	}
	switch item.Label {
	case "section_header":
		item.Level = max(1, e.Level)
	case "list_item":
		item.Enumerated, item.Marker = new(e.Marker != "" && e.Marker[0] >= '0' && e.Marker[0] <= '9'), e.Marker
	}
	return item
}

// doclingLabel is docling's word for a type of element.
func doclingLabel(of string) string {
	switch of {
	case layout.TypeHeading:
		return "section_header"
	case layout.TypeTitle, layout.TypeListItem, "caption", "footnote", "page_header", "page_footer":
		return of
	case "page_number":
		return "page_footer"
	}
	return "text" // a code or formula would need more than its text
}

// doclingPages writes the pages, which are an object and not a list.
func (res *Result) doclingPages(ctx context.Context, out *jsonWriter) {
	out.write(`,` + "\n" + `"pages":{`)
	first := true
	for p, err := range res.steps.pages(ctx) {
		if err != nil {
			out.fail(err)
			return
		}
		page := doclingPage{Number: p.Number, Size: doclingSize{p.Width, p.Height}}
		if !first {
			out.write(",")
		}
		first = false
		out.write("\n" + `"` + strconv.Itoa(p.Number) + `":`)
		out.value(page)
	}
	out.write("}")
}

// doclingHash is the beginning of a hash, as a number.
func doclingHash(sum string) uint64 {
	b, err := hex.DecodeString(sum)
	if err != nil || len(b) < 8 {
		return 0 // a document by hand, without a source
	}
	return binary.BigEndian.Uint64(b)
}

func (j *jsonWriter) field(key string, v any) {
	j.write(",\n\"" + key + "\":")
	j.value(v)
}

func (j *jsonWriter) value(v any) {
	data, err := encode(v)
	if err != nil {
		j.fail(err)
		return
	}
	j.write(string(data))
}

func (j *jsonWriter) fail(err error) {
	if j.err == nil {
		j.err = err
	}
}

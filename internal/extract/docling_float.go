package extract

import (
	"context"
	"slices"
	"strconv"

	"github.com/mivaa/mivaa/internal/layout"
)

// doclingFloat is a table or a picture.
type doclingFloat struct {
	SelfRef     string          `json:"self_ref"`
	Parent      doclingRef      `json:"parent"`
	Children    []doclingRef    `json:"children"`
	Layer       string          `json:"content_layer"`
	Label       string          `json:"label"`
	Provenance  []doclingOrigin `json:"prov"`
	Captions    []doclingRef    `json:"captions"`
	References  []doclingRef    `json:"references"`
	Footnotes   []doclingRef    `json:"footnotes"`
	Image       *doclingImage   `json:"image,omitempty"`
	Data        *doclingTable   `json:"data,omitempty"`        // of a table
	Annotations *[]any          `json:"annotations,omitempty"` // of a picture
}

type doclingTable struct {
	Cells []doclingCell `json:"table_cells"`
	Rows  int           `json:"num_rows"`
	Cols  int           `json:"num_cols"`
}

// doclingCell is a cell; its ends are those behind it.
type doclingCell struct {
	Box          doclingBox `json:"bbox"`
	RowSpan      int        `json:"row_span"`
	ColSpan      int        `json:"col_span"`
	StartRow     int        `json:"start_row_offset_idx"`
	EndRow       int        `json:"end_row_offset_idx"`
	StartCol     int        `json:"start_col_offset_idx"`
	EndCol       int        `json:"end_col_offset_idx"`
	Text         string     `json:"text"`
	ColumnHeader bool       `json:"column_header"`
	RowHeader    bool       `json:"row_header"`
	RowSection   bool       `json:"row_section"`
}

type doclingImage struct {
	MediaType string      `json:"mimetype"`
	DPI       int         `json:"dpi"`
	Size      doclingSize `json:"size"`
	URI       string      `json:"uri"`
}

type doclingSize struct {
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
}

// doclingRefs numbers the items of a document, each list by itself.
type doclingRefs struct{ texts, tables, pictures int }

// of numbers the elements of a page.
func (n *doclingRefs) of(elements []Element) []string {
	refs := make([]string, len(elements))
	for i := range elements {
		list, count := "#/texts/", &n.texts
		switch elements[i].Type {
		case layout.TypeTable:
			list, count = "#/tables/", &n.tables
		case layout.TypeImage:
			list, count = "#/pictures/", &n.pictures
		}
		refs[i] = list + strconv.Itoa(*count)
		*count++
	}
	return refs
}

// eachDoclingFloat writes the tables, or the pictures.
func (res *Result) eachDoclingFloat(ctx context.Context, out *jsonWriter, kind string) error {
	var numbers doclingRefs
	return res.eachElements(ctx, func(p *layout.Page, elements []Element) error {
		refs := numbers.of(elements)
		for i := range elements {
			if elements[i].Type != kind {
				continue
			}
			if err := out.item(res.doclingFloat(p, elements, refs, i)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (res *Result) doclingFloat(p *layout.Page, elements []Element, refs []string, i int) doclingFloat {
	e := &elements[i]
	f := doclingFloat{
		SelfRef: refs[i], Parent: doclingRef{"#/body"}, Children: []doclingRef{}, Layer: doclingLayer(e), Label: "picture",
		Provenance: doclingOrigins(e), Captions: []doclingRef{}, References: []doclingRef{}, Footnotes: []doclingRef{},
	}
	if k := slices.IndexFunc(elements, func(c Element) bool { return e.captionID != "" && c.ID == e.captionID }); k >= 0 {
		f.Captions = append(f.Captions, doclingRef{refs[k]})
	}
	if e.table != nil {
		f.Label, f.Data = "table", doclingTableOf(p, e)
		return f
	}
	f.Annotations, f.Image = &[]any{}, doclingImageOf(p, e, res.request.ImageBase)
	return f
}

func doclingTableOf(p *layout.Page, e *Element) *doclingTable {
	t := tableOf(p, e)
	d := &doclingTable{Cells: make([]doclingCell, len(t.Cells)), Rows: t.Rows, Cols: t.Cols}
	for i, c := range t.Cells {
		d.Cells[i] = doclingCell{
			Box: doclingBoxOf(c.Box), RowSpan: c.RowSpan, ColSpan: c.ColSpan, StartRow: c.Row, EndRow: c.Row + c.RowSpan,
			StartCol: c.Col, EndCol: c.Col + c.ColSpan, Text: c.Text, ColumnHeader: c.Header,
		}
	}
	return d
}

// doclingImageOf is the picture's image; of one that an older version recorded
// nothing is known.
func doclingImageOf(p *layout.Page, e *Element, base string) *doclingImage {
	if len(p.ImageData) == 0 {
		return nil
	}
	d := &p.ImageData[e.image]
	dpi := 72 * float64(d.Width) / max(float64(e.Box[2]-e.Box[0]), 1)
	return &doclingImage{
		MediaType: d.MediaType, DPI: int(dpi + 0.5), Size: doclingSize{float64(d.Width), float64(d.Height)}, URI: base + p.ImageName(e.image),
	}
}

func doclingBoxOf(b layout.Box) doclingBox { return doclingBox{b[0], b[1], b[2], b[3], "TOPLEFT"} }

func doclingOrigins(e *Element) []doclingOrigin {
	return []doclingOrigin{{PageNumber: e.PageNumber, Box: doclingBoxOf(e.Box), Span: [2]int{0, e.CharEnd - e.CharStart}}}
}

func doclingLayer(e *Element) string {
	if e.Layer != layout.LayerBody {
		return "furniture"
	}
	return "body"
}

package layout

import "strconv"

// Element types.
const (
	TypeTitle      = "title"
	TypeHeading    = "heading"
	TypeParagraph  = "paragraph"
	TypeListItem   = "list_item"
	TypeTable      = "table"
	TypeImage      = "image"
	TypeCaption    = "caption"
	TypeCode       = "code"
	TypeFormula    = "formula"
	TypeFootnote   = "footnote"
	TypePageHeader = "page_header"
	TypePageFooter = "page_footer"
	TypePageNumber = "page_number"
)

// Layers: what belongs to the document's text, and what belongs to its pages.
const (
	LayerBody      = "body"
	LayerFurniture = "furniture"
)

// Element is one piece of a document: what Markdown and the document's JSON
// are made of.
type Element struct {
	ID     string `json:"element_id"` // the same for the same page and profile
	Type   string `json:"type"`
	Layer  string `json:"layer"`
	Level  int    `json:"level,omitempty"`  // of a heading, 1 to 6; of a list item, how deep it is nested, from 1
	Marker string `json:"marker,omitempty"` // of a list item, as printed
	Text   string `json:"text"`             // for reading: lines and broken words joined, without the marker
	Page   int    `json:"page_number"`
	Box    Box    `json:"bbox"`
	Start  int    `json:"start"` // Page.Text[Start:End] is what the element was made from
	End    int    `json:"end"`
	Order  int    `json:"order"` // on its page, from 0

	Confidence float32 `json:"confidence,omitempty"` // that the type is right, to 1
	Table      *Table  `json:"-"`                    // of a table
	Image      int     `json:"-"`                    // of an image: its index in Page.Images

	first, last int // lines of the page that it was made of
	skip        int // bytes of the first that are the marker
}

// Elements returns what the page consists of, in reading order. Every line of
// the page is in exactly one element.
func Elements(p Page, prof Profile) []Element {
	out, known := elements(&p, &prof), p.compounds()
	for i := range out {
		e := &out[i]
		switch e.Type {
		case TypeCode:
			e.Text = p.code(e.first, e.last)
		case TypeImage: // which has none
		case TypeTable:
			e.Text = e.Table.text(&p)
		default:
			e.Text = joinKnowing(p.Text[e.Start+e.skip:e.End], known)
		}
	}
	return out
}

// elements makes elements without their text.
func elements(p *Page, prof *Profile) []Element {
	parts := prof.parts(p)
	out := make([]Element, 0, len(parts))
	var n nesting
	for i := range parts {
		s := &parts[i]
		e := Element{
			ID: "p" + strconv.Itoa(p.Number) + "e" + strconv.Itoa(i), Type: s.kind, Layer: LayerBody, Level: s.level,
			Page: p.Number, Box: s.box, Order: i, Start: p.Lines[s.first].Start, End: p.Lines[s.last].End,
			Confidence: s.sure, first: s.first, last: s.last,
		}
		switch s.kind {
		case TypeListItem:
			e.Marker, e.Level, e.skip = s.marker, s.depth, len(s.marker)
			if s.tag != TagItem {
				e.Level = n.depth(s)
			}
		case TypeTable:
			e.Table = s.table
		case TypePageHeader, TypePageFooter, TypePageNumber:
			e.Layer = LayerFurniture
		}
		if s.kind != TypeListItem && e.Layer == LayerBody {
			n.end()
		}
		out = append(out, e)
	}
	return withImages(p, prof, out)
}

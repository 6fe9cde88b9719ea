package extract

import (
	"cmp"
	"strings"
	"unicode/utf8"

	"github.com/mivaa/mivaa/internal/layout"
)

// Element is an element of the document as JSON: one of a page, and where it
// stands in the document.
type Element struct {
	ID          string     `json:"element_id" doc:"The same for the same page"`
	Type        string     `json:"type" enum:"title,heading,paragraph,list_item,table,image,caption,code,formula,footnote,page_header,page_footer,page_number"`
	Layer       string     `json:"layer" enum:"body,furniture" doc:"Furniture is what belongs to the pages: running headers and the like"`
	Level       int        `json:"level,omitempty" doc:"Of a heading, 1 to 6; of a list item, how deep it is nested"`
	Marker      string     `json:"marker,omitempty" doc:"Of a list item, as printed"`
	Text        string     `json:"text" doc:"For reading: lines and broken words joined"`
	PageNumber  int        `json:"page_number"`
	Box         layout.Box `json:"bbox" nullable:"false" doc:"Left, top, right, bottom in points from the top left of the page as shown"`
	ParentID    string     `json:"parent_id,omitempty" doc:"The heading or list item that it stands under"`
	HeadingPath []string   `json:"heading_path" nullable:"false"`
	Order       int        `json:"order" doc:"In the document, from 0"`
	CharStart   int        `json:"char_start" doc:"In the text of its page, in characters"`
	CharEnd     int        `json:"char_end"`
	Confidence  float32    `json:"confidence,omitempty" doc:"That the type is right, to 1"`
	TableID     string     `json:"table_id,omitempty" doc:"Of a table: its cells are in tables"`
	ImageID     string     `json:"image_id,omitempty" doc:"Of an image: more of it is in images"`
	Continues   string     `json:"continues,omitempty" doc:"The element of an earlier page that this one goes on with: a paragraph, a list item or a table"`

	start, end int           // bytes of the page's text
	table      *layout.Table // of a table
	image      int           // of an image: its index on the page
	caption    string        // of either
	captionID  string        // the element that it is
	continues  string        // of a table: the one of the page before that it goes on with
	head       string        // of such a table: the rows that head its columns there
}

// heads reports whether other elements stand under the element.
func (e *Element) heads() bool { return e.Type == layout.TypeTitle || e.Type == layout.TypeHeading }

// outline follows the headings of a document from page to page.
type outline struct {
	headings []place // one under the other
	items    []place // list items that the current one is nested in
	order    int
	table    lastTable
	broken   layout.Break // of the page before
}

// lastTable is the last table of the page before.
type lastTable struct {
	page    layout.Page
	id      string // "": the page has none
	element string
	head    string // the rows that head its columns, perhaps on a page before
}

type place struct {
	id, text string
	level    int
}

// add makes the page's elements and moves on behind them.
func (o *outline) add(page layout.Page, prof layout.Profile) []Element {
	of := layout.Elements(page, prof)
	out := make([]Element, 0, len(of))
	count := counter{text: page.Text}
	tables := 0
	for i := range of {
		e := &of[i]
		el := Element{
			ID: e.ID, Type: e.Type, Layer: e.Layer, Level: e.Level, Marker: e.Marker, Text: e.Text,
			PageNumber: page.Number, Box: e.Box, Order: o.order, Confidence: e.Confidence, start: e.Start, end: e.End,
		}
		switch e.Type {
		case layout.TypeTable:
			el.table, el.TableID = e.Table, tableID(page.Number, tables)
			tables++
		case layout.TypeImage:
			el.image, el.ImageID = e.Image, imageID(&page, e.Image)
		}
		if el.TableID != "" || el.ImageID != "" {
			if k := page.Caption(of, i); k >= 0 {
				el.caption, el.captionID = of[k].Text, of[k].ID
			}
		}
		o.order++
		el.CharStart = count.at(e.Start)
		el.CharEnd = count.at(e.End)
		if e.Layer == layout.LayerBody {
			o.place(&el)
		}
		if el.HeadingPath == nil {
			el.HeadingPath = []string{}
		}
		out = append(out, el)
	}
	o.tables(page, prof, out)
	if k := o.broken.GoesOn(page, of); k >= 0 {
		out[k].Continues = o.broken.ID
	}
	o.broken = layout.BreakOf(page, of)
	return out
}

// tables finds out whether the page's first table goes on with the last of the
// page before, and keeps its own last one in mind.
func (o *outline) tables(page layout.Page, prof layout.Profile, elements []Element) {
	var first, final *Element
	for i := range elements {
		if e := &elements[i]; e.table != nil {
			first, final = cmp.Or(first, e), e
		}
	}
	if first == nil {
		o.table = lastTable{}
		return
	}
	if o.table.id != "" && layout.Continues(o.table.page, page, prof) {
		first.Continues, first.continues, first.head = o.table.element, o.table.id, o.table.head
	}
	o.table = lastTable{page, final.TableID, final.ID, headOf(&page, final)}
}

// headOf returns the rows that head a table's columns.
func headOf(p *layout.Page, e *Element) string {
	var head strings.Builder
	for _, r := range rowsOf(p, e) {
		if r.header {
			head.WriteString(r.text + "\n")
		}
	}
	return cmp.Or(head.String(), e.head)
}

// place finds what the element stands under.
func (o *outline) place(e *Element) {
	switch {
	case e.heads():
		o.items = nil
		o.headings = above(o.headings, e.Level)
		e.ParentID = last(o.headings)
		e.HeadingPath = o.path()
		o.headings = append(o.headings, place{e.ID, e.Text, e.Level})
		return
	case e.Type == layout.TypeListItem:
		o.items = above(o.items, e.Level)
		e.ParentID = last(o.items)
		o.items = append(o.items, place{e.ID, "", e.Level})
	default:
		o.items = nil
	}
	if e.ParentID == "" {
		e.ParentID = last(o.headings)
	}
	e.HeadingPath = o.path()
}

// above returns those that an element of the level stands under. What it
// returns does not share memory that is still to be written.
func above(places []place, level int) []place {
	n := 0
	for n < len(places) && places[n].level < level {
		n++
	}
	return places[:n:n]
}

func last(places []place) string {
	if len(places) == 0 {
		return ""
	}
	return places[len(places)-1].id
}

func (o *outline) path() []string {
	path := make([]string, len(o.headings))
	for i, h := range o.headings {
		path[i] = h.text
	}
	return path
}

// counter turns byte offsets of a text, given in rising order, into characters.
type counter struct {
	text         string
	bytes, runes int
}

func (c *counter) at(offset int) int {
	if offset < c.bytes { // not in order: from the beginning
		c.bytes, c.runes = 0, 0
	}
	c.runes += utf8.RuneCountInString(c.text[c.bytes:offset])
	c.bytes = offset
	return c.runes
}

package layout

import "unicode"

// A tagged document says of its text what it is: paragraph, heading, cell of a
// table, and in which order it is read. Where that is sound it is worth more
// than what can be seen; much of what is tagged is not sound.

// What Block.Tag may be: the structure types that make a difference. Headings
// are tagged H1 to H6.
const (
	TagTitle    = "Title"
	TagText     = "P"
	TagItem     = "LI"
	TagCaption  = "Caption"
	TagNote     = "Note"
	TagCode     = "Code"
	TagFormula  = "Formula"
	TagFigure   = "Figure" // text in a picture, such as the labels of a chart
	TagFurnish  = "Artifact"
	maxTagLevel = 6
)

const (
	// tagged is the least part of the page's characters that the tags must tell
	// something about.
	tagged = 0.98
	// mostPiece is how long a piece may be that has most of the page: more is a
	// page whose tags only say that it has text.
	mostPiece = 2_000
	// mostCell is how much the cell of a table may hold: in a larger one a table
	// was used to lay out the page.
	mostCell = 1_000
)

// structure is a page as its tags see it.
type structure struct {
	pieces []piece // in the order they are read; the first is none
	of     []int   // the piece of each tag
	tables int
	rows   []int // of each table, from 1
}

// piece is text that the tags make one: a paragraph, a heading, an item of a
// list, a cell of a table.
type piece struct {
	tag   string
	level int // of a heading; how deep an item lies
	chars int

	table            int // that it is a cell of, from 1
	row              int // from 1
	rowSpan, colSpan int
	head             bool // heads its row or column

	loose int // 1 and the tag whose text it is, of text that stands in no paragraph
}

// structureOf returns the structure of a page, or nil where it has none or none
// that is sound.
func structureOf(g *Glyphs) *structure {
	if len(g.Tags) == 0 {
		return nil
	}
	own := make([]int, len(g.Tags)) // characters of each tag
	all, told := 0, 0
	for i := range g.Glyphs {
		gl := &g.Glyphs[i]
		if gl.Generated || unicode.IsSpace(gl.Rune) {
			continue
		}
		all++
		if gl.Tag > 0 && gl.Tag <= len(own) {
			own[gl.Tag-1]++
			told++
		} else if gl.Tag == TagArtifact {
			told++
		}
	}
	if all == 0 || float64(told) < tagged*float64(all) {
		return nil
	}
	s := buildStructure(g.Tags, own, nil)
	if layout, some := s.layoutTables(); some {
		s = buildStructure(g.Tags, own, layout)
	}
	for i := range s.pieces {
		if n := s.pieces[i].chars; n > mostPiece && 2*n > all {
			return nil
		}
	}
	return s
}

// layoutTables says which tables are none: those with cells that hold what no
// cell holds, and those most of whose rows have text in one cell at most.
func (s *structure) layoutTables() (layout []bool, some bool) {
	layout = make([]bool, s.tables+1)
	full, rows := make([]int, s.tables+1), make([]int, s.tables+1)
	at := [2]int{} // table and row of the cell before
	cells := 0     // with text, in its row
	for i := range s.pieces {
		p := &s.pieces[i]
		if p.table == 0 || p.chars == 0 {
			continue
		}
		if here := [2]int{p.table, p.row}; here != at {
			at, cells = here, 0
			rows[p.table]++
		}
		if cells++; cells == 2 {
			full[p.table]++
		}
		layout[p.table] = layout[p.table] || p.chars > mostCell
	}
	for t := 1; t <= s.tables; t++ {
		layout[t] = layout[t] || 2*full[t] <= rows[t]
		some = some || layout[t]
	}
	return layout, some
}

// pieceOf returns the piece of a glyph, -1 for an artifact, 0 for none.
func (s *structure) pieceOf(tag int) int32 {
	switch {
	case s == nil:
		return 0
	case tag == TagArtifact:
		return -1
	case tag < 1 || tag > len(s.of):
		return 0
	}
	return int32(s.of[tag-1])
}

// position is where a tag stands: what its children inherit.
type position struct {
	piece    int // that is open
	table    int // whose rows or cells come next
	row      int
	lists    int
	sections int
	figure   bool
}

// builder makes a structure of tags.
type builder struct {
	*structure
	tags   []Tag
	places []position
	layout []bool // of each table, in order: it is none
	seen   int    // tables, those that are none with the others
}

func buildStructure(tags []Tag, own []int, layout []bool) *structure {
	b := builder{
		structure: &structure{pieces: make([]piece, 1), of: make([]int, len(tags)), rows: make([]int, 1)},
		tags:      tags, places: make([]position, len(tags)), layout: layout,
	}
	for i := range tags {
		var at position
		if parent := tags[i].Parent; parent >= 0 && parent < i {
			at = b.places[parent]
		}
		b.enter(&tags[i], &at)
		b.places[i] = at
		if b.of[i] = at.piece; own[i] > 0 && at.piece == 0 {
			b.of[i] = b.loose(i, &at)
		}
		b.pieces[b.of[i]].chars += own[i]
	}
	return b.structure
}

// enter opens what a tag opens.
func (b *builder) enter(t *Tag, at *position) {
	open := &b.pieces[at.piece]
	inCell := open.table > 0
	switch t.Type {
	case "Table":
		b.enterTable(at, inCell)
	case "TR":
		if at.table > 0 && at.piece == 0 {
			b.rows[at.table]++
			at.row = b.rows[at.table]
		}
	case "TH", "TD":
		if at.table > 0 && at.piece == 0 && at.row > 0 {
			at.piece = b.open(piece{
				table: at.table, row: at.row, head: t.Type == "TH", rowSpan: max(t.RowSpan, 1), colSpan: max(t.ColSpan, 1),
			})
		}
	case "Sect", "Part", "Art":
		at.sections++
	case "L":
		at.lists++
	case "LI":
		if !inCell {
			at.piece = b.open(piece{tag: TagItem, level: max(at.lists, 1)})
		}
	case "P", "TOCI":
		if at.piece == 0 || open.tag == TagText && open.loose == 0 {
			at.piece = b.open(piece{tag: TagText})
		}
	case "Figure":
		at.figure = true
	case TagNote, "FENote", TagCaption:
		if !inCell {
			tag := TagNote
			if t.Type == TagCaption {
				tag = TagCaption
			}
			at.piece, at.table = b.open(piece{tag: tag}), 0
		}
	case TagCode, TagFormula:
		if at.piece == 0 {
			at.piece = b.open(piece{tag: t.Type})
		}
	default:
		if level := headingTag(t.Type, at.sections); level > 0 && (at.piece == 0 || open.tag == TagText) {
			at.piece = b.open(piece{tag: "H" + string(rune('0'+level)), level: level})
		} else if t.Type == TagTitle && at.piece == 0 {
			at.piece = b.open(piece{tag: TagTitle, level: 1})
		}
	}
}

// enterTable opens a table: not one in a cell of another, whose text is the
// cell's.
func (b *builder) enterTable(at *position, inCell bool) {
	if inCell {
		return
	}
	at.piece, at.table, at.row = 0, 0, 0
	b.seen++
	if b.seen < len(b.layout) && b.layout[b.seen] {
		return
	}
	b.tables++
	b.rows = append(b.rows, 0)
	at.table = b.tables
}

func (b *builder) open(p piece) int {
	b.pieces = append(b.pieces, p)
	return len(b.pieces) - 1
}

// headingTag returns the level of a heading's tag, 0 for another tag. H without
// a number is as deep as the sections around it.
func headingTag(tag string, sections int) int {
	switch {
	case tag == "H":
		return min(sections+1, maxTagLevel)
	case len(tag) == 2 && tag[0] == 'H' && tag[1] >= '1' && tag[1] <= '6':
		return int(tag[1] - '0')
	}
	return 0
}

// loose returns the piece for text that stands in no paragraph: that of the
// element around it that groups others, if nothing has come between.
func (b *builder) loose(i int, at *position) int {
	around := i
	if parent := b.tags[i].Parent; !groups(b.tags[i].Type) && parent >= 0 {
		around = parent
	}
	if last := len(b.pieces) - 1; b.pieces[last].loose == around+1 {
		return last
	}
	p := piece{tag: TagText, loose: around + 1}
	if at.figure {
		p.tag = TagFigure
	}
	return b.open(p)
}

// groups reports whether elements of a type hold paragraphs rather than words.
func groups(tag string) bool {
	switch tag {
	case "Document", "DocumentFragment", "Part", "Art", "Sect", "Div", "Aside", "BlockQuote", "TOC", "Index", "Table", "TR", "TH", "TD", "L", "Figure":
		return true
	}
	return false
}

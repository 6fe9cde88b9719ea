package layout

// pieceBlock makes the block of a piece whose lines are p.Lines[at:at+len(ls)].
func (p *Page) pieceBlock(s *piece, ls []liner, at int) Block {
	b := Block{Kind: BlockParagraph, First: at, Last: at + len(ls) - 1, Tag: s.tag, Level: s.level}
	b.Size, b.Bold = p.style(p.Lines[b.First : b.Last+1])
	left := ls[0].l
	for i := range ls {
		b.Box = b.Box.union(p.Lines[at+i].Box)
		left = min(left, ls[i].l)
	}
	// Where a list is tagged as paragraphs, its bullets still show.
	if first := &ls[0]; s.tag == TagItem || s.tag == TagText && first.marker != "" && !isDigit(first.marker) {
		b.Kind, b.Marker = BlockListItem, first.marker
		if first.marker != "" {
			b.Indent = round2(first.text - left)
		}
	}
	return b
}

// sound reports whether what is seen on the page agrees with its structure:
// text that stands in rows and columns, but is tagged as paragraphs, is a table
// that the tags do not know.
func (s *structure) sound(c content) bool {
	for i := range c.grids {
		g := &c.grids[i]
		seen := map[int32]bool{}
		text := 0
		for _, k := range g.frags {
			piece := c.marks[c.frags[k].first].piece
			if piece > 0 && s.pieces[piece].table == 0 && s.pieces[piece].tag == TagText {
				seen[piece] = true
				text++
			}
		}
		if len(seen) > 1 && 2*text > len(g.frags) {
			return false
		}
	}
	return true
}

// markTagged says of parts what their tags say.
func (p *Page) markTagged(parts []part) {
	for i := range parts {
		s := &parts[i]
		if s.kind != "" || s.table != nil {
			continue
		}
		switch {
		case isHeadingTag(s.tag):
			if len(p.text(s)) <= maxHeadingBytes {
				s.kind, s.level, s.sure = TypeHeading, max(s.depth, 1), 0.95
			}
			if s.tag == TagTitle && s.kind != "" {
				s.kind = TypeTitle
			}
		case s.tag == TagCaption:
			s.kind, s.sure = TypeCaption, 0.95
		case s.tag == TagNote:
			s.kind, s.sure = TypeFootnote, 0.95
		case s.tag == TagCode:
			s.kind, s.sure = TypeCode, 0.95
		case s.tag == TagFormula:
			s.kind, s.sure = TypeFormula, 0.95
		case s.tag == TagFurnish:
			s.kind, s.sure = p.edgeKind(s), 0.9
		}
	}
}

func isHeadingTag(tag string) bool {
	return tag == TagTitle || headingTag(tag, 0) > 0
}

// edgeKind is what a piece of furniture is by where it stands.
func (p *Page) edgeKind(s *part) string {
	switch {
	case float64(s.box[3]) < 0.2*p.Height:
		return TypePageHeader
	case float64(s.box[1]) > 0.8*p.Height:
		return TypePageFooter
	}
	return ""
}

package layout

// Tag is an element of a tagged document's structure that has to do with the
// page.
type Tag struct {
	Type    string // in the standard's terms, roles resolved: "H1", "P", "LI", "TD"
	Parent  int    // index into Glyphs.Tags, less than its own; -1: none
	Alt     string // of a figure or formula: what is said in its place
	RowSpan int    // of a cell; 0: not said
	ColSpan int
}

// TagArtifact is the Glyph.Tag of what is no part of the document's text:
// running headers, page numbers, decoration.
const TagArtifact = -1

// Limits of tags.
const (
	MaxTags = 20_000 // of a page
	MaxSpan = 1_000
)

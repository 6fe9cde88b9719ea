package layout

// Glyphs is a page as the PDF engine sees it, before any layout: what Read
// makes a Page from. It lives only inside the reader process.
type Glyphs struct {
	Number        int
	Label         string
	Width, Height float64
	Rotation      int
	Fonts         []Font
	Glyphs        []Glyph // in the order of the content stream, as the engine gives them
	Rulings       []Ruling
	Images        []Box
	Links         []Link
	Tags          []Tag       // of a tagged document: parents before their children
	ImageData     []ImageData // of Images, in their order; none where it is not known
	Annotations   []Annotation
	Fields        []Field
	Hidden        bool // some of the text is invisible: what recognised the page before has put it there
}

// Glyph is one character as drawn. Coordinates are points from the top left of
// the page as shown.
type Glyph struct {
	Rune      rune
	Box       Box     // of the ink; may be empty for a space
	X, Y      float32 // origin: where the pen stood, on the baseline
	Size      float32 // of the font as shown, in points
	Angle     float32 // of the baseline, in degrees, clockwise; 0 for ordinary text
	Font      int     // index into Glyphs.Fonts
	Tag       int     // the innermost element it belongs to: an index into Glyphs.Tags and 1; 0: none; or TagArtifact
	Generated bool    // not in the file: a space or line break that the engine inferred
	Unmapped  bool    // the font does not say what it means: Rune is its code
	Hyphen    bool    // a hyphen at a line's end that the engine takes for a word break
}

package layout

// Version is the version of the page record. A reader of records accepts its
// own version and older ones; a record of a newer version is refused.
const Version = 2

// Status of a page record.
const (
	StatusOK     = "ok"
	StatusFailed = "failed" // Code and Error say why; everything else is empty
)

// OrderStream is the order in which the file draws its text.
const OrderStream = "stream"

// Page is the record of one page: what a step of an extraction job holds.
// It is self-contained: Markdown, elements and chunks are made from it (and
// the Profile of its document) without the PDF.
type Page struct {
	Version  int     `json:"v"`
	Number   int     `json:"page_number"`          // in the document, from 1
	Label    string  `json:"page_label,omitempty"` // as the document names it: "iv", "A-3"
	Width    float64 `json:"width"`                // in points, as shown (after rotation)
	Height   float64 `json:"height"`
	Rotation int     `json:"rotation,omitempty"` // 0, 90, 180 or 270, clockwise
	Status   string  `json:"status"`
	Code     string  `json:"error_code,omitempty"` // set when failed: one stable word
	Error    string  `json:"error,omitempty"`      // set when failed: one sentence
	NeedsOCR bool    `json:"needs_ocr,omitempty"`  // images and hardly any text, and it was not recognised

	// Garbage says that most of the page's characters are not what a reader
	// sees: its fonts do not say, or say wrongly, what their glyphs mean.
	Garbage bool `json:"garbage,omitempty"`

	// Order is empty where the lines are in the order they are read, and
	// OrderStream where that order lost text and the file's own stands for it.
	Order string `json:"order,omitempty"`

	// Chars counts the characters that the engine sees on the page, without
	// white space. Unshown of them are not in the text, because no viewer shows
	// them (outside the page) or shows them twice (drawn again in the same place).
	Chars   int `json:"chars,omitempty"`
	Unshown int `json:"unshown,omitempty"`

	// Truncated says that the page had more glyphs, rulings, images or links
	// than a record holds (MaxGlyphs and its like); the first ones are here.
	Truncated bool `json:"truncated,omitempty"`

	OCR *OCR `json:"ocr,omitempty"` // of a page that was to be recognised from its picture

	// Text is the page's text in reading order, verbatim: one line a Line,
	// ended by "\n". Offsets of runs and blocks are bytes of it.
	Text    string   `json:"text"`
	Fonts   []Font   `json:"fonts,omitempty"`
	Lines   []Line   `json:"lines,omitempty"` // in reading order
	Blocks  []Block  `json:"blocks,omitempty"`
	Rulings []Ruling `json:"rulings,omitempty"`
	Images  []Box    `json:"images,omitempty"`
	Links   []Link   `json:"links,omitempty"`

	// ImageData says more of Images, in their order. A record of version 1 has
	// none.
	ImageData   []ImageData  `json:"image_data,omitempty"`
	Annotations []Annotation `json:"annotations,omitempty"`
	Fields      []Field      `json:"form_fields,omitempty"`
}

// Box is left, top, right, bottom in points from the top left corner of the
// page as shown. It is an array in JSON.
type Box [4]float32

// Font is what the document says of a font. Runs name it by its index.
type Font struct {
	Name   string `json:"name"`
	Bold   bool   `json:"bold,omitempty"`
	Italic bool   `json:"italic,omitempty"`
	Mono   bool   `json:"mono,omitempty"`
	Serif  bool   `json:"serif,omitempty"`
}

// Line is one line of text: runs that share a baseline, left to right (or
// right to left where the script runs so).
type Line struct {
	Start int     `json:"start"` // Page.Text[Start:End], without the "\n"
	End   int     `json:"end"`
	Box   Box     `json:"bbox"`
	Base  float32 `json:"base"`            // the baseline's distance from the top, in points
	Angle float32 `json:"angle,omitempty"` // of the writing, in degrees, clockwise
	Runs  []Run   `json:"runs"`
}

// Run is a stretch of a line in one font and size.
type Run struct {
	Start int     `json:"start"` // Page.Text[Start:End]
	End   int     `json:"end"`
	Font  int     `json:"font"` // index into Page.Fonts
	Size  float32 `json:"size"` // in points, as shown
	Box   Box     `json:"bbox"`
}

// Block kinds: what can be said of a block from its page alone. Headings are
// found later: which sizes are headings is known only from all pages.
const (
	BlockParagraph = "paragraph"
	BlockListItem  = "list_item"
	BlockTable     = "table"
)

// Block is a group of consecutive lines that belong together.
type Block struct {
	Kind   string  `json:"kind"`
	First  int     `json:"first"` // index of its first line in Page.Lines
	Last   int     `json:"last"`  // index of its last line
	Box    Box     `json:"bbox"`
	Size   float32 `json:"size"`             // the size most of its characters have, in points
	Bold   bool    `json:"bold,omitempty"`   // all of it is bold
	Marker string  `json:"marker,omitempty"` // of a list item, as printed: "•", "3.", "(a)"
	Indent float32 `json:"indent,omitempty"` // of a list item: its text's distance from the column's left edge
	Table  *Table  `json:"table,omitempty"`  // of a table
	Tag    string  `json:"tag,omitempty"`    // what a tagged document says that it is: a Tag constant, or H1 to H6
	Level  int     `json:"level,omitempty"`  // as the tags have it: of a heading; how deep a list item lies
}

// Ruling is a drawn horizontal or vertical line or, with Fill, a filled box.
type Ruling struct {
	X0 float32 `json:"x0"`
	Y0 float32 `json:"y0"`
	X1 float32 `json:"x1"`
	Y1 float32 `json:"y1"`

	Fill string `json:"fill,omitempty"` // the colour of a box, as in "dbe5f1"
}

// Link is an area that leads out of the document. Links to its own pages are
// not recorded: PDFium searches all names of destinations for each, which took
// a sixth of the time of a manual's pages.
type Link struct {
	Box Box    `json:"bbox"`
	URI string `json:"uri"`
}

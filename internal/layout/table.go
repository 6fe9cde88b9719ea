package layout

// Table is a block whose text stands in rows and columns.
type Table struct {
	Rows       int    `json:"rows"`
	Cols       int    `json:"cols"`
	HeaderRows int    `json:"header_rows,omitempty"` // rows from the top that head the columns
	Ruled      bool   `json:"ruled,omitempty"`       // drawn lines part its cells; else white does
	Cells      []Cell `json:"cells"`                 // by row, then by column; an empty place has none
}

// Cell is a cell of a table. It reaches over RowSpan rows and ColSpan columns;
// 0 stands for 1.
type Cell struct {
	Row     int    `json:"row"` // from 0
	Col     int    `json:"col"`
	RowSpan int    `json:"row_span,omitempty"`
	ColSpan int    `json:"col_span,omitempty"`
	Box     Box    `json:"bbox"`
	Spans   []Span `json:"spans,omitempty"` // its text, a stretch a line, in the order it is read
}

// Span is Page.Text[Start:End]. It lies within a line.
type Span struct {
	Start int `json:"start"`
	End   int `json:"end"`
}

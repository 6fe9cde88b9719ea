package extract

import (
	"context"
	"strconv"

	"github.com/mivaa/mivaa/internal/layout"
)

// Table is a table of the document as JSON.
type Table struct {
	ID          string     `json:"table_id" doc:"Within its document" example:"p12t1"`
	ElementID   string     `json:"element_id"`
	PageNumber  int        `json:"page_number"`
	Box         layout.Box `json:"bbox" nullable:"false"`
	Caption     string     `json:"caption,omitempty"`
	HeadingPath []string   `json:"heading_path" nullable:"false"`
	Rows        int        `json:"rows"`
	Cols        int        `json:"cols"`
	HeaderRows  int        `json:"header_rows" doc:"Rows from the top that head the columns"`
	Continues   string     `json:"continues,omitempty" doc:"The table of an earlier page that this one goes on with"`
	Cells       []Cell     `json:"cells" nullable:"false" doc:"By row, then by column; an empty place may have none"`
}

// Cell is a cell of a table. Rows and columns count from 0.
type Cell struct {
	Row     int        `json:"row"`
	Col     int        `json:"col"`
	RowSpan int        `json:"row_span" minimum:"1"`
	ColSpan int        `json:"col_span" minimum:"1"`
	Text    string     `json:"text" doc:"For reading: lines and broken words joined"`
	Header  bool       `json:"header"`
	Box     layout.Box `json:"bbox" nullable:"false"`
}

// tableID is p12t1 for the first table of page 12.
func tableID(page, index int) string {
	return "p" + strconv.Itoa(page) + "t" + strconv.Itoa(index+1)
}

// tablesOf makes the tables among the elements of a page.
func tablesOf(p *layout.Page, elements []Element) []Table {
	var out []Table
	for i := range elements {
		if e := &elements[i]; e.table != nil {
			out = append(out, tableOf(p, e))
		}
	}
	return out
}

func tableOf(p *layout.Page, e *Element) Table {
	t := Table{
		ID: e.TableID, ElementID: e.ID, PageNumber: p.Number, Box: e.Box, Caption: e.caption, HeadingPath: e.HeadingPath, Continues: e.continues,
		Rows: e.table.Rows, Cols: e.table.Cols, HeaderRows: e.table.HeaderRows, Cells: make([]Cell, len(e.table.Cells)),
	}
	for i := range e.table.Cells {
		c := &e.table.Cells[i]
		t.Cells[i] = Cell{
			Row: c.Row, Col: c.Col, RowSpan: max(c.RowSpan, 1), ColSpan: max(c.ColSpan, 1),
			Text: p.CellText(c), Header: c.Row < e.table.HeaderRows, Box: c.Box,
		}
	}
	return t
}

// grid lays the texts of the cells out by rows and columns. A cell that reaches
// over others stands where it begins; the rest of its places stay empty.
func (t *Table) grid() [][]string {
	rows := make([][]string, t.Rows)
	for i := range rows {
		rows[i] = make([]string, t.Cols)
	}
	for i := range t.Cells {
		c := &t.Cells[i]
		rows[c.Row][c.Col] = c.Text
	}
	return rows
}

// eachTable tells f of the tables.
func (res *Result) eachTable(ctx context.Context, f func(*Table) error) error {
	return res.eachElements(ctx, func(p *layout.Page, elements []Element) error {
		for _, t := range tablesOf(p, elements) {
			if err := f(&t); err != nil {
				return err
			}
		}
		return nil
	})
}

// eachElements tells f of the pages asked for and their elements.
func (res *Result) eachElements(ctx context.Context, f func(*layout.Page, []Element) error) error {
	var o outline
	for p, err := range res.steps.all(ctx) {
		if err != nil {
			return err
		}
		elements := o.add(p, res.profile)
		if !res.steps.has(p.Number) {
			continue
		}
		if err := f(&p, elements); err != nil {
			return err
		}
	}
	return nil
}

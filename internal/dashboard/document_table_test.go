package dashboard

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/jobs"
)

// TestRowsOf: every place of a table has one cell, whatever its cells say.
func TestRowsOf(t *testing.T) {
	t.Parallel()
	cell := func(row, col, rows, cols int, text string) extract.Cell {
		return extract.Cell{Row: row, Col: col, RowSpan: rows, ColSpan: cols, Text: text}
	}
	table := extract.Table{ElementID: "e2", Rows: 2, Cols: 3, Cells: []extract.Cell{
		cell(0, 0, 2, 1, "both rows"), cell(0, 1, 1, 2, "two columns"), cell(1, 2, 9, 9, "the last"), cell(0, 2, 1, 1, "under another"), cell(7, 7, 1, 1, "outside"),
	}}
	want := [][]extract.Cell{
		{cell(0, 0, 2, 1, "both rows"), cell(0, 1, 1, 2, "two columns")},
		{cell(1, 1, 1, 1, ""), cell(1, 2, 9, 9, "the last")},
	}
	if diff := cmp.Diff(want, rowsOf([]extract.Table{{ElementID: "e1"}, table}, "e2", 6)); diff != "" {
		t.Error(diff)
	}
	for name, got := range map[string][][]extract.Cell{
		"too large": rowsOf([]extract.Table{table}, "e2", 5), "no such table": rowsOf([]extract.Table{table}, "e3", 6), "empty": rowsOf([]extract.Table{{ElementID: "e1"}}, "e1", 6),
	} {
		if got != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestPageDrawsTables: a table of a page is one, with its header.
func TestPageDrawsTables(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	doc := e.upload("table.pdf")
	j := e.claim(doc.ID)
	p := record(1, "Port <b> Tons")
	p.Blocks[0].Kind = layout.BlockTable
	p.Blocks[0].Table = &layout.Table{Rows: 2, Cols: 2, HeaderRows: 1, Cells: []layout.Cell{
		{Row: 0, Col: 0, ColSpan: 2, Spans: []layout.Span{{Start: 0, End: 4}}}, {Row: 1, Col: 1, Spans: []layout.Span{{Start: 5, End: 13}}},
	}}
	e.ok(e.docs.SetFacts(e.Context(), j.Fence(), json.RawMessage(`{"page_count":1,"selected_pages":1}`)))
	e.ok(e.store.Checkpoint(e.Context(), j.Fence(), 1, jobs.Step{Seq: 1, Data: p.Encode()}))
	e.ok(e.docs.Publish(e.Context(), j.Fence(), json.RawMessage(`{"v":1,"pages":1,"body_size":11}`)))
	e.finish(j, jobs.Outcome{Status: jobs.Completed})
	e.contains(e.page("/documents/"+doc.DocumentID.String()+"/pages/1"), `<th colspan="2">Port</th>`, "<td></td><td>&lt;b&gt; Tons</td>")
}

// TestTablesDownload: what would be an empty file is not offered, with the
// reason; where it is not known what was found, it is.
func TestTablesDownload(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for found, offered := range map[string]bool{`,"found":{"tables":0}`: false, `,"found":{"tables":2}`: true, "": true} {
		page := e.page("/documents/" + e.remarked(nil, `{"v":1,"pages":3,"body_size":11`+found+`}`).DocumentID.String())
		if got := strings.Contains(page, "format=csv"); got != offered {
			t.Errorf("with %s: tables are offered: %v", found, got)
		}
		if got := strings.Contains(page, "no table was found in it") && strings.Contains(page, `disabled aria-describedby="why-Tables"`); got == offered {
			t.Errorf("with %s: tables are refused: %v", found, got)
		}
		e.contains(page, "format=markdown", "format=zip")
	}
}

package api

import (
	"archive/zip"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// richRecord is a page with one of everything.
func richRecord() layout.Page {
	p := record(1, "Name Value a b")
	at := func(start, end int) []layout.Span { return []layout.Span{{Start: start, End: end}} }
	p.Blocks[0] = layout.Block{Kind: layout.BlockTable, Size: 11, Box: layout.Box{10, 10, 100, 50}, Table: &layout.Table{
		Rows: 2, Cols: 2, HeaderRows: 1, Cells: []layout.Cell{
			{Row: 0, Col: 0, Spans: at(0, 4)}, {Row: 0, Col: 1, Spans: at(5, 10)},
			{Row: 1, Col: 0, Spans: at(11, 12)}, {Row: 1, Col: 1, Spans: at(13, 14)},
		},
	}}
	p.Images = []layout.Box{{100, 200, 300, 400}}
	p.ImageData = []layout.ImageData{{Width: 10, Height: 20, MediaType: pdf.PNG, SHA256: strings.Repeat("0f", 32)}}
	p.Annotations = []layout.Annotation{{Kind: "highlight", Text: "why?", Author: "Ann", Modified: "2024-02-29T00:00:00Z", Marked: "Name"}}
	p.Fields = []layout.Field{{Name: "colour", Label: "Colour", Kind: "choice", Value: "red", Options: []string{"red", "green"}, Required: true, ReadOnly: true}}
	return p
}

// processRich runs a document's job, whose one page has one of everything.
func (e *env) processRich(id jobs.ID) {
	e.Helper()
	j := e.claim(id)
	facts, err := json.Marshal(extract.Facts{
		Info: pdf.Info{PageCount: 1, Title: "Rich", Attachments: []string{"../data.xml"}}, SelectedPages: 1,
		Outline: []pdf.OutlineItem{{Title: "One", Level: 1, Page: 1}},
	})
	e.ok(err)
	e.ok(e.docs.SetFacts(e.Context(), j.Fence(), facts))
	e.ok(e.engine().Checkpoint(e.Context(), j.Fence(), 1, jobs.Step{Seq: 1, Data: richRecord().Encode()}))
	e.ok(e.docs.Publish(e.Context(), j.Fence(), json.RawMessage(`{"v":1,"pages":1,"body_size":11}`)))
	e.finish(j, jobs.Outcome{Status: jobs.Completed})
}

func TestTables(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	up := e.upload("tables")
	e.processRich(mustID(e, *up.JobID))
	list := read[TableList](e, e.get(up.DocumentURL+"/tables"), http.StatusOK)
	if list.Count != 1 || list.NextAfter != nil || !list.Complete || list.Tables[0].ID != "p1t1" || len(list.Tables[0].Cells) != 4 || list.Tables[0].Cells[3].Text != "b" {
		t.Errorf("%+v", list)
	}
	a := e.get(list.Tables[0].URL)
	if a.StatusCode != http.StatusOK || a.body != "Name,Value\na,b\n" || a.Header.Get("Content-Type") != "text/csv; charset=utf-8" || a.Header.Get("Content-Disposition") != `attachment; filename="p1t1.csv"` {
		t.Errorf("%d %q %v", a.StatusCode, a.body, a.Header)
	}
	for _, id := range []string{"p1t2", "p2t1", "x", "p0t1"} {
		e.problem(e.get(up.DocumentURL+"/tables/"+id), http.StatusNotFound, codeNoSuchTable)
	}
	if a := e.get(up.ContentURL + "?format=csv"); a.body != "Name,Value\na,b\n" || a.Header.Get("Content-Disposition") != `attachment; filename="tables.csv"` {
		t.Errorf("%q %v", a.body, a.Header)
	}
	e.problem(e.get(up.ContentURL+"?table=p1t1"), http.StatusBadRequest, codeInvalid)
	none := e.upload("none")
	e.process(mustID(e, *none.JobID), 1, 1)
	if a := e.get(none.ContentURL + "?format=csv"); a.StatusCode != http.StatusOK || a.body != "" || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/csv") {
		t.Errorf("of a document without tables: %d %q %v", a.StatusCode, a.body, a.Header)
	}
	e.problem(e.get("/api/rag/documents/"+jobs.NewID().String()+"/tables"), http.StatusNotFound, codeNotFound)
}

func TestStyles(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	up := e.upload("styles")
	e.processRich(mustID(e, *up.JobID))
	for query, want := range map[string]string{
		"":             "| Name | Value |",
		"?tables=html": "<table>",
		"?images=on":   "![](" + up.DocumentURL + "/images/p1-1.png)",
	} {
		if a := e.get(up.ContentURL + query); a.StatusCode != http.StatusOK || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %q", query, a.StatusCode, a.body)
		}
	}
	for _, bad := range []string{"tables=x", "emphasis=x", "hyphens=x", "images=x", "chunk_unit=x", "chunk_unit=tokens&chunk_size=5"} {
		e.problem(e.get(up.ContentURL+"?"+bad), http.StatusBadRequest, codeInvalid)
	}
	for _, query := range []string{"emphasis=off", "hyphens=keep", "format=text&hyphens=join", "format=chunks&chunk_unit=tokens", "format=chunks&chunk_unit=characters&chunk_size=100"} {
		if a := e.get(up.ContentURL + "?" + query); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", query, a.StatusCode, a.body)
		}
	}
	page := read[Page](e, e.get(up.DocumentURL+"/pages/1"), http.StatusOK)
	if len(page.Tables) != 1 || len(page.Images) != 1 || page.Images[0].URL != up.DocumentURL+"/images/p1-1.png" || len(page.FormFields) != 1 || len(page.Annotations) != 1 {
		t.Errorf("%+v", page)
	}
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	e, up := newPictureEnv(t)
	list := read[AttachmentList](e, e.get(up.DocumentURL+"/attachments"), http.StatusOK)
	if list.Count != 1 || list.Attachments[0].Name != "../data.xml" || list.Attachments[0].Size != 6 {
		t.Fatalf("%+v", list)
	}
	a := e.get(list.Attachments[0].URL)
	if a.StatusCode != http.StatusOK || a.body != "<data>" {
		t.Errorf("%d %q", a.StatusCode, a.body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/octet-stream", "Content-Disposition": `attachment; filename="data.xml"`,
		"Content-Security-Policy": untrustedCSP, "X-Content-Type-Options": "nosniff",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if again := e.get(list.Attachments[0].URL, "If-None-Match", a.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("asked again: %d", again.StatusCode)
	}
	e.problem(e.get(up.DocumentURL+"/attachments/2"), http.StatusNotFound, codeNoSuchAttachment)
	e.problem(e.get(up.DocumentURL+"/attachments/0"), http.StatusBadRequest, codeInvalid)
	bare := newEnv(t)
	none := bare.upload("bare")
	bare.problem(bare.get(none.DocumentURL+"/attachments"), http.StatusNotImplemented, codeNotAvailable)
	bare.problem(bare.get(none.DocumentURL+"/attachments/1"), http.StatusNotImplemented, codeNotAvailable)
}

func TestArchive(t *testing.T) {
	t.Parallel()
	e, up := newPictureEnv(t)
	e.processRich(mustID(e, *up.JobID))
	a := e.get(up.ContentURL + "?format=zip")
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "application/zip" || a.Header.Get("ETag") != "" ||
		a.Header.Get("Content-Disposition") != `attachment; filename="drawn.zip"` {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	r, err := zip.NewReader(strings.NewReader(a.body), int64(len(a.body)))
	e.ok(err)
	var names []string
	for _, f := range r.File {
		names = append(names, f.Name)
	}
	if want := []string{"document.md", "document.txt", "document.json", "tables/p1t1.csv", "images/p1-1.png", "attachments/1-data.xml"}; !slices.Equal(names, want) {
		t.Errorf("files %q, want %q", names, want)
	}
}

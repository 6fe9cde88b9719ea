package extract

import (
	"encoding/csv"
	"errors"
	"fmt"

	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
)

func TestTablesAndImages(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := e.submit(spec{Pages: 4, Attached: []string{"data.xml"}}, Options{})
	e.run()
	w := e.whole(s.Document.ID, func(r *Request) { r.ImageBase = "/base/" })
	if len(w.Tables) != 2 || len(w.Images) != 2 {
		t.Fatalf("%d tables, %d images", len(w.Tables), len(w.Images))
	}
	table := w.Tables[1]
	if table.ID != "p4t1" || table.PageNumber != 4 || table.Rows != 4 || table.Cols != 2 || table.HeaderRows != 1 || len(table.Cells) != 8 ||
		!cmp.Equal(table.HeadingPath, []string{"Chapter 3: Ünicode & <tags>"}) {
		t.Errorf("table %+v", table)
	}
	for i, c := range table.Cells {
		if c.Row != i/2 || c.Col != i%2 || c.RowSpan != 1 || c.ColSpan != 1 || c.Header != (i < 2) || c.Text == "" {
			t.Errorf("cell %d: %+v", i, c)
		}
	}
	want := DocumentImage{
		Layer: "body",
		ID:    "p4-2", ElementID: "p4i2", PageNumber: 4, Box: layout.Box{72, 500, 300, 600}, Width: 640, Height: 280, MediaType: pdf.JPEG,
		SHA256: strings.Repeat("04", 32), URL: "/base/p4-2.jpg", HeadingPath: table.HeadingPath,
	}
	if diff := cmp.Diff(want, w.Images[1]); diff != "" {
		t.Error(diff)
	}
	found := map[string]string{}
	for _, el := range w.Elements {
		found[el.Type+" "+el.ID] = el.TableID + el.ImageID
	}
	for id, is := range map[string]string{"table " + table.ElementID: "p4t1", "image p4i2": "p4-2"} {
		if found[id] != is {
			t.Errorf("the element %s is %q, want %q", id, found[id], is)
		}
	}
	if len(w.FormFields) != 2 || w.FormFields[1].PageNumber != 4 || !w.FormFields[1].Checked || len(w.Annotations) != 2 || w.Annotations[0].Author != "Ann" {
		t.Errorf("fields %+v, remarks %+v", w.FormFields, w.Annotations)
	}
	if !cmp.Equal(w.Attachments, []AttachedFile{{1, "data.xml"}}) {
		t.Errorf("attachments %+v", w.Attachments)
	}
	p, err := e.results.Page(t.Context(), s.Document.ID, 4)
	e.ok(err)
	if len(p.Tables) != 1 || len(p.Images) != 1 || len(p.FormFields) != 1 || len(p.Annotations) != 1 || p.Tables[0].ID != "p4t1" {
		t.Errorf("page 4: %+v", p)
	}
}

func TestTableList(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := e.submit(spec{Pages: 9}, Options{})
	e.run()
	var got []string
	after := 0
	for {
		list, err := e.results.Tables(t.Context(), s.Document.ID, after, 2)
		e.ok(err)
		for _, table := range list.Tables {
			got = append(got, table.ID)
		}
		if len(list.Tables) > 2 || list.After <= after {
			t.Fatalf("%+v", list)
		}
		if after = list.After; !list.More {
			break
		}
	}
	if want := []string{"p2t1", "p4t1", "p6t1", "p8t1"}; !cmp.Equal(got, want) {
		t.Errorf("tables %q, want %q", got, want)
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := e.submit(spec{Pages: 4}, Options{})
	e.run()
	all, _ := e.read(s.Document.ID, as(CSV))
	one, _ := e.read(s.Document.ID, as(CSV), func(r *Request) { r.Table = "p4t1" })
	if !strings.HasSuffix(all, "\n\n"+one) || strings.Count(all, "\n\n") != 1 {
		t.Errorf("all tables: %q", all)
	}
	rows, err := csv.NewReader(strings.NewReader(one)).ReadAll()
	if err != nil || len(rows) != 4 || rows[1][0] != "Line" || rows[1][1] != "2 of paragraph 1 on page 4 says naïve things, 日本語 too." {
		t.Errorf("%q, %v", rows, err)
	}
	for _, id := range []string{"p3t1", "p4t2", "p4t0", "p40t1", "x", "p99999999t1"} {
		var sb strings.Builder
		if _, err := e.results.Write(t.Context(), &sb, Request{Document: s.Document.ID, Format: CSV, Table: id}); !errors.Is(err, ErrNoSuchTable) || sb.Len() > 0 {
			t.Errorf("table %s: %v, %q", id, err, sb.String())
		}
	}
	if _, err := e.results.Write(t.Context(), io.Discard, Request{Document: s.Document.ID, Table: "p4t1"}); !errors.Is(err, ErrRequest) {
		t.Errorf("a table as Markdown: %v", err)
	}
}

// What a spreadsheet would run it shows.
func TestHarmless(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":           "",
		"-5.3":       "-5.3",
		"+12 %":      "+12 %",
		"- none":     "- none",
		"=1+1":       "'=1+1",
		"@SUM(A1)":   "'@SUM(A1)",
		"-2+cmd|x!A": "'-2+cmd|x!A",
		"＝1+1":       "'＝1+1",
		"－2":         "－2",
		"+A1(2)":     "'+A1(2)",
		"a=b":        "a=b",
	} {
		if got := harmless(in); got != want {
			t.Errorf("harmless(%q) = %q, want %q", in, got, want)
		}
	}
	table := Table{Rows: 2, Cols: 1, Cells: []Cell{{Row: 1, Text: `say "=x"`}}}
	var sb strings.Builder
	if err := table.writeCSV(&sb); err != nil || sb.String() != "\" \"\n\"say \"\"=x\"\"\"\n" {
		t.Errorf("%q, %v", sb.String(), err)
	}
}

func TestStyles(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := e.submit(spec{Pages: 2}, Options{})
	e.run()
	plain, _ := e.read(s.Document.ID)
	if !strings.Contains(plain, "| Line |") || strings.Contains(plain, "<table>") || strings.Contains(plain, "![") {
		t.Errorf("by default: %q", plain)
	}
	styled, _ := e.read(s.Document.ID, func(r *Request) { r.Tables, r.Images, r.ImageBase = TablesHTML, On, "x/" })
	if !strings.Contains(styled, "<table>") || !strings.Contains(styled, "\n![](x/p2-2.jpg)\n") {
		t.Errorf("as asked for: %q", styled)
	}
	for i, bad := range []Request{{Tables: "x"}, {Emphasis: "maybe"}, {Hyphens: "x"}, {Images: "x"}, {Furniture: "x"}} {
		bad.Document = s.Document.ID
		if _, err := e.results.Open(t.Context(), bad); !errors.Is(err, ErrRequest) {
			t.Errorf("request %d: %v", i, err)
		}
	}
	for _, format := range Formats() {
		if got, err := (Request{Format: format}).Validate(); err != nil || got.Tables == "" || got.Emphasis != On || got.Images != Off {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// A table that goes on over pages says so, and its chunks know what heads it.
func TestTableOverPages(t *testing.T) {
	t.Parallel()
	pageWithTable := func(n, header int) layout.Page {
		var s setter
		for l := range 4 {
			s.line(10, fmt.Sprintf("Row%d holds %d", l, 10*n+l))
		}
		p := layout.Read(layout.Glyphs{Number: n, Width: 612, Height: 792, Fonts: []layout.Font{{Name: "Test"}}, Glyphs: s.glyphs})
		tabulate(&p)
		p.Blocks[0].Table.HeaderRows = header
		return p
	}
	var o outline
	o.add(pageWithTable(1, 1), layout.Profile{})
	for n := 2; n < 4; n++ {
		p := pageWithTable(n, 0)
		elements := o.add(p, layout.Profile{})
		tables := tablesOf(&p, elements)
		if want := fmt.Sprintf("p%dt1", n-1); len(tables) != 1 || tables[0].Continues != want {
			t.Fatalf("page %d: %+v, want one that continues %s", n, tables, want)
		}
		if want := fmt.Sprintf("p%de0", n-1); elements[0].Continues != want {
			t.Errorf("page %d: the element goes on with %q, want %s", n, elements[0].Continues, want)
		}
		c := cutter{flow: flowsOf(&p, elements)[0], cut: Cut{Size: MinChunk}, measure: characters{}}
		for _, ch := range c.passages() {
			if !strings.HasPrefix(ch.text, "Row0 | holds 10\nRow") {
				t.Errorf("page %d: a chunk without the header: %q", n, ch.text)
			}
		}
	}
	p := pageWithTable(5, 0) // page 4 is not there
	if tables := tablesOf(&p, o.add(p, layout.Profile{})); tables[0].Continues != "" {
		t.Errorf("it continues %s over a gap", tables[0].Continues)
	}
}

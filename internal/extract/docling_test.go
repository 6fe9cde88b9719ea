package extract

import (
	"encoding/json"
	"strings"
	"testing"
)

// Tables and pictures of a DoclingDocument are lists of their own, and the body
// refers to all three in reading order.
func TestDoclingFloats(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := e.submit(spec{Pages: 4}, Options{})
	e.run()
	res, err := e.results.Open(t.Context(), Request{Document: s.Document.ID})
	e.ok(err)
	var sb strings.Builder
	e.ok(res.WriteDocling(t.Context(), &sb))
	type item struct {
		SelfRef string `json:"self_ref"`
		Label   string
		Prov    []doclingOrigin
		Data    *doclingTable
		Image   *doclingImage
	}
	var d struct {
		Texts, Tables, Pictures []item
		Body                    doclingGroup
	}
	if err := json.Unmarshal([]byte(sb.String()), &d); err != nil {
		t.Fatal(err)
	}
	w := e.whole(s.Document.ID)
	if len(d.Tables) != 2 || len(d.Pictures) != 2 || len(d.Texts) != len(w.Elements)-4 || len(d.Body.Children) != len(w.Elements) {
		t.Fatalf("%d texts, %d tables, %d pictures, %d in the body", len(d.Texts), len(d.Tables), len(d.Pictures), len(d.Body.Children))
	}
	labels := map[string]string{}
	for _, list := range [][]item{d.Texts, d.Tables, d.Pictures} {
		for _, it := range list {
			labels[it.SelfRef] = it.Label
		}
	}
	for i, el := range w.Elements {
		want := doclingLabel(el.Type)
		switch el.Type {
		case "table":
			want = "table"
		case "image":
			want = "picture"
		}
		if got := labels[d.Body.Children[i].Ref]; got != want {
			t.Errorf("element %d is a %s: the body has %s, a %s", i, el.Type, d.Body.Children[i].Ref, got)
		}
	}
	if c := d.Tables[1].Data.Cells[3]; d.Tables[1].Data.Rows != 4 || c.StartRow != 1 || c.EndRow != 2 || c.StartCol != 1 || c.EndCol != 2 || c.Text == "" || c.ColumnHeader {
		t.Errorf("a cell is %+v", c)
	}
	if im := d.Pictures[0].Image; im == nil || im.URI != "images/p2-2.jpg" || im.DPI != 202 || d.Pictures[0].Prov[0].PageNumber != 2 {
		t.Errorf("a picture is %+v", d.Pictures[0])
	}
}

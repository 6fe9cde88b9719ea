package extract

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

func TestResultsPages(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	id := e.submit(spec{Pages: 40, Failed: []int{20}}, Options{Pages: "2,10-30"}).Document.ID
	e.run()
	var got []int
	for after := 0; ; {
		list, err := e.results.Pages(t.Context(), id, after, 9)
		e.ok(err)
		if list.PageCount != 40 || list.Recorded != 22 || !list.Complete {
			t.Fatalf("%+v", list)
		}
		for _, p := range list.Pages {
			got = append(got, p.PageNumber)
			if (p.Status == "failed") != (p.PageNumber == 20) || p.Status == "ok" && (p.Chars < 100 || p.Width != 612) {
				t.Errorf("%+v", p)
			}
		}
		if !list.More {
			break
		}
		after = got[len(got)-1]
	}
	want := []int{2}
	for n := 10; n <= 30; n++ {
		want = append(want, n)
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages %v", got)
	}
	if list, err := e.results.Pages(t.Context(), id, 30, 9); err != nil || len(list.Pages) != 0 || list.More {
		t.Errorf("behind the last: %+v, %v", list, err)
	}
	if _, err := e.results.Pages(t.Context(), jobs.NewID(), 0, 9); !errors.Is(err, documents.ErrNotFound) {
		t.Error(err)
	}
}

// A page is what the JSON of the whole document says of it.
func TestResultsPageIsThatOfTheWhole(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	id := e.submit(spec{Pages: 20}, Options{}).Document.ID
	e.run()
	text, _ := e.read(id, as(JSON))
	var whole struct {
		Pages []struct {
			PageNumber int `json:"page_number"`
			Text       string
			Markdown   string
		}
		Elements []Element
	}
	e.ok(json.Unmarshal([]byte(text), &whole))
	for _, n := range []int{1, 2, 17, 20} {
		got, err := e.results.Page(t.Context(), id, n)
		e.ok(err)
		if p := whole.Pages[n-1]; got.PageNumber != n || got.Text != p.Text || got.Markdown != p.Markdown || !got.Complete || got.PageCount != 20 {
			t.Errorf("page %d: %+v", n, got)
		}
		var want []Element
		for _, el := range whole.Elements {
			if el.PageNumber == n {
				want = append(want, el)
			}
		}
		data, err := json.Marshal(got.Elements)
		e.ok(err)
		var elements []Element
		e.ok(json.Unmarshal(data, &elements))
		if diff := cmp.Diff(want, elements, cmp.AllowUnexported(Element{})); diff != "" || len(want) == 0 {
			t.Errorf("elements of page %d: %s", n, diff)
		}
	}
	for _, n := range []int{0, -1, 21, 1 << 40} {
		if _, err := e.results.Page(t.Context(), id, n); !errors.Is(err, ErrNoSuchPage) {
			t.Errorf("page %d: %v", n, err)
		}
	}
}

// The text of chunks is the same in every shape.
func TestShapes(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	id := e.submit(spec{Pages: 5}, Options{}).Document.ID
	e.run()
	text, _ := e.read(id, as(Chunks))
	var ours struct {
		Chunks []struct {
			ID          string   `json:"chunk_id"`
			Text        string   `json:"text"`
			PageNumbers []int    `json:"page_numbers"`
			CharStart   int      `json:"char_start"`
			HeadingPath []string `json:"heading_path"`
		}
	}
	e.ok(json.Unmarshal([]byte(text), &ours))
	if len(ours.Chunks) < 5 {
		t.Fatalf("%d chunks", len(ours.Chunks))
	}
	shaped := func(s Shape) []map[string]any {
		text, _ := e.read(id, as(Chunks), func(r *Request) { r.Shape = s })
		var list []map[string]any
		e.ok(json.Unmarshal([]byte(text), &list))
		if len(list) != len(ours.Chunks) {
			t.Fatalf("%s: %d chunks, want %d", s, len(list), len(ours.Chunks))
		}
		return list
	}
	lang, llama, un := shaped(LangChain), shaped(LlamaIndex), shaped(Unstructured)
	for i, c := range ours.Chunks {
		meta := lang[i]["metadata"].(map[string]any)
		if lang[i]["page_content"] != c.Text || lang[i]["id"] != c.ID || lang[i]["type"] != "Document" || meta["source"] != "fake.pdf" ||
			meta["page"] != float64(c.PageNumbers[0]-1) || meta["total_pages"] != 5.0 || meta["start_index"] != float64(c.CharStart) {
			t.Errorf("langchain: %v", lang[i])
		}
		node := llama[i]["metadata"].(map[string]any)
		source := llama[i]["relationships"].(map[string]any)["1"].(map[string]any)
		if llama[i]["text"] != c.Text || llama[i]["id_"] != c.ID || llama[i]["class_name"] != "TextNode" || node["file_name"] != "fake.pdf" ||
			node["page_label"] != node["page_label"].(string) || source["node_id"] != id.String() || source["node_type"] != "4" {
			t.Errorf("llamaindex: %v", llama[i])
		}
		element := un[i]["metadata"].(map[string]any)
		if un[i]["text"] != c.Text || un[i]["element_id"] != c.ID || un[i]["type"] != "CompositeElement" || element["filename"] != "fake.pdf" ||
			element["filetype"] != "application/pdf" || element["page_number"] != float64(c.PageNumbers[0]) {
			t.Errorf("unstructured: %v", un[i])
		}
		// Stores of vectors take strings, numbers and truth values, and no more.
		for _, m := range []map[string]any{meta, node, element} {
			for key, v := range m {
				switch v.(type) {
				case string, float64, bool:
				default:
					t.Errorf("metadata %s is %T", key, v)
				}
			}
		}
	}
	if _, err := e.results.Open(t.Context(), Request{Document: id, Format: JSON, Shape: LangChain}); !errors.Is(err, ErrRequest) {
		t.Errorf("a shape of JSON: %v", err)
	}
	if _, err := e.results.Open(t.Context(), Request{Document: id, Format: Chunks, Shape: "haystack"}); !errors.Is(err, ErrRequest) {
		t.Errorf("a shape that does not exist: %v", err)
	}
}

func TestTag(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	sub := e.submit(spec{Pages: 3}, Options{})
	tag := func(change ...func(*Request)) string {
		req := Request{Document: sub.Document.ID}
		for _, c := range change {
			c(&req)
		}
		res, err := e.results.Open(t.Context(), req)
		e.ok(err)
		return res.Tag()
	}
	if got := tag(); got != "" {
		t.Errorf("before the end: %q", got)
	}
	e.run()
	first := tag()
	if first == "" || first != tag() || first == tag(as(Text)) || first == tag(only("1")) {
		t.Error("tags do not tell results apart")
	}
	_, err := e.docs.Reprocess(t.Context(), sub.Document.ID, documents.Reprocess{})
	e.ok(err)
	e.run()
	if tag() == first {
		t.Error("read again, the document has the same tag")
	}
}

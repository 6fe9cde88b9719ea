package dashboard

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
)

// documentChunks is what the page of chunks shows: those of a few pages.
type documentChunks struct {
	Document       documents.Document
	Size, Overlap  int
	Unit           string // what both count
	From, To, Last int    // the pages whose chunks are here, and the last page
	Chunks         []chunkView
	Tokens         int
	Earlier, Later string // addresses; "": there are none
	Shapes         []download
	MinSize        int
	MaxSize        int
}

// chunkView is a chunk as a person reads it: what it repeats of the one before
// stands apart.
type chunkView struct {
	ID, Again, Text string
	Page            int
	Start, End      int
	Tokens          int
	Path            []string
}

const pagesOfChunks = 10

func (s *site) showChunks(r *http.Request) (view, error) {
	doc, err := s.documentOf(r)
	if err != nil {
		return view{}, err
	}
	d := documentChunks{Document: doc}
	cut, err := cutOf(r.URL.Query(), doc)
	if err != nil {
		return view{}, err
	}
	d.Size, d.Overlap, d.Unit = cut.Size, cut.Overlap, cut.Unit.String()
	d.MinSize, d.MaxSize = cut.Unit.Bounds()
	d.From, err = number(r.URL.Query(), "from", 1)
	if err != nil || d.From < 1 {
		return view{}, invalid("from is the number of a page; they count from 1.")
	}
	facts, err := extract.FactsOf(doc)
	if err != nil {
		return view{}, err
	}
	d.Last = facts.PageCount
	d.To = d.From + pagesOfChunks - 1
	var buf bytes.Buffer
	results := extract.Results{Documents: s.documents, Jobs: s.jobs}
	sum, err := results.Write(r.Context(), &buf, extract.Request{
		Document: doc.ID, Format: extract.Chunks, Cut: &cut, Pages: extract.Pages{{First: d.From, Last: d.To}},
	})
	if err != nil {
		return view{}, err
	}
	if sum.PageCount > 0 {
		d.To = min(d.To, sum.PageCount)
	}
	if err := d.fill(buf.Bytes()); err != nil {
		return view{}, fmt.Errorf("read chunks of document %s: %w", doc.ID, err)
	}
	if d.From > 1 {
		d.Earlier = d.address(max(1, d.From-pagesOfChunks))
	}
	if d.To < d.Last {
		d.Later = d.address(d.To + 1)
	}
	d.shapes()
	return view{Title: "Chunks of " + doc.Filename, Section: "documents", Styles: []string{"document.css"}, Scripts: []string{"document.js"}, Data: d}, nil
}

// cutOf is how chunks are cut: as the address says, else as the document's
// submitter did.
func cutOf(q url.Values, d documents.Document) (extract.Cut, error) {
	var o extract.Options
	_ = json.Unmarshal(d.Options, &o) // what says nothing of chunks leaves the default
	cut := extract.DefaultCut()
	if o.Cut != nil {
		cut = *o.Cut
	}
	if q.Get("chunk_size") == "" && q.Get("chunk_overlap") == "" {
		return cut, nil
	}
	size, err := number(q, "chunk_size", cut.Size)
	if err != nil {
		return cut, err
	}
	overlap, err := number(q, "chunk_overlap", min(cut.Overlap, size/2))
	if err != nil {
		return cut, err
	}
	cut, err = extract.NewCut(cut.Unit, &size, &overlap)
	if err != nil {
		return cut, invalid("%v", err)
	}
	return cut, nil
}

func number(q url.Values, name string, otherwise int) (int, error) {
	n, err := strconv.Atoi(cmp.Or(q.Get(name), strconv.Itoa(otherwise)))
	if err != nil {
		return 0, invalid("%s is no number.", name)
	}
	return n, nil
}

func (d *documentChunks) fill(data []byte) error {
	var read struct {
		Chunks []struct {
			ID          string   `json:"chunk_id"`
			Text        string   `json:"text"`
			TokenCount  int      `json:"token_count"`
			CharStart   int      `json:"char_start"`
			CharEnd     int      `json:"char_end"`
			PageNumbers []int    `json:"page_numbers"`
			HeadingPath []string `json:"heading_path"`
		} `json:"chunks"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	page, end := 0, 0
	for _, c := range read.Chunks {
		v := chunkView{ID: c.ID, Text: c.Text, Start: c.CharStart, End: c.CharEnd, Tokens: c.TokenCount, Path: c.HeadingPath}
		if len(c.PageNumbers) > 0 {
			v.Page = c.PageNumbers[0]
		}
		// What tables read as is no part of the page's text.
		if runes := []rune(c.Text); v.Page == page && c.CharStart < end && len(runes) == c.CharEnd-c.CharStart {
			again := min(end-c.CharStart, len(runes))
			v.Again, v.Text = string(runes[:again]), string(runes[again:])
		}
		page, end = v.Page, c.CharEnd
		d.Tokens += c.TokenCount
		d.Chunks = append(d.Chunks, v)
	}
	return nil
}

func (d *documentChunks) query() url.Values {
	return url.Values{"chunk_size": {strconv.Itoa(d.Size)}, "chunk_overlap": {strconv.Itoa(d.Overlap)}}
}

func (d *documentChunks) address(from int) string {
	q := d.query()
	q.Set("from", strconv.Itoa(from))
	return (&url.URL{Path: documentAddress(d.Document.ID) + "/chunks", RawQuery: q.Encode()}).String()
}

// shapes are the downloads, cut as shown.
func (d *documentChunks) shapes() {
	for _, sh := range []struct{ name, shape string }{
		{"Chunks", ""}, {"LangChain", "langchain"}, {"LlamaIndex", "llamaindex"}, {"Unstructured", "unstructured"},
	} {
		q := d.query()
		q.Set("format", "chunks")
		file := "chunks.json"
		if sh.shape != "" {
			q.Set("shape", sh.shape)
			file = sh.shape + ".json"
		}
		d.Shapes = append(d.Shapes, download{
			Name: sh.name, Address: "/api/rag/documents/" + d.Document.ID.String() + "/content?" + q.Encode(), File: stem(d.Document.Filename) + "." + file,
		})
	}
}

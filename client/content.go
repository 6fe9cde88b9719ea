package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// Forms of a document's content.
const (
	Markdown = "markdown"
	Text     = "text"
	JSON     = "json"
	Chunks   = "chunks"
	CSV      = "csv" // the tables
	Zip      = "zip" // everything, with images and attachments
)

// ContentOptions say what of a document is wanted. The zero value is all of it
// as Markdown.
type ContentOptions struct {
	Format       string // one of these; "": Markdown
	Pages        string // only these: 1-5,9,12-
	PageMarkers  bool   // Markdown: a comment before each page
	Furniture    bool   // Markdown and text: running headers and footers stay
	HTMLTables   bool   // Markdown: all tables as HTML
	Plain        bool   // Markdown: no marks for bold, italic, code and links
	Hyphens      string // join or keep words that are broken at a line's end; "": Markdown joins them
	Images       bool   // Markdown: images where they stand
	Table        string // CSV: only this table
	ChunkUnit    string // chunks: characters or tokens; "": the document's
	ChunkSize    int    // chunks: the longest; 0: the document's
	ChunkOverlap int    // chunks: 0: the document's; below 0: none
	Shape        string // chunks: langchain, llamaindex or unstructured
}

func (o ContentOptions) query() url.Values {
	q := url.Values{}
	set(q, "format", o.Format)
	set(q, "pages", o.Pages)
	set(q, "shape", o.Shape)
	setInt(q, "chunk_size", o.ChunkSize)
	if o.ChunkOverlap != 0 {
		q.Set("chunk_overlap", strconv.Itoa(max(0, o.ChunkOverlap)))
	}
	if o.PageMarkers {
		q.Set("page_markers", "true")
	}
	set(q, "hyphens", o.Hyphens)
	set(q, "table", o.Table)
	set(q, "chunk_unit", o.ChunkUnit)
	for _, f := range []struct {
		on          bool
		name, value string
	}{{o.Furniture, "furniture", "all"}, {o.HTMLTables, "tables", "html"}, {o.Plain, "emphasis", "off"}, {o.Images, "images", "on"}} {
		if f.on {
			q.Set(f.name, f.value)
		}
	}
	return q
}

// Content is a document's content, to be read and closed.
type Content struct {
	io.ReadCloser
	MediaType string
	Complete  bool // false: its job has not come to its end; these are the pages there are
	Partial   bool // some of these pages could not be read
}

// Content opens a document's content. What is read ends with io.EOF only where
// it is whole. CodeNotFound, CodeNoContent, no_such_page.
func (c *Client) Content(ctx context.Context, documentID string, o ContentOptions) (*Content, error) {
	answer, err := c.stream(ctx, call{ //nolint:bodyclose // the caller's, within Content
		method: http.MethodGet, path: documentPath(documentID) + "/content", query: o.query(), header: http.Header{"Accept": {"*/*"}},
	})
	if err != nil {
		return nil, err
	}
	return &Content{
		ReadCloser: answer.Body, MediaType: answer.Header.Get("Content-Type"),
		Complete: answer.Header.Get("X-Document-Complete") == "true", Partial: answer.Header.Get("X-Document-Partial") == "true",
	}, nil
}

// Chunk is a part of a document's text, as retrieval wants it.
type Chunk struct {
	ID         string   `json:"chunk_id"`
	Index      int      `json:"chunk_index"`
	Text       string   `json:"text"`
	TokenCount int      `json:"token_count"`
	CharStart  int      `json:"char_start"`
	CharEnd    int      `json:"char_end"`
	Pages      []int    `json:"page_numbers"`
	Boxes      []Box    `json:"boxes"`
	Heading    []string `json:"heading_path"`
	ElementIDs []string `json:"element_ids"`
}

// Box is a place on a page: left, top, right, bottom, in points from the top
// left.
type Box struct {
	PageNumber int        `json:"page_number"`
	BBox       [4]float64 `json:"bbox"`
}

// Chunks returns a document's chunks as they come over the wire. An error is the
// last thing it gives; without one, the chunks are all of them.
func (c *Client) Chunks(ctx context.Context, documentID string, o ContentOptions) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		o.Format, o.Shape = Chunks, ""
		content, err := c.Content(ctx, documentID, o)
		if err != nil {
			yield(Chunk{}, err)
			return
		}
		defer func() { _ = content.Close() }() // read to its end, or of no more use
		if err := eachIn(content, "chunks", yield); err != nil {
			yield(Chunk{}, fmt.Errorf("read chunks: %w", err))
		}
	}
}

// eachIn gives the elements of an array that is a member of the one object in r,
// one at a time, and reads the object to its end.
func eachIn[T any](r io.Reader, member string, yield func(T, error) bool) error {
	d := json.NewDecoder(r)
	if _, err := d.Token(); err != nil { // {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		if name != member {
			var skip json.RawMessage
			if err := d.Decode(&skip); err != nil {
				return err
			}
			continue
		}
		if _, err := d.Token(); err != nil { // [
			return err
		}
		for d.More() {
			var v T
			if err := d.Decode(&v); err != nil {
				return err
			}
			if !yield(v, nil) {
				return nil
			}
		}
		if _, err := d.Token(); err != nil { // ]
			return err
		}
	}
	_, err := d.Token() // }
	return err
}

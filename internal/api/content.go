package api

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/mivaa/mivaa/internal/extract"
)

type contentInput struct {
	IDParam
	Format       string `query:"format" enum:"markdown,text,json,chunks,csv,zip" default:"markdown" doc:"csv: the tables; zip: all of it, with images and attachments"`
	Pages        string `query:"pages" maxLength:"4096" doc:"Only these pages: 1-5,9,12-"`
	PageMarkers  bool   `query:"page_markers" doc:"Markdown: a comment before each page"`
	Furniture    string `query:"furniture" enum:"none,all" default:"none" doc:"Markdown and text: whether running headers and footers stay"`
	Tables       string `query:"tables" enum:"pipe,html" default:"pipe" doc:"Markdown: tables with pipes, those with cells that span as HTML; or all as HTML"`
	Emphasis     string `query:"emphasis" enum:"on,off" default:"on" doc:"Markdown: whether bold, italic, code and links are marked"`
	Hyphens      string `query:"hyphens" enum:"join,keep" doc:"Words broken at a line's end; where this is not given, Markdown joins them and text is as printed"`
	Images       string `query:"images" enum:"on,off" default:"off" doc:"Markdown: whether images stand in the text"`
	Table        string `query:"table" maxLength:"20" doc:"csv: only this table, by its table_id"`
	Shape        string `query:"shape" enum:"langchain,llamaindex,unstructured" doc:"Chunks: a list of them alone, as that library's own loaders give it"`
	ChunkSize    int    `query:"chunk_size" minimum:"-1" default:"-1" doc:"Chunks: the longest, in chunk_unit; -1: what the upload said, else 1000 characters or 250 tokens"`
	ChunkOverlap int    `query:"chunk_overlap" minimum:"-1" default:"-1" doc:"Chunks: how much of one the next repeats; -1: what the upload said, else a fifth of chunk_size"`
	ChunkUnit    string `query:"chunk_unit" enum:"characters,tokens" doc:"Chunks: what their length counts; tokens are those of cl100k_base"`
}

type contentOutput struct{ Body func(huma.Context) }

// Headers that say of content what Markdown and text cannot.
const (
	completeHeader = "X-Document-Complete"
	partialHeader  = "X-Document-Partial"
)

func (a *API) contentRoute(h huma.API) {
	media := map[string]*huma.MediaType{}
	for _, f := range extract.Formats() {
		name, _, _ := strings.Cut(f.MediaType(), ";")
		media[name] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	}
	media["application/json"].Schema = &huma.Schema{OneOf: []*huma.Schema{ // in another library's shape, a list
		{Type: huma.TypeObject}, {Type: huma.TypeArray, Items: &huma.Schema{}},
	}}
	word := &huma.Schema{Type: huma.TypeString, Enum: []any{"true", "false"}}
	registerOpen(a, h, huma.Operation{
		OperationID: "get-content", Method: http.MethodGet, Path: "/api/rag/documents/{id}/content", Tags: []string{tagDocuments},
		Summary: "Read a document's content",
		Description: "Streamed. While its job runs the pages that are finished are there already. An answer that cannot be brought to its end is broken off, never ended. " +
			"Complete content has an ETag, an archive has none. As csv a document without tables is empty. The schema of the JSON is at /api/rag/documents/schema. " +
			"Problems: 404 no_content, no_such_page, no_such_table, 409 content_changed.",
		RejectUnknownQueryParameters: true,
		Responses: map[string]*huma.Response{"200": {Description: "The content", Content: media, Headers: map[string]*huma.Param{
			completeHeader: {Description: "false: the job has not come to its end; these are the pages there are", Schema: word},
			partialHeader:  {Description: "true: some of these pages could not be read", Schema: word},
		}}},
	}, a.content)
}

func (a *API) content(ctx context.Context, in *contentInput) (*contentOutput, error) {
	req, err := in.request()
	if err != nil {
		return nil, err
	}
	ctx, cancel := a.untilStop(ctx)
	defer cancel()
	result, err := a.results().Open(ctx, req)
	if err != nil {
		return nil, err
	}
	return &contentOutput{Body: func(hc huma.Context) {
		r, w := humachi.Unwrap(hc)
		h := w.Header()
		if tag := result.Tag(); tag != "" {
			etag := etagOf(tag, a.version)
			h.Set("ETag", etag)
			if notModified(w, r, etag) {
				return
			}
		}
		h.Set(completeHeader, strconv.FormatBool(result.Complete))
		h.Set(partialHeader, strconv.FormatBool(result.Partial))
		if ending, ok := stored[req.Format]; ok {
			h.Set("Content-Disposition", attachment(result.Basename()+ending))
		}
		a.stream(w, r, req.Format.MediaType(), result.Write)
	}}, nil
}

func (in *contentInput) request() (extract.Request, error) {
	req := extract.Request{
		Document: in.id(), Format: extract.Format(in.Format), PageMarkers: in.PageMarkers, Furniture: extract.Furniture(in.Furniture),
		Tables: extract.Tables(in.Tables), Emphasis: extract.Switch(in.Emphasis), Hyphens: extract.Hyphens(in.Hyphens),
		Images: extract.Switch(in.Images), ImageBase: documentURL(in.id()) + "/images/", Table: in.Table, Shape: extract.Shape(in.Shape),
	}
	if in.Table != "" && req.Format != extract.CSV {
		return req, invalid("query.table", "one table is given as CSV: ask for format=csv")
	}
	if in.Shape != "" && req.Format != extract.Chunks {
		return req, invalid("query.shape", "a shape is of chunks: ask for format=chunks")
	}
	var err error
	if req.Pages, err = extract.ParsePages(in.Pages); err != nil {
		return req, invalid("query.pages", "%v", err)
	}
	if in.ChunkSize < 0 && in.ChunkOverlap < 0 && in.ChunkUnit == "" {
		return req, nil
	}
	unit, err := extract.ParseUnit(in.ChunkUnit)
	if err != nil {
		return req, invalid("query.chunk_unit", "%v", err)
	}
	var size, overlap *int
	if in.ChunkSize >= 0 {
		size = &in.ChunkSize
	}
	if in.ChunkOverlap >= 0 {
		overlap = &in.ChunkOverlap
	}
	cut, err := newCut("query", unit, size, overlap)
	if err != nil {
		return req, err
	}
	req.Cut = &cut
	return req, nil
}

// stored are the formats that a browser stores, with the ending of the file.
var stored = map[extract.Format]string{extract.CSV: ".csv", extract.Zip: ".zip"}

// newCut makes a Cut of what was given in a place; its problem names the field
// that is wrong.
func newCut(place string, unit extract.Unit, size, overlap *int) (extract.Cut, error) {
	cut, err := extract.NewCut(unit, size, nil)
	if err != nil {
		return cut, invalid(place+".chunk_size", "%v", err)
	}
	if cut, err = extract.NewCut(unit, size, overlap); err != nil {
		return cut, invalid(place+".chunk_overlap", "%v", err)
	}
	return cut, nil
}

// stream answers with what write gives. Where it fails before the first byte
// the answer is a problem; after it the connection is broken off, so that
// nobody takes a part for the whole. It ends when the service stops, and when
// the client takes nothing for a minute.
func (a *API) stream(w http.ResponseWriter, r *http.Request, media string, write func(context.Context, io.Writer) error) {
	ctx, cancel := a.untilStop(r.Context())
	defer cancel()
	out := &streamWriter{w: w, conn: http.NewResponseController(w), media: media}
	if r.Method == http.MethodHead {
		out.begin()
		return
	}
	defer out.settle()
	switch err := write(ctx, out); {
	case err == nil:
		out.begin() // where there was not one byte
	case !out.begun:
		w.Header().Del(completeHeader)
		w.Header().Del(partialHeader)
		w.Header().Del("ETag")
		a.fail(w, r, err)
	default:
		if !out.failed {
			_ = a.Explain(ctx, err) // for the log
		}
		panic(http.ErrAbortHandler)
	}
}

// streamWriter sends the headers with the first byte.
type streamWriter struct {
	w      http.ResponseWriter
	conn   *http.ResponseController
	media  string
	begun  bool
	failed bool // the client takes no more
}

func (s *streamWriter) begin() {
	if s.begun {
		return
	}
	s.begun = true
	s.w.Header().Set("Content-Type", s.media)
	s.w.WriteHeader(http.StatusOK)
}

const piece = 64 << 10

// Write gives the client a minute for each piece.
func (s *streamWriter) Write(p []byte) (n int, err error) {
	s.begin()
	for n < len(p) {
		_ = s.conn.SetWriteDeadline(time.Now().Add(patienceWithClient)) // a recorder in a test has none
		m, err := s.w.Write(p[n:min(len(p), n+piece)])
		n += m
		if err != nil {
			s.failed = true
			return n, err
		}
	}
	return n, nil
}

// settle takes the deadline back, for the next answer on this connection.
func (s *streamWriter) settle() {
	_ = s.conn.SetWriteDeadline(time.Time{}) // as in Write
}

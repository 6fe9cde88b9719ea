package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/pdf"
)

// untrustedCSP is of what came out of a PDF, or is one: a browser shows it and
// runs nothing of it.
const untrustedCSP = "default-src 'none'; sandbox"

type fileInput struct {
	IDParam
	r *http.Request
}

// Resolve keeps the request.
func (in *fileInput) Resolve(ctx huma.Context) []error {
	in.r, _ = humachi.Unwrap(ctx)
	return nil
}

type fileOutput struct{ Body func(huma.Context) }

func (a *API) sourceRoutes(h huma.API) {
	registerOpen(a, h, huma.Operation{
		OperationID: "get-source", Method: http.MethodGet, Path: "/api/rag/documents/{id}/source", Tags: []string{tagDocuments},
		Summary: "Download the file",
		Description: "As it was uploaded, verified. Its ETag is its SHA-256; parts of it can be asked for (Range, If-Range). " +
			"Problems: 404 source_missing, 409 source_changed: the stored bytes are not those that were uploaded.",
		Responses: fileResponses("The file", pdf.Accepted()...),
	}, a.source)
}

// fileResponses describes an answer that is a file.
func fileResponses(what string, media ...string) map[string]*huma.Response {
	content := map[string]*huma.MediaType{}
	for _, m := range media {
		content[m] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
	etag := map[string]*huma.Param{"ETag": {Description: "Names these bytes", Schema: &huma.Schema{Type: huma.TypeString}}}
	return map[string]*huma.Response{
		"200": {Description: what, Content: content, Headers: etag},
		"206": {Description: "A part of it, where a Range was asked for", Content: content, Headers: etag},
		"304": {Description: "The caller has it: If-None-Match names its ETag"},
	}
}

func (a *API) source(ctx context.Context, in *fileInput) (*fileOutput, error) {
	known, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	d, err := a.documents.Get(known, in.id())
	if err != nil {
		return nil, err
	}
	ref, err := d.Source()
	if err != nil {
		return nil, err
	}
	etag := `"` + ref.SHA256 + `"`
	// To open it is to read all of it: not for who has it.
	if hasTag(in.r.Header.Get("If-None-Match"), etag) {
		return &fileOutput{Body: func(hc huma.Context) {
			r, w := humachi.Unwrap(hc)
			fileHeaders(w.Header(), etag)
			notModified(w, r, etag)
		}}, nil
	}
	opening, done := a.untilStop(ctx)
	defer done()
	file, err := a.blobs.Open(opening, ref.SHA256)
	if err != nil {
		return nil, err
	}
	return &fileOutput{Body: func(hc huma.Context) {
		r, w := humachi.Unwrap(hc)
		a.sendSource(w, r, file, etag, d)
	}}, nil
}

// sendSource sends an open file, or the part that was asked for, and closes it.
func (a *API) sendSource(w http.ResponseWriter, r *http.Request, file *blob.File, etag string, d documents.Document) {
	ctx, cancel := a.untilStop(r.Context())
	defer cancel()
	defer file.Close()
	fileHeaders(w.Header(), etag)
	w.Header().Set("Content-Type", mediaOf(d))
	w.Header().Set("Content-Disposition", attachment(d.Filename))
	out := newPatientWriter(ctx, w)
	defer out.settle()
	http.ServeContent(out, r, "", time.Time{}, file)
}

// mediaOf is a document's media type, if it is one that may be: a row may be
// written by hand.
func mediaOf(d documents.Document) string {
	if slices.Contains(pdf.Accepted(), d.MediaType) {
		return d.MediaType
	}
	return "application/octet-stream"
}

// fileHeaders are those of what came out of a PDF.
func fileHeaders(h http.Header, etag string) {
	h.Set("ETag", etag)
	h.Set("Cache-Control", keepAndAsk)
	h.Set("Content-Security-Policy", untrustedCSP)
}

// attachment has a browser store the answer under a name (RFC 6266): twice, for
// those who know no other letters than ASCII's and for those who do.
func attachment(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\%/`, r) {
			return '_'
		}
		return r
	}, name)
	value := `attachment; filename="` + plain + `"`
	if plain != name {
		value += "; filename*=UTF-8''" + percent(name)
	}
	return value
}

// percent encodes a name as RFC 8187 has it.
func percent(name string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$&+-.^_`|~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteString(string([]byte{'%', hex[c>>4], hex[c&15]}))
	}
	return b.String()
}

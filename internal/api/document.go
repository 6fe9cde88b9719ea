package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

const tagDocuments = "documents"

// Document is a row of documents, without its content.
type Document struct {
	ID           string            `json:"id" format:"uuid"`
	ContentJobID *string           `json:"content_job_id" format:"uuid" doc:"The job that made its content; null: none has come to its end"`
	Owner        *string           `json:"owner"`
	Filename     string            `json:"filename"`
	SourceSHA256 *string           `json:"source_sha256"`
	SourceSize   int64             `json:"source_size" doc:"Bytes"`
	MediaType    string            `json:"media_type"`
	Metadata     json.RawMessage   `json:"metadata" doc:"The submitter's, an object"`
	Options      json.RawMessage   `json:"options" doc:"What the submitter asked for, an object"`
	Facts        json.RawMessage   `json:"facts,omitempty" doc:"What is known of it once it was opened: page count, PDF metadata, and the outline, which is read last (outline_pending until then). Not in lists"`
	CreatedAt    time.Time         `json:"created_at"`
	UpdatedAt    time.Time         `json:"updated_at"`
	DocumentID   string            `json:"document_id" format:"uuid" doc:"The same as id"`
	Links        map[string]string `json:"links"`
}

// DocumentList is a part of the list of documents.
type DocumentList struct {
	Documents  []Document `json:"documents" nullable:"false" doc:"The newest first"`
	Count      int        `json:"count" doc:"Documents in this answer"`
	Limit      int        `json:"limit"`
	Offset     int        `json:"offset"`
	NextCursor *string    `json:"next_cursor" doc:"For the next part; null: this is the last one"`
}

type listDocumentsInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many at most"`
	Offset int    `query:"offset" minimum:"0" maximum:"100000000" doc:"How many to skip; a cursor is faster and exact"`
	Cursor string `query:"cursor" maxLength:"500" doc:"next_cursor of the answer before"`
	Owner  string `query:"owner" maxLength:"255" doc:"Only this owner's"`
	After  string `query:"after" maxLength:"36" doc:"Only what is older than this document; a cursor goes on where an answer ended"`
	Prefix string `query:"id_prefix" maxLength:"36" doc:"Only documents whose id begins so, in the order of their ids; of the others here, only limit applies beside it"`
}

type (
	listDocumentsOutput struct{ Body DocumentList }
	getDocumentOutput   struct{ Body Document }
)

func (a *API) documentRoutes(h huma.API) {
	register(a, h, huma.Operation{
		OperationID: "list-documents", Method: http.MethodGet, Path: "/api/rag/documents", Tags: []string{tagDocuments},
		Summary: "List documents", Description: "The newest first. Documents outlive their jobs.",
	}, a.listDocuments)
	register(a, h, huma.Operation{
		OperationID: "get-document", Method: http.MethodGet, Path: "/api/rag/documents/{id}", Tags: []string{tagDocuments},
		Summary: "Show a document", Description: "What is known of it. Its content is read at /content.",
	}, a.getDocument)
	a.reprocessRoutes(h)
	a.contentRoute(h)
	a.pageRoutes(h)
	a.tableRoutes(h)
	a.pictureRoutes(h)
	a.attachmentRoutes(h)
	a.sourceRoutes(h)
}

func (a *API) listDocuments(ctx context.Context, in *listDocumentsInput) (*listDocumentsOutput, error) {
	f := documents.Filter{Owner: in.Owner, Limit: min(in.Limit+1, mostAtOnce), Offset: in.Offset}
	if in.Cursor != "" {
		c, err := decodeCursor(in.Cursor)
		if err != nil || c.Order != documentOrder {
			return nil, invalid("query.cursor", "not one that this service gave")
		}
		f.After = &documents.Document{ID: c.ID, CreatedAt: c.At}
	}
	found, err := a.findDocuments(ctx, in, f)
	if err != nil {
		return nil, err
	}
	more := len(found) > in.Limit || len(found) == mostAtOnce
	found = found[:min(in.Limit, len(found))]
	out := &listDocumentsOutput{Body: DocumentList{Documents: make([]Document, len(found)), Count: len(found), Limit: in.Limit, Offset: in.Offset}}
	for i, d := range found {
		out.Body.Documents[i] = documentView(d)
	}
	if more {
		last := found[len(found)-1]
		out.Body.NextCursor = text(cursor{Order: documentOrder, At: last.CreatedAt.UTC(), ID: last.ID}.encode())
	}
	return out, nil
}

const documentOrder = "documents"

// findDocuments returns the documents of a list, by the beginning of their ids
// or by a filter.
func (a *API) findDocuments(ctx context.Context, in *listDocumentsInput, f documents.Filter) ([]documents.Document, error) {
	if in.Prefix != "" {
		return a.documentsByPrefix(ctx, in.Prefix, in.Limit)
	}
	if in.After != "" {
		id, err := jobs.ParseID(in.After)
		switch {
		case err != nil:
			return nil, invalid("query.after", "%q is not a UUID", in.After)
		case in.Cursor != "":
			return nil, invalid("query.after", "a cursor is given as well: give one of them")
		}
		after, err := a.documents.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		f.After = &after
	}
	return a.documents.List(ctx, f)
}

func (a *API) documentsByPrefix(ctx context.Context, prefix string, limit int) ([]documents.Document, error) {
	ids, err := a.documents.ByPrefix(ctx, strings.ToLower(prefix), limit)
	if err != nil {
		return nil, err
	}
	found := make([]documents.Document, 0, len(ids))
	for _, id := range ids {
		d, err := a.documents.Get(ctx, id)
		if errors.Is(err, documents.ErrNotFound) {
			continue // deleted between the two reads
		}
		if err != nil {
			return nil, err
		}
		found = append(found, d)
	}
	return found, nil
}

func (a *API) getDocument(ctx context.Context, in *IDParam) (*getDocumentOutput, error) {
	d, err := a.documents.Get(ctx, in.id())
	if err != nil {
		return nil, err
	}
	view := documentView(d)
	view.Facts = object(d.Facts)
	return &getDocumentOutput{Body: view}, nil
}

func documentView(d documents.Document) Document {
	self := documentURL(d.ID)
	links := map[string]string{"self": self, "content": contentURL(d.ID), "pages": self + "/pages", "tables": self + "/tables", "images": self + "/images", "attachments": self + "/attachments"}
	if d.SourceSHA256 != "" {
		links["source"] = self + "/source"
	}
	if !d.ContentJobID.IsZero() {
		links["job"] = jobURL(d.ContentJobID)
	}
	return Document{
		ID: d.ID.String(), DocumentID: d.ID.String(), ContentJobID: text(d.ContentJobID.String()), Owner: text(d.Owner), Filename: d.Filename,
		SourceSHA256: text(d.SourceSHA256), SourceSize: d.SourceSize, MediaType: d.MediaType, Metadata: object(d.Metadata), Options: object(d.Options),
		CreatedAt: d.CreatedAt.UTC(), UpdatedAt: d.UpdatedAt.UTC(), Links: links,
	}
}

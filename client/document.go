package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Document is a row of documents, without its content.
type Document struct {
	ID           string            `json:"id"`
	ContentJobID string            `json:"content_job_id"` // "": no job of it has come to its end
	Owner        string            `json:"owner"`
	Filename     string            `json:"filename"`
	SourceSHA256 string            `json:"source_sha256"`
	SourceSize   int64             `json:"source_size"`
	MediaType    string            `json:"media_type"`
	Metadata     json.RawMessage   `json:"metadata"`
	Options      json.RawMessage   `json:"options"`
	Facts        json.RawMessage   `json:"facts"` // not in lists
	CreatedAt    time.Time         `json:"created_at"`
	UpdatedAt    time.Time         `json:"updated_at"`
	Links        map[string]string `json:"links"`
}

// DocumentList is a part of the list of documents.
type DocumentList struct {
	Documents  []Document `json:"documents"`
	Count      int        `json:"count"`
	Limit      int        `json:"limit"`
	Offset     int        `json:"offset"`
	NextCursor string     `json:"next_cursor"` // "": that was all
}

// DocumentPage says which part of the list is wanted.
type DocumentPage struct {
	Owner  string
	Limit  int    // 0: 100; at most 1000
	Cursor string // NextCursor of the part before
	After  string // an id, in place of a cursor: only what is older than this document
	Prefix string // only documents whose id begins so, in the order of their ids; besides, only Limit applies
}

func documentPath(documentID string) string { return "/api/rag/documents/" + part(documentID) }

// Document returns what is known of a document. CodeNotFound.
func (c *Client) Document(ctx context.Context, documentID string) (Document, error) {
	var d Document
	err := c.get(ctx, documentPath(documentID), nil, &d)
	return d, err
}

// ListDocuments returns a part of the list of documents, the newest first.
func (c *Client) ListDocuments(ctx context.Context, p DocumentPage) (DocumentList, error) {
	q := url.Values{}
	set(q, "owner", p.Owner)
	set(q, "cursor", p.Cursor)
	set(q, "after", p.After)
	set(q, "id_prefix", p.Prefix)
	setInt(q, "limit", p.Limit)
	var list DocumentList
	err := c.get(ctx, "/api/rag/documents", q, &list)
	return list, err
}

// Documents returns all documents of an owner ("": of all), the newest first.
// An error is the last thing it gives.
func (c *Client) Documents(ctx context.Context, owner string) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		p := DocumentPage{Owner: owner, Limit: 1000}
		for {
			list, err := c.ListDocuments(ctx, p)
			if err != nil {
				yield(Document{}, err)
				return
			}
			for _, d := range list.Documents {
				if !yield(d, nil) {
					return
				}
			}
			if p.Cursor = list.NextCursor; p.Cursor == "" {
				return
			}
		}
	}
}

// DeleteDocument cancels a document's live job and deletes it with its pages,
// jobs and source.
func (c *Client) DeleteDocument(ctx context.Context, documentID string) error {
	return c.remove(ctx, documentPath(documentID))
}

// Reprocess reads a document anew, in a new job. Its content stays readable
// until that job is completed.
func (c *Client) Reprocess(ctx context.Context, documentID string) (Submitted, error) {
	var s Submitted
	err := c.do(ctx, call{method: http.MethodPost, path: documentPath(documentID) + "/reprocess", once: true}, &s)
	return s, err
}

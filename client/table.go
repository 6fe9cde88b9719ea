package client

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
)

// Table is a table of a document.
type Table struct {
	ID          string     `json:"table_id"`
	ElementID   string     `json:"element_id"`
	PageNumber  int        `json:"page_number"`
	BBox        [4]float64 `json:"bbox"`
	Caption     string     `json:"caption"`
	HeadingPath []string   `json:"heading_path"`
	Rows        int        `json:"rows"`
	Cols        int        `json:"cols"`
	HeaderRows  int        `json:"header_rows"`
	Continues   string     `json:"continues"` // the table of an earlier page that it goes on with
	Cells       []Cell     `json:"cells"`
}

// ListedTable is a table, and where it is to be had as CSV.
type ListedTable struct {
	Table
	URL string `json:"url"`
}

// Cell is a cell of a table. Rows and columns count from 0.
type Cell struct {
	Row     int        `json:"row"`
	Col     int        `json:"col"`
	RowSpan int        `json:"row_span"`
	ColSpan int        `json:"col_span"`
	Text    string     `json:"text"`
	Header  bool       `json:"header"`
	BBox    [4]float64 `json:"bbox"`
}

// TableList is the tables of some of a document's pages.
type TableList struct {
	DocumentID string        `json:"document_id"`
	JobID      string        `json:"job_id"`   // that recorded them
	Complete   bool          `json:"complete"` // false: more may come
	Tables     []ListedTable `json:"tables"`
	Count      int           `json:"count"`
	NextAfter  int           `json:"next_after"` // 0: that was all
}

// ListTables returns the tables of some of the pages behind a number: of at most
// limit pages that have some (0: 20; at most 100). CodeNotFound, CodeNoContent.
func (c *Client) ListTables(ctx context.Context, documentID string, after, limit int) (TableList, error) {
	q := url.Values{}
	setInt(q, "after", after)
	setInt(q, "limit", limit)
	var list TableList
	err := c.get(ctx, documentPath(documentID)+"/tables", q, &list)
	return list, err
}

// Table returns a table as CSV, by its id. no_such_table.
func (c *Client) Table(ctx context.Context, documentID, tableID string) (*File, error) {
	return c.file(ctx, documentPath(documentID)+"/tables/"+part(tableID), nil)
}

// Attachment is a file that a document carries.
type Attachment struct {
	Number     int    `json:"number"` // from 1
	Name       string `json:"name"`   // as the document has it: it may be a path
	MediaType  string `json:"mime_type"`
	CreatedAt  string `json:"created_at"` // RFC 3339, or ""
	ModifiedAt string `json:"modified_at"`
	Size       int    `json:"size"` // -1: it cannot be read
	URL        string `json:"url"`
}

// AttachmentList is the files that a document carries.
type AttachmentList struct {
	DocumentID  string       `json:"document_id"`
	Attachments []Attachment `json:"attachments"`
	Count       int          `json:"count"`
}

// Attachments returns the files that a document carries.
func (c *Client) Attachments(ctx context.Context, documentID string) (AttachmentList, error) {
	var list AttachmentList
	err := c.get(ctx, documentPath(documentID)+"/attachments", nil, &list)
	return list, err
}

// Attachment returns a file that a document carries, by its number.
// no_such_attachment.
func (c *Client) Attachment(ctx context.Context, documentID string, number int) (*File, error) {
	return c.file(ctx, documentPath(documentID)+"/attachments/"+strconv.Itoa(number), nil)
}

// DocumentSchema returns the JSON Schema of a document's JSON.
func (c *Client) DocumentSchema(ctx context.Context) (json.RawMessage, error) {
	var schema json.RawMessage
	err := c.get(ctx, "/api/rag/documents/schema", nil, &schema)
	return schema, err
}

// PlacedImage is an image that says something, where it stands.
type PlacedImage struct {
	ID          string     `json:"image_id"`
	ElementID   string     `json:"element_id"`
	Layer       string     `json:"layer"` // body, or furniture: a logo on many pages
	PageNumber  int        `json:"page_number"`
	BBox        [4]float64 `json:"bbox"`
	Width       int        `json:"width"` // pixels; 0: not known
	Height      int        `json:"height"`
	MediaType   string     `json:"mime_type"`
	SHA256      string     `json:"sha256"` // of its data as the document holds it
	URL         string     `json:"url"`
	Caption     string     `json:"caption"`
	Alt         string     `json:"alt"` // what a tagged document says in its place
	HeadingPath []string   `json:"heading_path"`
}

// Field is a field of a form.
type Field struct {
	PageNumber int        `json:"page_number"`
	Name       string     `json:"name"`
	Label      string     `json:"label"`
	Type       string     `json:"type"` // text, checkbox, radio, choice, button, signature
	Value      string     `json:"value"`
	Checked    bool       `json:"checked"`
	Options    []string   `json:"options"`
	ReadOnly   bool       `json:"read_only"`
	Required   bool       `json:"required"`
	BBox       [4]float64 `json:"bbox"`
}

// Annotation is a remark on a page.
type Annotation struct {
	PageNumber int        `json:"page_number"`
	Type       string     `json:"type"` // text, highlight, free_text and the like
	Text       string     `json:"text"`
	Author     string     `json:"author"`
	Modified   string     `json:"modified"` // RFC 3339, or ""
	Marked     string     `json:"marked"`   // the text that it marks
	BBox       [4]float64 `json:"bbox"`
}

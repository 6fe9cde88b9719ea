package client

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// Page is a page of a document, without its content.
type Page struct {
	PageNumber int     `json:"page_number"` // from 1
	PageLabel  string  `json:"page_label"`
	Status     string  `json:"status"` // ok or failed
	ErrorCode  string  `json:"error_code"`
	Error      string  `json:"error"`
	Width      float64 `json:"width"` // points, as shown
	Height     float64 `json:"height"`
	Rotation   int     `json:"rotation"`  // degrees, clockwise
	NeedsOCR   bool    `json:"needs_ocr"` // images and hardly any text, and it was not recognised
	OCR        *OCR    `json:"ocr"`       // of a page that was to be recognised from its picture
	Garbage    bool    `json:"garbage"`   // its fonts do not say what most of its characters mean
	Order      string  `json:"order"`     // stream: not in reading order
	Truncated  bool    `json:"truncated"` // it has more than a record holds
	Chars      int     `json:"chars"`
	Images     int     `json:"images"` // that stand on it
}

// OCR says how the text of a page was recognised from its picture.
type OCR struct {
	Status     string `json:"status"` // ok; empty or failed: the text is the page's own, if it has any
	Engine     string `json:"engine"`
	Version    string `json:"version"`
	Languages  string `json:"languages"`
	Confidence int    `json:"confidence"` // of the engine in its words, to 100
	Code       string `json:"error_code"`
	Error      string `json:"error"`
}

// PageList is a part of the list of a document's pages.
type PageList struct {
	DocumentID string `json:"document_id"`
	JobID      string `json:"job_id"`     // that recorded them
	PageCount  int    `json:"page_count"` // of the document; 0: not known yet
	Recorded   int    `json:"recorded"`   // pages in all
	Complete   bool   `json:"complete"`   // false: more may come
	Pages      []Page `json:"pages"`
	Count      int    `json:"count"`
	NextAfter  int    `json:"next_after"` // 0: that was all
}

// ListPages returns pages of a document that are recorded, behind a number, at
// most limit (0: 100; at most 1000). CodeNotFound, CodeNoContent.
func (c *Client) ListPages(ctx context.Context, documentID string, after, limit int) (PageList, error) {
	q := url.Values{}
	setInt(q, "after", after)
	setInt(q, "limit", limit)
	var list PageList
	err := c.get(ctx, documentPath(documentID)+"/pages", q, &list)
	return list, err
}

// Pages returns all pages of a document that are recorded, behind a number. An
// error is the last thing it gives.
func (c *Client) Pages(ctx context.Context, documentID string, after int) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		for {
			list, err := c.ListPages(ctx, documentID, after, 1000)
			if err != nil {
				yield(Page{}, err)
				return
			}
			for _, p := range list.Pages {
				if !yield(p, nil) {
					return
				}
			}
			if after = list.NextAfter; after == 0 {
				return
			}
		}
	}
}

// PageContent is a page with its content.
type PageContent struct {
	Page
	DocumentID string          `json:"document_id"`
	JobID      string          `json:"job_id"`     // that recorded it
	PageCount  int             `json:"page_count"` // of the document
	Complete   bool            `json:"complete"`   // false: what is a heading is told by the pages there are
	Text       string          `json:"text"`
	Markdown   string          `json:"markdown"`
	Language   string          `json:"language"` // as BCP 47 names it; "": not certain
	Elements   json.RawMessage `json:"elements"` // as in the document's JSON
	Tables     []Table         `json:"tables"`
	Images     []PlacedImage   `json:"images"`

	FormFields  []Field      `json:"form_fields"`
	Annotations []Annotation `json:"annotations"`
}

// Page returns a page with its content. no_such_page, CodeNoContent.
func (c *Client) Page(ctx context.Context, documentID string, number int) (PageContent, error) {
	var p PageContent
	err := c.get(ctx, pagePath(documentID, number), nil, &p)
	return p, err
}

func pagePath(documentID string, number int) string {
	return documentPath(documentID) + "/pages/" + strconv.Itoa(number)
}

// ImageInfo is an image that a document holds.
type ImageInfo struct {
	Name       string     `json:"name"`
	PageNumber int        `json:"page_number"`
	BBox       [4]float64 `json:"bbox"`
	Width      int        `json:"width"` // pixels
	Height     int        `json:"height"`
	MediaType  string     `json:"mime_type"`
	URL        string     `json:"url"`
}

// ImageList is the images of some of a document's pages.
type ImageList struct {
	DocumentID  string       `json:"document_id"`
	Images      []ImageInfo  `json:"images"`
	Count       int          `json:"count"`
	FailedPages []FailedPage `json:"failed_pages"` // whose images could not be found out
	NextAfter   int          `json:"next_after"`   // 0: that was all
}

// ListImages returns the images of a page or, with page 0, of some of the pages
// behind a number.
func (c *Client) ListImages(ctx context.Context, documentID string, page, after int) (ImageList, error) {
	q := url.Values{}
	setInt(q, "page", page)
	setInt(q, "after", after)
	var list ImageList
	err := c.get(ctx, documentPath(documentID)+"/images", q, &list)
	return list, err
}

// File is bytes with what they are, to be read and closed.
type File struct {
	io.ReadCloser
	MediaType string
	Size      int64 // -1: not known
}

// PageImage returns a page as a picture, at so many dots an inch (0: the
// service's).
func (c *Client) PageImage(ctx context.Context, documentID string, number, dpi int) (*File, error) {
	q := url.Values{}
	setInt(q, "dpi", dpi)
	return c.file(ctx, pagePath(documentID, number)+"/image", q)
}

// Image returns an image that a document holds, by its name.
func (c *Client) Image(ctx context.Context, documentID, name string) (*File, error) {
	return c.file(ctx, documentPath(documentID)+"/images/"+part(name), nil)
}

// Source returns the PDF as it was uploaded.
func (c *Client) Source(ctx context.Context, documentID string) (*File, error) {
	return c.file(ctx, documentPath(documentID)+"/source", nil)
}

func (c *Client) file(ctx context.Context, path string, q url.Values) (*File, error) {
	answer, err := c.stream(ctx, call{method: http.MethodGet, path: path, query: q, header: http.Header{"Accept": {"*/*"}}}) //nolint:bodyclose // the caller's, within File
	if err != nil {
		return nil, err
	}
	return &File{ReadCloser: answer.Body, MediaType: answer.Header.Get("Content-Type"), Size: answer.ContentLength}, nil
}

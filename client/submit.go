package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
)

// Upload is a PDF, or a PNG, JPEG or TIFF, and what is wanted of it. Filename is
// required; every other zero value works.
type Upload struct {
	Filename     string
	Title        string // this and the next two are kept in the document's metadata
	Description  string
	Tags         []string
	Pages        string // only these: 1-5,9,12-
	OCR          string // which pages are recognised from their picture: auto, off, force; "": as the service is set
	OCRLanguages string // in which languages: eng+deu; "": the service's
	ChunkSize    int    // in ChunkUnit; 0: the service's
	// ChunkOverlap is what a chunk repeats of the one before; 0: the service's,
	// below 0: nothing.
	ChunkOverlap int
	ChunkUnit    string // what both count: characters or tokens; "": characters
	Password     string // opens an encrypted PDF
	Priority     int    // -1000 to 1000; higher runs first
	Owner        string
	Recovery     string // auto or manual; "": the service's
	Callback     string // a URL that is told how the job ends

	// Key makes the upload one that is accepted once: given again with the same
	// bytes and options it is answered with the first job. "": the service goes
	// by the bytes and options themselves, and a document that it has answers,
	// which is why an upload may be repeated without harm either way.
	Key string
	// Anew makes a document of its own of bytes that the service may have. It
	// makes a Key where none is given.
	Anew bool
}

// Submitted is the answer to an upload.
type Submitted struct {
	JobID        string `json:"job_id"` // "": its document is complete, and the job no longer kept
	DocumentID   string `json:"document_id"`
	Status       Status `json:"status"`
	Message      string `json:"message"`
	StatusURL    string `json:"status_url"`
	DocumentURL  string `json:"document_url"`
	ContentURL   string `json:"content_url"`
	Deduplicated bool   `json:"deduplicated"` // an upload before this one answers
	// CallbackRegistered says whether the Callback is told how the job ends; nil
	// where none was given. False: the job was there before, and is over or tells
	// another address.
	CallbackRegistered *bool `json:"callback_registered,omitempty"`
}

// SubmitFile uploads a file. Its name is that of the document unless the Upload
// has one.
func (c *Client) SubmitFile(ctx context.Context, path string, u Upload) (Submitted, error) {
	f, err := os.Open(path)
	if err != nil {
		return Submitted{}, err
	}
	defer func() { _ = f.Close() }() // it was only read
	if u.Filename == "" {
		u.Filename = filepath.Base(path)
	}
	return c.Submit(ctx, f, u)
}

// Submit uploads what r gives, as a stream. It repeats a broken upload if r is
// an io.Seeker. The service has stored the PDF and its job durably when it
// answers. Errors: not_a_pdf, too_large, CodeInvalid, CodeKeyReused.
func (c *Client) Submit(ctx context.Context, r io.Reader, u Upload) (Submitted, error) {
	if u.Anew && u.Key == "" {
		u.Key = rand.Text()
	}
	s, err := newSource(r)
	if err != nil {
		return Submitted{}, err
	}
	head, tail, media, err := u.form()
	if err != nil {
		return Submitted{}, err
	}
	k := call{method: http.MethodPost, path: "/api/rag/documents/upload-async", open: true, header: http.Header{"Content-Type": {media}}}
	if u.Key != "" {
		k.header.Set("Idempotency-Key", u.Key)
	}
	if s.size >= 0 {
		k.size = int64(len(head)) + s.size + int64(len(tail))
	}
	k.body = func() (io.Reader, error) {
		if err := s.rewind(); err != nil {
			return nil, err
		}
		return io.MultiReader(bytes.NewReader(head), s, bytes.NewReader(tail)), nil
	}
	var done Submitted
	err = c.do(ctx, k, &done)
	if s.err != nil {
		err = fmt.Errorf("read %s: %w", u.Filename, s.err)
	}
	return done, err
}

// form returns what stands before and behind the file in the request's body.
func (u Upload) form() (head, tail []byte, media string, err error) {
	if u.Filename == "" {
		return nil, nil, "", errors.New("client: Upload.Filename is missing")
	}
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	overlap := ""
	switch {
	case u.ChunkOverlap > 0:
		overlap = strconv.Itoa(u.ChunkOverlap)
	case u.ChunkOverlap < 0:
		overlap = "0"
	}
	for _, f := range [][2]string{
		{"title", u.Title}, {"description", u.Description}, {"tags", strings.Join(u.Tags, ",")}, {"pages", u.Pages}, {"ocr", u.OCR}, {"ocr_languages", u.OCRLanguages},
		{"chunk_size", number(u.ChunkSize)}, {"chunk_overlap", overlap}, {"chunk_unit", u.ChunkUnit}, {"password", u.Password}, {"priority", number(u.Priority)},
		{"owner", u.Owner}, {"recovery", u.Recovery}, {"callback_url", u.Callback},
	} {
		if f[1] == "" {
			continue
		}
		if err := w.WriteField(f[0], f[1]); err != nil {
			return nil, nil, "", fmt.Errorf("write form: %w", err)
		}
	}
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", multipart.FileContentDisposition("file", strings.Map(printed, u.Filename)))
	h.Set("Content-Type", "application/octet-stream") // the service looks for itself
	if _, err := w.CreatePart(h); err != nil {
		return nil, nil, "", fmt.Errorf("write form: %w", err)
	}
	at := buf.Len()
	if err := w.Close(); err != nil {
		return nil, nil, "", fmt.Errorf("write form: %w", err)
	}
	return buf.Bytes()[:at:at], buf.Bytes()[at:], w.FormDataContentType(), nil
}

// printed keeps what a header may hold. Line ends have their own form there.
func printed(r rune) rune {
	if unicode.IsControl(r) && r != '\r' && r != '\n' {
		return '\uFFFD'
	}
	return r
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// source is the file of an upload. It remembers whether reading failed, which
// is then no fault of the network's.
type source struct {
	r     io.Reader
	seek  io.Seeker // nil: it is read once
	start int64
	size  int64 // -1: not known
	begun bool
	err   error
}

func newSource(r io.Reader) (*source, error) {
	s := &source{r: r, size: -1}
	seek, ok := r.(io.Seeker)
	if !ok {
		return s, nil
	}
	at, err := seek.Seek(0, io.SeekCurrent)
	if err != nil {
		return s, nil //nolint:nilerr // a pipe is a file that cannot seek: it is read once
	}
	end, err := seek.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = seek.Seek(at, io.SeekStart)
	}
	if err != nil {
		return nil, fmt.Errorf("find size of upload: %w", err)
	}
	s.seek, s.start, s.size = seek, at, end-at
	return s, nil
}

var errOnce = errors.New("client: the upload broke off and its source cannot be read again")

func (s *source) rewind() error {
	switch {
	case s.seek != nil:
		if _, err := s.seek.Seek(s.start, io.SeekStart); err != nil {
			return fmt.Errorf("read upload again: %w", err)
		}
	case s.begun:
		return errOnce
	}
	return nil
}

func (s *source) Read(p []byte) (int, error) {
	s.begun = true
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

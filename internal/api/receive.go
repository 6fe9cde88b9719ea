package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/pdf"
)

// Bounds of a form, beside the file.
const (
	mostParts = 100
	mostField = 64 << 10
	mostForm  = 1 << 20 // all fields, names and boundaries
)

// receive reads the body of an upload: the file goes into the blob store as it
// comes, the fields into what is submitted, in whichever order they come.
func (a *API) receive(ctx context.Context, w http.ResponseWriter, r *http.Request) (documents.Submission, error) {
	if r.ContentLength > a.maxUpload+mostForm {
		return documents.Submission{}, a.tooLarge()
	}
	f, err := queryForm(r.URL.Query())
	if err != nil {
		return documents.Submission{}, err
	}
	if _, err := a.callback(f); err != nil { // before the file is taken in
		return documents.Submission{}, err
	}
	body := newBody(w, r, a.maxUpload+mostForm)
	defer a.interruptOnStop(body)()
	defer body.settle()
	r.Body = body

	media, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // "" where it is none
	var source file
	switch media {
	case "multipart/form-data":
		if params["boundary"] == "" {
			return documents.Submission{}, invalid("header.Content-Type", "multipart/form-data without a boundary: let the client set it")
		}
		source, err = a.readForm(ctx, multipart.NewReader(body, params["boundary"]), "file", f.read)
	case pdf.PDF, "application/x-pdf", "application/octet-stream", pdf.PNG, pdf.JPEG, pdf.TIFF:
		source, err = a.readFile(ctx, body)
		source.name = rawName(r)
	default:
		return documents.Submission{}, problem(http.StatusUnsupportedMediaType, codeMediaType,
			"Send multipart/form-data with the PDF as its field \"file\", or the PDF itself as application/pdf; a PNG, JPEG or TIFF likewise.")
	}
	if err != nil {
		return documents.Submission{}, err
	}
	callback, err := a.callback(f)
	if err != nil {
		return documents.Submission{}, err
	}
	if err := a.checkLanguages(f); err != nil {
		return documents.Submission{}, err
	}
	sub, err := f.submission(a.recovery)
	sub.Callback, sub.TraceParent = callback, traceParent(r)
	sub.Source, sub.Filename, sub.MediaType = source.ref, source.name, source.media
	sub.IdempotencyKey = r.Header.Get("Idempotency-Key")
	return sub, err
}

// file is the file of an upload, stored.
type file struct {
	ref   blob.Ref
	name  string
	media string
}

// checkLanguages refuses languages that are not installed, where that is known.
func (a *API) checkLanguages(f form) error {
	if a.ocr == nil || f[fieldLanguages] == "" {
		return nil
	}
	if err := a.ocr.Check(f[fieldLanguages]); err != nil {
		return invalid("body."+fieldLanguages, "%v", err)
	}
	return nil
}

// readForm stores the file, which is in the field of that name, and hands every
// other field to read.
func (a *API) readForm(ctx context.Context, parts *multipart.Reader, field string, read func(name string, r io.Reader) error) (file, error) {
	var source *file
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return file{}, formError(err)
		}
		if n == mostParts {
			return file{}, invalid("body", "the form has more than %d fields", mostParts)
		}
		switch name := part.FormName(); {
		case name == field && source != nil:
			return file{}, invalid("body."+field, "one upload is one file: send the second by itself")
		case name == field:
			stored, err := a.readFile(ctx, part)
			if err != nil {
				return file{}, err
			}
			stored.name = part.FileName()
			source = &stored
		case part.FileName() != "":
			return file{}, invalid("body."+clip(name), "the file belongs into the field %q", field)
		default:
			if err := read(name, part); err != nil {
				return file{}, err
			}
		}
	}
	if source == nil {
		return file{}, invalid("body."+field, "the form has no file")
	}
	return *source, nil
}

// readFile stores what r gives if it looks like a document.
func (a *API) readFile(ctx context.Context, r io.Reader) (file, error) {
	buffered, media, err := pdf.Sniff(r)
	if refused, ok := errors.AsType[*pdf.Error](err); ok {
		return file{}, problem(http.StatusBadRequest, refused.Code, "The file is %v.", refused)
	}
	if err != nil {
		return file{}, formError(err)
	}
	ref, err := a.blobs.Put(ctx, buffered, a.maxUpload)
	if errors.Is(err, blob.ErrTooLarge) {
		return file{}, a.tooLarge().because(err)
	}
	return file{ref: ref, media: media}, formError(err)
}

func (a *API) tooLarge() *Problem {
	return problem(http.StatusRequestEntityTooLarge, blob.CodeTooLarge, "The file is larger than the %s that this service accepts.", size(a.maxUpload))
}

// formError turns what multipart says of a broken form into the client's
// problem. Errors of the body and of the store stay what they are.
func formError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, multipart.ErrMessageTooLarge):
		return invalid("body", "a field's headers are too long")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return brokenOff()
	}
	if _, ours := errors.AsType[*Problem](err); ours || isKnown(err) {
		return err
	}
	return invalid("body", "not a well-formed form")
}

// rawName is the file's name where the body is the file itself.
func rawName(r *http.Request) string {
	if _, params, err := mime.ParseMediaType(r.Header.Get("Content-Disposition")); err == nil && params["filename"] != "" {
		return params["filename"]
	}
	if name := r.Header.Get("X-Filename"); name != "" {
		return name
	}
	return r.URL.Query().Get("filename")
}

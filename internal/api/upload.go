package api

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/mivaa/mivaa/internal/documents"
)

const uploadPath = "/api/rag/documents/upload-async"

// uploadInput hands the request itself to the handler, which reads its body as
// a stream: huma would read it whole before.
type uploadInput struct {
	w http.ResponseWriter
	r *http.Request
}

// Resolve keeps the request.
func (in *uploadInput) Resolve(ctx huma.Context) []error {
	in.r, in.w = humachi.Unwrap(ctx)
	return nil
}

// Accepted is the answer to an upload.
type Accepted struct {
	JobID        *string `json:"job_id" format:"uuid" doc:"null: the job of an earlier upload of these bytes is no longer kept; its document is complete"`
	DocumentID   string  `json:"document_id" format:"uuid"`
	Status       string  `json:"status" enum:"pending,processing,completed,failed,interrupted" example:"pending"`
	Message      string  `json:"message"`
	StatusURL    string  `json:"status_url" doc:"Of the job; of the document where there is no job any more"`
	DocumentURL  string  `json:"document_url"`
	ContentURL   string  `json:"content_url"`
	Deduplicated bool    `json:"deduplicated" doc:"The first upload answers; nothing else of this one was applied but its callback_url, where callback_registered says so"`
	// CallbackRegistered is nil where no callback_url was given.
	CallbackRegistered *bool `json:"callback_registered,omitempty" doc:"Only where a callback_url was given. false: nothing will be sent to it, because the job of the first upload is over or tells another address"`
}

type uploadOutput struct {
	Status   int
	Location string `header:"Location" doc:"The same as status_url"`
	Body     Accepted
}

func (a *API) uploadRoutes(h huma.API) {
	registry := h.OpenAPI().Components.Schemas
	registerOpen(a, h, huma.Operation{
		OperationID: "upload", Method: http.MethodPost, Path: uploadPath, Tags: []string{tagDocuments}, DefaultStatus: http.StatusAccepted,
		Summary: "Upload a PDF, or a picture of a page",
		Description: "The file, its document and its job are stored durably before the answer. The same Idempotency-Key again, or without a key the same bytes, options and password again, " +
			"is answered with the first job and 200. A PNG or JPEG is a document of one page, a TIFF one of as many as it has pictures; their text is recognised where Tesseract is installed. " +
			"Problems: 400 not_a_pdf (no %PDF- in its first 1024 bytes, and no PNG, JPEG or TIFF: the detail names what it is, if it is known), 408 nothing came for a minute or less than 1 KiB/s on average, 409 the key belongs to other bytes, options or another password, " +
			"413, 415, 503 with Retry-After while the service is stopping or busy, 507 the disk is full.",
		Parameters: uploadParameters(),
		Responses: map[string]*huma.Response{"200": {
			Description: "The first upload of these bytes answers",
			Content:     map[string]*huma.MediaType{"application/json": {Schema: registry.Schema(reflect.TypeFor[Accepted](), true, "")}},
		}},
	}, a.upload)
	// Described afterwards: what huma knows before, it reads.
	h.OpenAPI().Paths[uploadPath].Post.RequestBody = uploadBody()
}

func (a *API) upload(ctx context.Context, in *uploadInput) (*uploadOutput, error) {
	done, err := a.Accept(ctx, in.w, in.r)
	if err != nil {
		return nil, err
	}
	out := &uploadOutput{Status: http.StatusAccepted, Body: accepted(done)}
	out.Location = out.Body.StatusURL
	if done.Deduplicated {
		out.Status = http.StatusOK
	}
	return out, nil
}

// Accept takes an upload in, from the first byte of its body to the stored job.
func (a *API) Accept(ctx context.Context, w http.ResponseWriter, r *http.Request) (documents.Submitted, error) {
	return a.accept(ctx, w, func() (documents.Submission, error) { return a.receive(ctx, w, r) })
}

// accept takes in what receive reads.
func (a *API) accept(ctx context.Context, w http.ResponseWriter, receive func() (documents.Submission, error)) (documents.Submitted, error) {
	if a.isStopping() {
		w.Header().Set("Connection", "close")
		return documents.Submitted{}, stopping()
	}
	select {
	case a.uploads <- struct{}{}:
		defer func() { <-a.uploads }()
	default:
		return documents.Submitted{}, problem(http.StatusServiceUnavailable, codeBusy,
			"The service takes in %d uploads at once and has that many. Try again.", cap(a.uploads)).after(2 * time.Second)
	}
	sub, err := receive()
	if err != nil {
		return documents.Submitted{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return a.documents.Submit(ctx, sub)
}

func accepted(s documents.Submitted) Accepted {
	out := Accepted{
		JobID: text(s.Job.ID.String()), DocumentID: s.Document.ID.String(), Status: string(s.Job.Status), Deduplicated: s.Deduplicated,
		StatusURL: jobURL(s.Job.ID), DocumentURL: documentURL(s.Document.ID), ContentURL: contentURL(s.Document.ID),
		Message: "Document accepted: its processing has been queued.", CallbackRegistered: s.CallbackRegistered,
	}
	switch {
	case s.Job.ID.IsZero():
		out.Status, out.StatusURL = "completed", out.DocumentURL
		out.Message = "These bytes were uploaded before: their document answers. Other fields of this upload were not applied."
	case s.Deduplicated:
		out.Message = "This was uploaded before: the first job answers. Other fields of this upload were not applied."
	}
	if s.CallbackRegistered != nil && !*s.CallbackRegistered {
		out.Message += " Nothing will be sent to callback_url: the job is over, or tells another address."
	}
	return out
}

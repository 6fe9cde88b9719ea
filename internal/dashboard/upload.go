package dashboard

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
)

// upload submits what the form holds.
func (s *site) upload(w http.ResponseWriter, r *http.Request) (string, error) {
	done, err := s.api.Accept(r.Context(), w, r)
	if err != nil {
		return "", err
	}
	if done.Job.ID.IsZero() { // its job is no longer kept
		return "/documents/" + done.Document.ID.String(), nil
	}
	word := "accepted"
	switch {
	case done.Deduplicated && done.CallbackRegistered != nil && !*done.CallbackRegistered:
		word = "untold"
	case done.Deduplicated:
		word = "known"
	}
	return "/jobs/" + done.Job.ID.String() + "?done=" + word, nil
}

// submitSample submits the sample, in the way of every other upload.
func (s *site) submitSample(w http.ResponseWriter, r *http.Request) (string, error) {
	if len(s.sample) == 0 {
		return "", problem(http.StatusNotFound, "not_found", "This service has no sample.")
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "sample.pdf")
	if err != nil {
		return "", err
	}
	if _, err := part.Write(s.sample); err != nil {
		return "", err
	}
	if err := form.Close(); err != nil {
		return "", err
	}
	given := r.Clone(r.Context())
	given.URL.RawQuery = ""
	given.Header = http.Header{"Content-Type": {form.FormDataContentType()}}
	given.Body, given.ContentLength = io.NopCloser(&body), int64(body.Len())
	return s.upload(w, given)
}

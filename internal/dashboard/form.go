package dashboard

import (
	"errors"
	"net/http"
)

// mostForm is how long a form may be: a page of ticked jobs, many times over.
const mostForm = 64 << 10

// readForm reads the form of a request into r.PostForm.
func readForm(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, mostForm)
	err := r.ParseForm()
	if err == nil {
		err = r.ParseMultipartForm(mostForm)
	}
	if err == nil || errors.Is(err, http.ErrNotMultipart) {
		return nil
	}
	if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return problem(http.StatusRequestEntityTooLarge, "request_too_long", "The form is longer than %d KiB. Nothing was changed.", tooBig.Limit>>10)
	}
	return invalid("The form cannot be read: %v. Nothing was changed.", err)
}

// removeFiles removes what the form's files were written to. The server does so
// only for the request that it made, of which the guard hands on a copy.
func removeFiles(r *http.Request) {
	if r.MultipartForm != nil {
		_ = r.MultipartForm.RemoveAll() // what cannot be removed is no matter of whoever sent it
	}
}

package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/jobs"
)

func TestProblemOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err    error
		status int
		code   string
	}{
		{jobs.ErrNotFound, http.StatusNotFound, codeNotFound},
		{documents.ErrNotFound, http.StatusNotFound, codeNotFound},
		{documents.ErrNoContent, http.StatusNotFound, codeNoContent},
		{documents.ErrInvalid, http.StatusBadRequest, codeInvalid},
		{&jobs.MoveError{Move: jobs.Resume, Status: jobs.Completed}, http.StatusConflict, codeMoveNotAllowed},
		{jobs.ErrKeyReused, http.StatusConflict, codeKeyReused},
		{blob.ErrTooLarge, http.StatusRequestEntityTooLarge, "too_large"},
		{extract.ErrRequest, http.StatusBadRequest, codeInvalid},
		{extract.ErrNoSuchPage, http.StatusNotFound, "no_such_page"},
		{extract.ErrReplaced, http.StatusConflict, codeContentChanged},
		{jobs.ErrUnavailable, http.StatusServiceUnavailable, codeUnavailable},
		{jobs.ErrNewerSchema, http.StatusServiceUnavailable, codeUnavailable},
		{&jobs.StoreError{Err: errors.New("locked")}, http.StatusServiceUnavailable, codeUnavailable},
		{&jobs.StoreError{Err: syscall.ENOSPC}, http.StatusInsufficientStorage, codeDiskFull},
		{errStopping, http.StatusServiceUnavailable, codeStopping},
		{context.DeadlineExceeded, http.StatusGatewayTimeout, codeTimeout},
		{errors.New("anything else"), http.StatusInternalServerError, codeInternal},
		{jobs.ErrStepGap, http.StatusInternalServerError, codeInternal},
	} {
		p := problemOf(fmt.Errorf("try: %w", test.err))
		if p.Status != test.status || p.Code != test.code || p.Detail == "" {
			t.Errorf("%v is %+v, want %d %s", test.err, p, test.status, test.code)
		}
		if p.Code == codeInternal && strings.Contains(p.Detail, test.err.Error()) {
			t.Errorf("%v is told to the client: %s", test.err, p.Detail)
		}
	}
	hinted := problemOf(&jobs.StoreError{Op: "open /secret", Err: errors.New("locked"), Hint: "Stop the other process."})
	if !strings.Contains(hinted.Detail, "Stop the other process.") || strings.Contains(hinted.Detail, "secret") {
		t.Errorf("detail is %q", hinted.Detail)
	}
}

// TestBody: what can go wrong with a body is an answer.
func TestBody(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err    error
		status int
	}{
		{fmt.Errorf("read: %w", os.ErrDeadlineExceeded), http.StatusRequestTimeout},
		{io.ErrUnexpectedEOF, http.StatusBadRequest},
		{&http.MaxBytesError{Limit: 3 << 20}, http.StatusRequestEntityTooLarge},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", failing{test.err})
		b := newBody(httptest.NewRecorder(), r, 1<<20)
		if _, err := io.ReadAll(b); problemOf(err).Status != test.status {
			t.Errorf("%v is %v", test.err, err)
		}
	}
	// A body that was read to its end is not interrupted any more.
	a := &API{}
	a.life, a.stop = context.WithCancelCause(t.Context())
	b := newBody(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("all")), 1<<20)
	defer a.interruptOnStop(b)()
	if data, err := io.ReadAll(b); string(data) != "all" || err != nil {
		t.Errorf("read %q, %v", data, err)
	}
	a.Stop()
	if b.interrupted() {
		t.Error("it was interrupted after its end")
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestSize(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{100: "100 bytes", 10 << 10: "10 KiB", 3 << 19: "1.5 MiB", 1 << 30: "1 GiB"} {
		if got := size(n); got != want {
			t.Errorf("%d is written %q", n, got)
		}
	}
}

package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// Keys of the log.
const (
	keyRequest = "request"
	keyMethod  = "method"
	keyPath    = "path"
	keyStatus  = "status"
	keyBytes   = "bytes"
	keyTook    = "took"
	keyRemote  = "remote"
	keyRole    = "role"
	keyStack   = "stack"
	keyPanic   = "panic"
	keyError   = jobs.KeyError
)

const requestIDHeader = "X-Request-Id"

type requestIDKey struct{}

// requestID returns the id that the answer carries and the log names.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// identify gives the request its id: the one it came with, if it is one that a
// log line can hold, else a new one.
func identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestIDHeader)
		if !wellFormedID(id) {
			id = jobs.NewID().String()
		}
		w.Header().Set(requestIDHeader, id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
	})
}

func wellFormedID(id string) bool {
	return id != "" && len(id) <= 64 && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}

// observe logs each request at debug, and turns a panic into a 500 that the
// log explains. http.ErrAbortHandler passes: it breaks the connection off on
// purpose, so that half an answer is not taken for a whole one.
func (a *API) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rec := &recorder{ResponseWriter: w, conn: http.NewResponseController(w)}
		rec.arm()
		defer rec.arm() // both for what the server writes itself
		expectBody(rec, r)
		defer func() {
			p := recover()
			if p != nil && p != http.ErrAbortHandler { //nolint:errorlint // net/http compares it as well
				a.log.ErrorContext(r.Context(), "request panicked", keyRequest, requestID(r.Context()), keyMethod, r.Method,
					keyPath, r.URL.Path, keyPanic, p, keyStack, string(debug.Stack()))
				if rec.status == 0 {
					a.fail(rec, r, problem(http.StatusInternalServerError, codeInternal,
						"Something went wrong that should not have. The service's log says more under this request id."))
				} else {
					p = http.ErrAbortHandler
				}
			}
			answerOf(r.Context()).status = rec.status
			a.log.LogAttrs(r.Context(), slog.LevelDebug, "request",
				slog.String(keyRequest, requestID(r.Context())), slog.String(keyMethod, r.Method), slog.String(keyPath, r.URL.Path),
				slog.Int(keyStatus, rec.status), slog.Int64(keyBytes, rec.bytes), slog.Duration(keyTook, time.Since(began)),
				slog.String(keyRemote, r.RemoteAddr))
			if p == http.ErrAbortHandler { //nolint:errorlint // as above
				panic(p)
			}
		}()
		next.ServeHTTP(rec, r)
	})
}

// expectBody gives the client a minute for the body of its request: also where
// nobody reads it, because the server then does, before it answers. Uploads give
// a minute more with each piece that comes.
func expectBody(rec *recorder, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	_ = rec.conn.SetReadDeadline(time.Now().Add(patienceWithClient)) // a recorder in a test has none
	r.Body = &expectedBody{r.Body, rec.conn}
}

// expectedBody takes the deadline back at the end of the body: from there on the
// server reads the connection, and takes an error for a client that has gone.
type expectedBody struct {
	io.ReadCloser
	conn *http.ResponseController
}

func (b *expectedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.conn.SetReadDeadline(time.Time{}) // as in expectBody
	}
	return n, err
}

// recorder remembers how a request was answered, and gives the client a minute
// to take each piece of the answer.
type recorder struct {
	http.ResponseWriter
	conn   *http.ResponseController
	status int
	bytes  int64
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.arm()
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

func (w *recorder) arm() {
	_ = w.conn.SetWriteDeadline(time.Now().Add(patienceWithClient)) // as in expectBody
}

// Flush sends what there is. What cannot be sent now fails at the next write.
func (w *recorder) Flush() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.arm()
	_ = w.conn.Flush()
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

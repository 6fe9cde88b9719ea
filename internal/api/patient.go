package api

import (
	"context"
	"net/http"
	"time"
)

// patientWriter gives the client a minute for each piece, and ends with ctx. It
// hides what else the writer can do, so that nothing goes past it.
type patientWriter struct {
	http.ResponseWriter
	ctx  context.Context //nolint:containedctx // an http.ResponseWriter has no other way to be told
	conn *http.ResponseController
}

func newPatientWriter(ctx context.Context, w http.ResponseWriter) *patientWriter {
	return &patientWriter{w, ctx, http.NewResponseController(w)}
}

// Write implements io.Writer.
func (w *patientWriter) Write(p []byte) (n int, err error) {
	for n < len(p) {
		if w.ctx.Err() != nil {
			return n, context.Cause(w.ctx)
		}
		_ = w.conn.SetWriteDeadline(time.Now().Add(patienceWithClient)) // a recorder in a test has none
		m, err := w.ResponseWriter.Write(p[n:min(len(p), n+piece)])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// settle takes the deadline back, for the next answer on this connection.
func (w *patientWriter) settle() {
	_ = w.conn.SetWriteDeadline(time.Time{}) // as in Write
}

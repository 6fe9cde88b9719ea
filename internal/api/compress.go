package api

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzhttp"
)

// leastCompressed is the size under which compressing is not worth it.
const leastCompressed = 1 << 10

// compress compresses what is text, for who takes gzip. Not streams of events,
// whose every line has to leave at once, nor parts of a file, whose numbers are
// those of the bytes as they are.
func compress(next http.Handler) (http.Handler, error) {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(leastCompressed), gzhttp.ContentTypes([]string{
		"application/json", "application/problem+json", "application/openapi+json", "application/x-ndjson",
		"application/schema+json", "text/css", "text/csv", "text/html", "text/javascript", "text/markdown", "text/plain", "image/svg+xml",
	}))
	if err != nil {
		return nil, fmt.Errorf("set up compression: %w", err)
	}
	compressed := wrap(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/events") || r.Header.Get("Range") != "" {
			next.ServeHTTP(w, r)
			return
		}
		compressed.ServeHTTP(&encodedWriter{w}, r)
	}), nil
}

// encodedWriter makes the ETag of a compressed answer a weak one: the bytes are
// not those of the answer that it names, only the meaning is.
type encodedWriter struct{ http.ResponseWriter }

func (w *encodedWriter) WriteHeader(status int) {
	w.weaken()
	w.ResponseWriter.WriteHeader(status)
}

func (w *encodedWriter) Write(p []byte) (int, error) {
	w.weaken() // after the headers have gone it does nothing
	return w.ResponseWriter.Write(p)
}

func (w *encodedWriter) weaken() {
	h := w.Header()
	if tag := h.Get("ETag"); strings.HasPrefix(tag, `"`) && h.Get("Content-Encoding") == "gzip" {
		h.Set("ETag", "W/"+tag)
	}
}

// Flush sends what there is. What cannot be sent now fails at the next write.
func (w *encodedWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Unwrap lets http.ResponseController reach the connection.
func (w *encodedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

package api

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

// keepAndAsk lets who asked keep the answer, but ask each time whether it still
// holds: the token and the document may be gone.
const keepAndAsk = "private, no-cache"

// etagOf makes the ETag of what the parts name.
func etagOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}

// notModified answers with 304 if the caller has what the ETag names.
func notModified(w http.ResponseWriter, r *http.Request, etag string) bool {
	if !hasTag(r.Header.Get("If-None-Match"), etag) {
		return false
	}
	w.WriteHeader(http.StatusNotModified)
	return true
}

// hasTag compares weakly, as If-None-Match is: what was compressed on its way is
// the same all the same.
func hasTag(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
			return true
		}
	}
	return false
}

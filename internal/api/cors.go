package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const anyOrigin = "*"

// CheckOrigin reports what is wrong with an entry of Access.Origins.
func CheckOrigin(origin string) error {
	if origin == anyOrigin {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.ToLower(u.Scheme+"://"+u.Host) != origin {
		return fmt.Errorf("origin %.100q is not one as browsers send it, such as https://app.example, without a path and in small letters", origin)
	}
	return nil
}

// origins are the sites whose pages may call the API.
type origins struct {
	any   bool
	known []string
}

func newOrigins(given []string) origins {
	return origins{any: slices.Contains(given, anyOrigin), known: given}
}

// Headers that such a page may send, and read.
const (
	corsMethods = "GET, HEAD, POST, DELETE"
	corsSent    = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Range, X-Admin-Token, X-Api-Key, X-Filename, X-Request-Id, Traceparent"
	corsRead    = "Content-Disposition, ETag, Location, Retry-After, X-Document-Complete, X-Document-Partial, X-Request-Id"
)

// crossOrigin lets pages of the given sites call the API (CORS), with a token
// and never with a session: there is no Access-Control-Allow-Credentials, and a
// cookie that comes all the same is not looked at.
func (a *API) crossOrigin(next http.Handler) http.Handler {
	allowed := a.access.origins
	if len(allowed.known) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		if !isAPI(r.URL.Path) || isOwnPage(r, origin) || !allowed.any && !slices.Contains(allowed.known, origin) {
			next.ServeHTTP(w, r)
			return
		}
		if allowed.any {
			origin = anyOrigin
		}
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", corsRead)
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", corsMethods)
			h.Set("Access-Control-Allow-Headers", corsSent)
			h.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), crossOriginKey{}, true)))
	})
}

// isOwnPage reports whether a page of this service sent a request, or none.
func isOwnPage(r *http.Request, origin string) bool {
	if origin == "" || r.Header.Get("Sec-Fetch-Site") == "same-origin" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host
}

package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// guard puts in front of the routes what holds for all of them. From the
// outside in: an id, figures, the log and the net under panics, headers, the
// Host, the size of the request, the origin, the token; then the routes.
func (a *API) guard(routes http.Handler) http.Handler {
	h := a.authorize(routes)
	h = a.sameOrigin(h)
	h = a.crossOrigin(h)
	h = a.limitRequest(h)
	h = a.checkHost(h)
	h = secureHeaders(h)
	h = a.observe(h)
	h = a.measure(h)
	return identify(h)
}

// apiCSP forbids everything: what the API answers is not a page. The pages set
// their own.
const apiCSP = "default-src 'none'; frame-ancestors 'none'"

// secureHeaders sets what holds for every answer. The referrer policy is not
// no-referrer: with it browsers send "Origin: null" with our own forms, which
// the check of the origin has to refuse where they send nothing better.
func secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", apiCSP)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// checkHost refuses requests that were meant for another name. A page of
// evil.example whose name was made to point at 127.0.0.1 sends its own name as
// Host, and would otherwise be of the same origin as this service. Where a token
// is asked for, such a page has none: then every name is answered, unless some
// were given.
func (a *API) checkHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := hostName(r.Host)
		anyName := len(a.hosts) == 0 && !a.access.open()
		if !anyName && !isLoopback(name) && !a.hosts[name] {
			a.fail(w, r, problem(http.StatusMisdirectedRequest, codeHost,
				"This service does not answer to the name %.100q. Call it as localhost, or start it with --host and this name.", name))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isLoopback(name string) bool {
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Unmap().IsLoopback()
}

// hostName returns a Host without its port, brackets and case.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func hostSet(hosts []string) map[string]bool {
	set := make(map[string]bool, len(hosts))
	for _, h := range hosts {
		set[hostName(h)] = true
	}
	return set
}

const (
	mostQuery   = 8 << 10
	mostHeaders = 32 << 10
)

// limitRequest refuses what no honest request has. net/http bounds headers
// too, at a size chosen by the server that serves the handler.
func (a *API) limitRequest(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.RawQuery) > mostQuery || len(r.URL.Path) > mostQuery {
			a.fail(w, r, problem(http.StatusRequestURITooLong, codeTooLong, "The address is longer than %d bytes.", mostQuery))
			return
		}
		size := 0
		for name, values := range r.Header {
			for _, v := range values {
				size += len(name) + len(v)
			}
		}
		if size > mostHeaders {
			a.fail(w, r, problem(http.StatusRequestHeaderFieldsTooLarge, codeTooLong, "The headers are longer than %d bytes.", mostHeaders))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses what a page of another site sends, forms included.
// Programs that are no browser send no origin and pass.
func (a *API) sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.fail(w, r, problem(http.StatusForbidden, codeCrossOrigin, "A page of another site sent this request. Only this service's own pages may."))
	}))
	own := protection.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isCrossOrigin(r.Context()) { // and allowed to
			next.ServeHTTP(w, r)
			return
		}
		own.ServeHTTP(w, r)
	})
}

package api

import (
	"net/http"
	"strings"
	"testing"
)

func TestCORS(t *testing.T) {
	t.Parallel()
	const app = "https://app.example"
	const path = "/api/rag/documents/jobs"
	preflight := func(origin string) []string {
		return []string{"Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization", "Sec-Fetch-Site", "cross-site"}
	}

	off := guarded(t)
	for _, a := range []answer{off.send(http.MethodOptions, path, nil, preflight(app)...), off.get(path, append(bearer(viewToken), "Origin", app)...)} {
		if a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("it is not off: %v", a.Header)
		}
	}

	e := guarded(t, func(c *Config) { c.Access.Origins = []string{app} })
	a := e.send(http.MethodOptions, path, nil, preflight(app)...)
	if a.StatusCode != http.StatusNoContent || a.Header.Get("Access-Control-Allow-Origin") != app ||
		!strings.Contains(a.Header.Get("Access-Control-Allow-Headers"), "Authorization") || !strings.Contains(a.Header.Get("Access-Control-Allow-Methods"), "DELETE") ||
		!strings.Contains(a.Header.Get("Vary"), "Origin") {
		t.Errorf("preflight: %d %v", a.StatusCode, a.Header)
	}
	if a := e.get(path, append(bearer(viewToken), "Origin", app, "Sec-Fetch-Site", "cross-site")...); a.StatusCode != http.StatusOK ||
		a.Header.Get("Access-Control-Allow-Origin") != app || !strings.Contains(a.Header.Get("Access-Control-Expose-Headers"), "Location") {
		t.Errorf("reading: %d %v", a.StatusCode, a.Header)
	}
	// A problem can be read, too: the page is to say what is wrong.
	if a := e.get(path, "Origin", app); a.StatusCode != http.StatusUnauthorized || a.Header.Get("Access-Control-Allow-Origin") != app {
		t.Errorf("problem: %d %v", a.StatusCode, a.Header)
	}
	for _, origin := range []string{"https://evil.example", "https://app.example.evil.example", "http://app.example", "https://app.example:444", "null", "https://APP.example"} {
		if a := e.send(http.MethodOptions, path, nil, preflight(origin)...); a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s is allowed", origin)
		}
		e.problem(e.post(uploadPath, append(bearer(operateToken), "Origin", origin)...), http.StatusForbidden, codeCrossOrigin)
	}
	if a := e.get("/", append(e.login(viewToken), "Origin", app)...); a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("pages can be read by the other site")
	}

	e = guarded(t, func(c *Config) { c.Access.Origins = []string{"*"} })
	for _, a := range []answer{e.send(http.MethodOptions, path, nil, preflight("null")...), e.get(path, append(bearer(viewToken), "Origin", "https://any.example")...)} {
		if a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("every site: %d %v", a.StatusCode, a.Header)
		}
	}
}

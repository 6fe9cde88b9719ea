package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

const (
	operateToken = "operate-token-of-the-tests"
	viewToken    = "view-token-of-the-tests"
)

// guarded is an API that asks for tokens, with pages that know how to log in.
func guarded(t *testing.T, change ...func(*Config)) *env {
	t.Helper()
	return newEnv(t, append([]func(*Config){func(c *Config) {
		c.Access = Access{Token: operateToken, ReadToken: viewToken, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
		c.Pages = testPages
	}}, change...)...)
}

// testPages are as small as pages can be: they say who is asking.
func testPages(a *API) (http.Handler, error) {
	m := http.NewServeMux()
	m.HandleFunc("GET "+LoginPath, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "login "+RoleOf(r).String()) })
	m.HandleFunc("POST "+LoginPath, func(w http.ResponseWriter, r *http.Request) {
		if err := a.Login(w, r, r.FormValue("token")); err != nil {
			a.fail(w, r, err)
			return
		}
		http.Redirect(w, r, OwnPath(r.FormValue("next")), http.StatusSeeOther)
	})
	m.HandleFunc("POST "+LogoutPath, func(w http.ResponseWriter, r *http.Request) { a.Logout(w, r) })
	m.HandleFunc(AssetsPath, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "asset") })
	m.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "page for "+RoleOf(r).String()) })
	return m, nil
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

// login returns the header that carries a session.
func (e *env) login(token string) []string {
	e.Helper()
	a := e.form(LoginPath, url.Values{"token": {token}, "next": {"/"}})
	if a.StatusCode != http.StatusSeeOther || len(a.Cookies()) != 1 {
		e.Fatalf("login: %d %s", a.StatusCode, a.body)
	}
	return []string{"Cookie", sessionCookie + "=" + a.Cookies()[0].Value}
}

func (e *env) form(path string, v url.Values, headers ...string) answer {
	e.Helper()
	return e.send(http.MethodPost, path, strings.NewReader(v.Encode()), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)...)
}

// everyRoute are the operations of the description, and what is not in it.
func everyRoute(e *env) (routes [][2]string) {
	e.Helper()
	var spec struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	e.ok(json.Unmarshal([]byte(e.get("/openapi.json", bearer(operateToken)...).body), &spec))
	for path, item := range spec.Paths {
		for method := range item {
			path := strings.NewReplacer("{id}", jobs.NewID().String(), "{n}", "1", "{name}", "p1-1.png").Replace(path)
			routes = append(routes, [2]string{strings.ToUpper(method), path})
		}
	}
	for _, r := range []string{
		"GET /openapi.json", "GET /docs", "GET /metrics", "GET /", "GET /nothing", "POST /nothing", "DELETE /nothing", "POST /jobs/x/cancel",
		"GET /api/nothing", "PUT /api/rag/documents/jobs", "PATCH /", "BREW /", "GET /assetsx", "GET /login/x", "GET /health/", "GET /healthx",
		"OPTIONS /api/rag/documents/jobs",
	} {
		method, path, _ := strings.Cut(r, " ")
		routes = append(routes, [2]string{method, path})
	}
	return routes
}

func isHealth(path string) bool {
	return path == "/health" || path == "/health/live" || path == "/health/ready"
}

// TestEveryRouteByRole: each route, asked by each kind of caller.
func TestEveryRouteByRole(t *testing.T) {
	t.Parallel()
	e := guarded(t, func(c *Config) { c.Metrics = NewMetrics() })
	operator, viewer := e.login(operateToken), e.login(viewToken)
	ended := strings.Clone(operator[1]) + "x"
	callers := []struct {
		name    string
		headers []string
		role    Role
	}{
		{"nobody", nil, RoleNone},
		{"wrong token", bearer("a-wrong-token-of-the-tests"), RoleNone},
		{"token without a scheme", []string{"Authorization", operateToken}, RoleNone},
		{"token in the address", nil, RoleNone},
		{"wrong session", []string{"Cookie", ended}, RoleNone},
		{"view token", bearer(viewToken), RoleView},
		{"view session", viewer, RoleView},
		{"operate token", bearer(operateToken), RoleOperate},
		{"operate session", operator, RoleOperate},
		{"lower case scheme", []string{"Authorization", "bearer " + operateToken}, RoleOperate},
	}
	n := 0
	for _, route := range everyRoute(e) {
		method, path := route[0], route[1]
		for _, caller := range callers {
			n++ // each from an address of its own, so that wrong tokens do not add up
			headers := append([]string{"X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", n>>16, n>>8&255, n&255)}, caller.headers...)
			at := path
			if caller.name == "token in the address" {
				at += "?token=" + operateToken + "&access_token=" + operateToken
			}
			a := e.brief(method, at, headers...)
			what := fmt.Sprintf("%s %s by %s: %d", method, path, caller.name, a.StatusCode)
			switch {
			case isHealth(path) && method == http.MethodGet:
				if a.StatusCode != http.StatusOK {
					t.Errorf("%s: %s", what, a.body)
				}
			case caller.role == RoleNone:
				if a.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), `Bearer realm="mivaa"`) {
					t.Errorf("%s: %s", what, a.body)
				}
			case caller.role == RoleView && !isSafe(method):
				if p := e.problem(a, http.StatusForbidden, codeReadOnly); p.Code != codeReadOnly {
					t.Error(what)
				}
			case a.StatusCode == http.StatusUnauthorized || a.StatusCode == http.StatusForbidden:
				t.Errorf("%s: %s", what, a.body)
			}
		}
	}
	if n < 300 {
		t.Errorf("only %d were asked", n)
	}
	for _, secret := range []string{operateToken, viewToken, "a-wrong-token"} {
		if strings.Contains(e.log.String(), secret) {
			t.Errorf("the log has %s", secret)
		}
	}
}

// brief sends a request and reads the beginning of the answer: some never end.
func (e *env) brief(method, path string, headers ...string) answer {
	e.Helper()
	ctx, cancel := context.WithCancel(e.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, e.url+path, nil)
	e.ok(err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := e.client.Do(req)
	e.ok(err)
	defer resp.Body.Close()
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return answer{resp, ""}
	}
	data, err := io.ReadAll(resp.Body)
	e.ok(err)
	return answer{resp, string(data)}
}

// TestHeadersOfOtherClients: where others' clients call, their header counts,
// and nowhere else.
func TestHeadersOfOtherClients(t *testing.T) {
	t.Parallel()
	e := guarded(t)
	for _, test := range []struct {
		header, path string
		taken        bool
	}{
		{"X-Admin-Token", "/api/admin/nothing", true},
		{"X-Admin-Token", "/api/rag/documents/jobs", false},
		{"X-Api-Key", "/v1/nothing", true},
		{"X-Api-Key", "/api/rag/documents/jobs", false},
		{"X-Api-Key", "/api/admin/nothing", false},
	} {
		if a := e.get(test.path, test.header, operateToken); (a.StatusCode != http.StatusUnauthorized) != test.taken {
			t.Errorf("%s on %s: %d", test.header, test.path, a.StatusCode)
		}
	}
	// The bearer token wins, and a wrong one is not made good by a session.
	if a := e.get("/api/rag/documents/jobs", append(e.login(operateToken), bearer("a-wrong-token-of-the-tests")...)...); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wrong token with a session: %d", a.StatusCode)
	}
}

// TestOpen: without a token everybody may do everything, as before.
func TestOpen(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *Config) { c.Pages = testPages })
	if a := e.get("/"); a.body != "page for operate" {
		t.Errorf("%s", a.body)
	}
	if a := e.get("/", bearer("whatever")...); a.body != "page for operate" || e.api.AsksForToken() {
		t.Errorf("%s", a.body)
	}
}

// TestReadTokenAlone: nobody can operate, not even without a token.
func TestReadTokenAlone(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *Config) { c.Access.ReadToken = viewToken })
	e.problem(e.post(uploadPath, bearer(viewToken)...), http.StatusForbidden, codeReadOnly)
	e.problem(e.post(uploadPath), http.StatusUnauthorized, codeUnauthorized)
	e.problem(e.get("/", "Accept", "text/html"), http.StatusUnauthorized, codeUnauthorized) // nobody answers /login
	e.problem(e.get(LoginPath), http.StatusUnauthorized, codeUnauthorized)
}

func TestBrowserIsSentToLogin(t *testing.T) {
	t.Parallel()
	e := guarded(t)
	const html = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"
	for _, test := range []struct{ method, path, referer, want string }{
		{"GET", "/", "", "/login?next=%2F"},
		{"GET", "/jobs?status=failed&q=a b", "", "/login?next=%2Fjobs%3Fstatus%3Dfailed%26q%3Da+b"},
		{"GET", "//evil.example/x", "", "/login?next=%2F"},
		{"HEAD", "/review", "", "/login?next=%2Freview"},
		{"POST", "/jobs/x/cancel", e.url + "/jobs/x", "/login?next=%2Fjobs%2Fx"},
		{"POST", "/jobs/x/cancel", "https://evil.example/jobs/x", "/login?next=%2F"},
		{"POST", "/jobs/x/cancel", "", "/login?next=%2F"},
	} {
		a := e.send(test.method, strings.ReplaceAll(test.path, " ", "+"), nil, "Accept", html, "Referer", test.referer)
		want := strings.ReplaceAll(test.want, "a+b", "a%2Bb")
		if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != want {
			t.Errorf("%s %s: %d to %s", test.method, test.path, a.StatusCode, a.Header.Get("Location"))
		}
	}
	for _, path := range []string{"/api/rag/documents/jobs", "/metrics", "/openapi.json", "/v1/x"} { // programs are not
		e.problem(e.get(path, "Accept", html), http.StatusUnauthorized, codeUnauthorized)
	}
	for _, path := range []string{LoginPath, AssetsPath + "style.css"} {
		if a := e.get(path); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
}

func TestOwnPath(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"/", "/jobs", "/jobs?x=//y", "/documents/1/pages/2#a", "/a//b", "/?next=https://evil.example"} {
		if got := OwnPath(p); got != p {
			t.Errorf("%q became %q", p, got)
		}
	}
	for _, p := range []string{
		"", "jobs", "//evil.example", "///evil.example", "/\\evil.example", "\\/evil.example", "/\t/evil.example", "/\n/evil.example", "https://evil.example",
		"javascript:alert(1)", " /x", "/ x", "/\x00", "/%zz", "/" + strings.Repeat("x", 3000), "/x\\y",
	} {
		if got := OwnPath(p); got != "/" {
			t.Errorf("%q became %q", p, got)
		}
	}
}

// TestWrongTokensAreLimited: ten a minute of one address; who fails elsewhere,
// holds a session, or shows the right token, is not held up.
func TestWrongTokensAreLimited(t *testing.T) {
	t.Parallel()
	e := guarded(t)
	now := time.Now()
	e.api.now = func() time.Time { return now }
	session := e.login(operateToken)
	from := func(addr string, headers ...string) []string { return append(headers, "X-Forwarded-For", addr) }
	try := func(addr, token string) answer {
		return e.get("/api/rag/documents/jobs", from(addr, bearer(token)...)...)
	}
	for i := range mostFailures {
		if i%2 == 0 {
			e.problem(try("192.0.2.1", "a-wrong-token-of-the-tests"), http.StatusUnauthorized, codeUnauthorized)
		} else {
			e.problem(e.form(LoginPath, url.Values{"token": {"wrong"}}, from("192.0.2.1")...), http.StatusUnauthorized, codeUnauthorized)
		}
	}
	a := try("192.0.2.1", "a-wrong-token-of-the-tests")
	e.problem(a, http.StatusTooManyRequests, codeTooManyFailures)
	if a.Header.Get("Retry-After") != "6" {
		t.Errorf("Retry-After is %q", a.Header.Get("Retry-After"))
	}
	e.problem(e.form(LoginPath, url.Values{"token": {"wrong"}}, from("192.0.2.1")...), http.StatusTooManyRequests, codeTooManyFailures)
	for _, token := range []string{operateToken, viewToken} {
		read[JobList](e, try("192.0.2.1", token), http.StatusOK)
		if a := e.form(LoginPath, url.Values{"token": {token}}, from("192.0.2.1")...); a.StatusCode != http.StatusSeeOther {
			t.Errorf("the right token at the login: %d %s", a.StatusCode, a.body)
		}
	}
	e.problem(try("192.0.2.2", "a-wrong-token-of-the-tests"), http.StatusUnauthorized, codeUnauthorized)
	read[JobList](e, e.get("/api/rag/documents/jobs", from("192.0.2.1", session...)...), http.StatusOK)
	read[Health](e, e.get("/health/live", from("192.0.2.1", bearer("a-wrong-token-of-the-tests")...)...), http.StatusOK)
	// What a client makes up in front of the proxy's word does not count.
	e.problem(try("203.0.113.9, 192.0.2.1", "a-wrong-token-of-the-tests"), http.StatusTooManyRequests, codeTooManyFailures)

	now = now.Add(failurePeriod)
	e.problem(try("192.0.2.1", "a-wrong-token-of-the-tests"), http.StatusUnauthorized, codeUnauthorized)
	e.problem(try("192.0.2.1", "a-wrong-token-of-the-tests"), http.StatusTooManyRequests, codeTooManyFailures)
}

// TestManyWrongTokensAtOnce: none slips through before the others are counted.
func TestManyWrongTokensAtOnce(t *testing.T) {
	t.Parallel()
	e := guarded(t)
	now := time.Now()
	e.api.now = func() time.Time { return now }
	var answers []<-chan answer
	for range 60 {
		answers = append(answers, e.async(func() answer { return e.get("/", bearer("a-wrong-token-of-the-tests")...) }))
	}
	looked := 0
	for _, a := range answers {
		if (<-a).StatusCode == http.StatusUnauthorized {
			looked++
		}
	}
	if looked != mostFailures {
		t.Errorf("%d tokens were looked at", looked)
	}
}

func TestFailuresAreBounded(t *testing.T) {
	t.Parallel()
	var f failures
	now := time.Now()
	first := netip.MustParseAddr("2001:db8::1")
	for i := range 3 * mostFailureAddrs {
		now = now.Add(time.Millisecond)
		f.wrong(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now)
		if i < mostFailures {
			f.wrong(first, now)
		}
		if i == mostFailures && f.wrong(netip.MustParseAddr("2001:db8::2"), now) == 0 { // its neighbour
			t.Error("a neighbour in the same network is not blocked")
		}
	}
	if len(f.byAddr) > mostFailureAddrs {
		t.Errorf("%d addresses are remembered", len(f.byAddr))
	}
	if wait := f.wrong(netip.Addr{}, now); wait != 0 { // a connection without an address
		t.Errorf("it waits %v", wait)
	}
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	p := proxies{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8")}
	for _, test := range []struct{ peer, forwarded, proto, want string }{
		{"192.0.2.1:99", "1.2.3.4", "https", "192.0.2.1"}, // nobody we know
		{"127.0.0.1:99", "", "", "127.0.0.1"},
		{"127.0.0.1:99", "1.2.3.4", "https", "1.2.3.4"},
		{"127.0.0.1:99", "9.9.9.9, 1.2.3.4, 10.0.0.5", "", "1.2.3.4"},
		{"127.0.0.1:99", "evil, 10.0.0.5", "", "10.0.0.5"},
		{"[::ffff:127.0.0.1]:99", "::ffff:1.2.3.4", "", "1.2.3.4"},
		{"127.0.0.1:99", "10.1.1.1", "", "10.1.1.1"},
		{"@", "1.2.3.4", "https", "invalid IP"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = test.peer
		r.Header.Set("X-Forwarded-For", test.forwarded)
		r.Header.Set("X-Forwarded-Proto", test.proto)
		if got := p.client(r).String(); got != test.want {
			t.Errorf("%s by %s is %s", test.forwarded, test.peer, got)
		}
		if got, want := p.overTLS(r), test.proto == "https" && strings.HasPrefix(test.peer, "127"); got != want {
			t.Errorf("%s by %s: TLS is %v", test.forwarded, test.peer, got)
		}
	}
}

func TestAccessConfig(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		access Access
		want   string
	}{
		{Access{Token: "short"}, "shorter than 16"},
		{Access{ReadToken: "a token with spaces in it"}, "header cannot hold"},
		{Access{Token: "a-token-with-an-ümlaut"}, "header cannot hold"},
		{Access{Token: operateToken, ReadToken: operateToken}, "the same"},
		{Access{Origins: []string{"*"}}, "needs a token"},
		{Access{Origins: []string{"app.example"}}, "as browsers send it"},
		{Access{Origins: []string{"https://app.example/"}}, "as browsers send it"},
		{Access{Origins: []string{"https://App.example"}}, "as browsers send it"},
		{Access{Origins: []string{"null"}}, "as browsers send it"},
	} {
		err := test.access.validate()
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "-tests") {
			t.Errorf("%+v: %v", test.access, err)
		}
	}
	if err := (Access{Token: operateToken, Origins: []string{"*", "https://app.example:8443", "http://[::1]:3000"}}).validate(); err != nil {
		t.Error(err)
	}
}

// TestAnyHost: with a token every name is answered, unless some were given.
func TestAnyHost(t *testing.T) {
	t.Parallel()
	e := guarded(t)
	if a := e.get("/health/live", "Host", "pdf.example"); a.StatusCode != http.StatusOK {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	e = guarded(t, func(c *Config) { c.Hosts = []string{"pdf.example"} })
	e.problem(e.get("/health/live", "Host", "evil.example"), http.StatusMisdirectedRequest, codeHost)
}

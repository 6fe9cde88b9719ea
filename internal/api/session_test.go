package api

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestLogin(t *testing.T) {
	t.Parallel()
	e := guarded(t)
	a := e.form(LoginPath, url.Values{"token": {"  " + operateToken + "\n"}, "next": {"/review?x=1"}})
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/review?x=1" {
		t.Fatalf("%d to %s: %s", a.StatusCode, a.Header.Get("Location"), a.body)
	}
	c := a.Cookies()[0]
	if c.Name != sessionCookie || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Secure || c.Domain != "" {
		t.Errorf("cookie is %+v", c)
	}
	if left := time.Until(c.Expires); left < sessionLength-time.Minute || left > sessionLength {
		t.Errorf("it ends in %v", left)
	}
	if strings.Contains(c.Value, operateToken) {
		t.Error("the cookie tells the token")
	}
	if got := e.get("/", "Cookie", sessionCookie+"="+c.Value); got.body != "page for operate" {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	if got := e.get("/", e.login(viewToken)...); got.body != "page for view" {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	if got := e.form(LoginPath, url.Values{"token": {operateToken}}, "X-Forwarded-Proto", "https"); !got.Cookies()[0].Secure {
		t.Error("behind TLS the cookie is not secure")
	}
	if got := e.form(LoginPath, url.Values{"token": {operateToken}, "next": {"//evil.example/"}}); got.Header.Get("Location") != "/" {
		t.Errorf("it leads to %s", got.Header.Get("Location"))
	}
	for _, token := range []string{"", "wrong", viewToken + "x"} {
		got := e.form(LoginPath, url.Values{"token": {token}})
		e.problem(got, http.StatusUnauthorized, codeUnauthorized)
		if len(got.Cookies()) > 0 {
			t.Errorf("%q gets a cookie", token)
		}
	}
	log := e.log.String()
	if !strings.Contains(log, `msg="session began" role=operate remote=127.0.0.1`) || !strings.Contains(log, `msg="wrong token"`) || strings.Contains(log, operateToken) {
		t.Errorf("the log: %s", log)
	}

	out := e.post(LogoutPath, "Cookie", sessionCookie+"="+c.Value)
	if len(out.Cookies()) != 1 || out.Cookies()[0].MaxAge >= 0 || out.Cookies()[0].Value != "" || !strings.Contains(e.log.String(), "session ended") {
		t.Errorf("logout: %d %v", out.StatusCode, out.Cookies())
	}
	if out := e.post(LogoutPath, e.login(viewToken)...); out.StatusCode != http.StatusOK {
		t.Errorf("who may only read cannot leave: %d", out.StatusCode)
	}
}

func TestSession(t *testing.T) {
	t.Parallel()
	now := time.Now()
	keyOf := func(token string, role Role) key {
		sign, err := sessionKey(token, role)
		if err != nil {
			t.Fatal(err)
		}
		return key{role: role, sign: sign}
	}
	k := keyOf(operateToken, RoleOperate)
	good := k.session(now.Add(time.Hour))
	if !keyOf(operateToken, RoleOperate).opens(good, now) {
		t.Error("another instance does not take it")
	}
	if k.opens(good, now.Add(time.Hour)) {
		t.Error("it does not end")
	}
	for _, other := range []key{keyOf(operateToken+"2", RoleOperate), keyOf(operateToken, RoleView), keyOf(viewToken, RoleView)} {
		if other.opens(good, now) {
			t.Error("it is taken under another token or role")
		}
	}
	raw, _ := base64.RawURLEncoding.DecodeString(good)
	for i := range raw {
		bad := append([]byte{}, raw...)
		bad[i] ^= 1
		if k.opens(base64.RawURLEncoding.EncodeToString(bad), now) {
			t.Errorf("byte %d may be changed", i)
		}
	}
	for _, bad := range []string{"", "x", good + "A", good[:len(good)-1], "=" + good, strings.Repeat("A", 1<<12)} {
		if k.opens(bad, now) {
			t.Errorf("%.20q is taken", bad)
		}
	}
}

// TestChangedTokenEndsSessions: at every instance that has the new one.
func TestChangedTokenEndsSessions(t *testing.T) {
	t.Parallel()
	operator, viewer := guarded(t).login(operateToken), guarded(t).login(viewToken)
	e := guarded(t, func(c *Config) { c.Access.Token = operateToken + "-new" })
	e.problem(e.get("/", operator...), http.StatusUnauthorized, codeUnauthorized)
	if a := e.get("/", viewer...); a.body != "page for view" {
		t.Errorf("the other token's session ended too: %d", a.StatusCode)
	}
	later := guarded(t)
	later.api.now = func() time.Time { return time.Now().Add(sessionLength + time.Second) }
	later.problem(later.get("/", operator...), http.StatusUnauthorized, codeUnauthorized)
}

// TestForgedForms: a form of another site changes nothing, though the browser
// may send the cookie with it; those that send no Sec-Fetch-Site included.
func TestForgedForms(t *testing.T) {
	t.Parallel()
	e := guarded(t, func(c *Config) { c.Access.Origins = []string{"https://app.example"} })
	session := e.login(operateToken)
	before := e.log.String()
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"},
		{"Sec-Fetch-Site", "cross-site", "Origin", "null"},
		{"Origin", "https://evil.example"}, {"Origin", "null"},
		{"Origin", strings.Replace(e.url, "http:", "https:", 1) + "0"},
	} {
		for _, path := range []string{"/jobs/x/cancel", LoginPath, LogoutPath, uploadPath, "/api/rag/jobs/" + nilID + "/cancel"} {
			a := e.form(path, url.Values{"token": {operateToken}}, append(headers, session...)...)
			e.problem(a, http.StatusForbidden, codeCrossOrigin)
			if len(a.Cookies()) > 0 {
				t.Errorf("%s sets a cookie", path)
			}
		}
	}
	if strings.Count(e.log.String(), "session") != strings.Count(before, "session") {
		t.Error("a forged form began or ended a session")
	}
	// A site that may call the API does so by a token, never by the session.
	for _, headers := range [][]string{{"Origin", "https://app.example", "Sec-Fetch-Site", "cross-site"}, {"Origin", "https://app.example"}} {
		e.problem(e.post("/api/rag/jobs/"+nilID+"/cancel", append(headers, session...)...), http.StatusUnauthorized, codeUnauthorized)
		e.problem(e.post("/api/rag/jobs/"+nilID+"/cancel", append(headers, bearer(operateToken)...)...), http.StatusNotFound, codeNotFound)
		e.problem(e.post("/jobs/x/cancel", append(headers, session...)...), http.StatusForbidden, codeCrossOrigin) // pages are not the API
	}
	// The service's own forms pass.
	for _, headers := range [][]string{{"Sec-Fetch-Site", "same-origin", "Origin", e.url}, {"Origin", e.url}, {"Sec-Fetch-Site", "none"}} {
		if a := e.form("/jobs/x/cancel", nil, append(headers, session...)...); a.StatusCode != http.StatusOK {
			t.Errorf("%q: %d %s", headers, a.StatusCode, a.body)
		}
	}
}

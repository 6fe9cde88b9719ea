package dashboard

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/jobs"
)

// addresses are all pages, of a service that has jobs in every status.
func (e *env) addresses() []string {
	all := []string{"/", "/?status=failed", "/review", "/review/group?status=failed&error_code=damaged", "/documents", "/instances", "/figures", "/docs", "/login",
		"/bulk?move=cancel&all=1", "/bulk/progress?move=cancel&moved=3", "/nothing", "/jobs/" + jobs.NewID().String()}
	for _, status := range jobs.Statuses() {
		all = append(all, "/jobs/"+e.in(status).ID.String())
	}
	read := e.upload("read.pdf")
	e.process(read.ID, 3, 3, 2)
	document := "/documents/" + read.DocumentID.String()
	return append(all, "/jobs/"+read.ID.String(), "/jobs/"+read.ID.String()+"/delete", document, document+"/pages/1", document+"/chunks", document+"/delete")
}

// TestPagesKeepThePolicy: nothing in a page is a script or a style of its own,
// nothing leads outside, everything it loads is there.
func TestPagesKeepThePolicy(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	inline := regexp.MustCompile(`(?i)<script[^>]*>[^<]|<style|\sstyle=|\son[a-z]+=|javascript:`)
	loads := regexp.MustCompile(`(?:src|href)="(/assets/[^"]+)"`)
	assets := map[string]bool{}
	for _, address := range e.addresses() {
		a := e.get(address)
		if got := a.Header.Get("Content-Security-Policy"); got != policy {
			t.Errorf("%s: policy %q", address, got)
		}
		if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", address, a.Header)
		}
		if found := inline.FindString(a.body); found != "" {
			t.Errorf("%s has %q", address, found)
		}
		for _, m := range regexp.MustCompile(`(?:src|href|action)="([^"]*)"`).FindAllStringSubmatch(a.body, -1) {
			if !strings.HasPrefix(m[1], "/") && !strings.HasPrefix(m[1], "#") || strings.HasPrefix(m[1], "//") {
				t.Errorf("%s leads to %s", address, m[1])
			}
		}
		for _, m := range loads.FindAllStringSubmatch(a.body, -1) {
			assets[m[1]] = true
		}
		if n := strings.Count(a.body, "<h1"); n != 1 {
			t.Errorf("%s has %d first headings", address, n)
		}
		if strings.Contains(a.body, "ZgotmplZ") || strings.Contains(a.body, "&lt;no value") || strings.Contains(a.body, "%!") {
			t.Errorf("%s has a hole", address)
		}
	}
	for address := range assets {
		a := e.get(address)
		if a.StatusCode != http.StatusOK || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %s", address, a.StatusCode, a.Header.Get("Cache-Control"))
		}
	}
	if a := e.get("/assets/style.0000.css"); a.StatusCode != http.StatusNotFound {
		t.Errorf("an old asset: %d", a.StatusCode)
	}
}

// TestNothingFromOutside looks at the files themselves.
func TestNothingFromOutside(t *testing.T) {
	t.Parallel()
	outside := regexp.MustCompile(`(?:https?:)?//[a-z0-9-]+\.[a-z]`)
	for _, files := range []fs.FS{templateFiles, assetFiles} {
		err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := fs.ReadFile(files, name)
			if err != nil {
				return err
			}
			text := strings.ReplaceAll(string(data), "http://www.w3.org/2000/svg", "")
			if found := outside.FindString(text); found != "" {
				t.Errorf("%s names %s", name, found)
			}
			if strings.HasSuffix(name, ".js") && regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function`).MatchString(text) {
				t.Errorf("%s writes HTML or runs text", name)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestHostileNames: what comes from outside is text wherever it is shown.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	hostile := `<script>alert(1)</script>"'><img src=x onerror=alert(1)>{{.}}.pdf`
	a := e.uploadForm(hostile, samplePDF("hostile"), "title", `</title><svg onload=alert(2)>`)
	u, err := url.Parse(a.location())
	e.ok(err)
	id, err := jobs.ParseID(strings.TrimPrefix(u.Path, "/jobs/"))
	e.ok(err)
	e.finish(e.claim(id), jobs.Outcome{Status: jobs.Failed, Error: `<b>bold & "quoted"</b> javascript:alert(3)`, Code: "damaged"})
	search := url.QueryEscape(`"><script>alert(4)</script>`)
	for _, address := range []string{"/", u.Path, u.Path + "/delete", "/review", "/review/group?status=failed&error_code=damaged", "/bulk?move=retry&id=" + id.String(),
		"/?q=" + search, "/?status=" + search, "/bulk?move=" + search, "/login?next=" + search, "/%3Cscript%3Ealert(5)%3C/script%3E", "/theme?back=" + search} {
		page := e.get(address).body
		for _, bad := range []string{"<script>alert", "<img", "<svg onload", "<b>bold"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s has %s", address, bad)
			}
		}
	}
	e.contains(e.page("/"), "&lt;svg onload=alert(2)&gt;", "&lt;b&gt;bold &amp; &#34;quoted&#34;", "&lt;img src=x onerror=alert(1)&gt;{{.}}.pdf")
}

// dead is a store that cannot be read any more.
type dead struct {
	api.Store
	gone *bool
}

func (d dead) err() error {
	if *d.gone {
		return &jobs.StoreError{Op: "read", Err: errors.New("connection refused"), Hint: "Start the database."}
	}
	return nil
}

func (d dead) List(ctx context.Context, f jobs.Filter) ([]jobs.Job, error) {
	if err := d.err(); err != nil {
		return nil, err
	}
	return d.Store.List(ctx, f)
}

func (d dead) Count(ctx context.Context, f jobs.Filter, most int) (int, error) {
	if err := d.err(); err != nil {
		return 0, err
	}
	return d.Store.Count(ctx, f, most)
}

func (d dead) Groups(ctx context.Context, f jobs.Filter) ([]jobs.Group, error) {
	if err := d.err(); err != nil {
		return nil, err
	}
	return d.Store.Groups(ctx, f)
}

// TestDeadStore: a store that cannot be read does not look like one that holds
// nothing.
func TestDeadStore(t *testing.T) {
	t.Parallel()
	gone := false
	e := newEnv(t, func(c *api.Config) { c.Jobs = dead{c.Jobs, &gone} })
	j := e.in(jobs.Failed)
	e.page("/")
	gone = true
	for _, address := range []string{"/", "/review", "/jobs/" + j.ID.String(), "/bulk?move=retry&all=1"} {
		a := e.get(address)
		if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d", address, a.StatusCode)
		}
		e.contains(a.body, "Start the database.", "data-retry", `http-equiv="refresh"`)
		if strings.Contains(a.body, `class="tile`) || strings.Contains(a.body, "No job") || strings.Contains(a.body, "Nothing waits") {
			t.Errorf("%s shows counts or an empty list", address)
		}
	}
	gone = false
	e.page("/")
}

// TestViewers: who may only look has no buttons, and forms sent all the same
// change nothing.
func TestViewers(t *testing.T) {
	t.Parallel()
	const operate, read = "operate-operate-operate", "read-read-read-read-read"
	e := newEnv(t, func(c *api.Config) { c.Access = api.Access{Token: operate, ReadToken: read} })
	e.headers = []string{"Authorization", "Bearer " + operate}
	addresses := e.addresses()
	j := e.insert("kept.pdf")
	e.headers = []string{"Authorization", "Bearer " + read}
	for _, address := range addresses {
		a := e.get(address)
		forms := regexp.MustCompile(`<form[^>]*method="post"[^>]*action="([^"]*)"`).FindAllStringSubmatch(a.body, -1)
		for _, f := range forms {
			if f[1] != "/logout" && f[1] != "/login" {
				t.Errorf("%s has a form for %s", address, f[1])
			}
		}
		if strings.Contains(a.body, `name="move"`) || strings.Contains(a.body, `type="file"`) {
			t.Errorf("%s has controls", address)
		}
	}
	for _, address := range []string{"/jobs/" + j.ID.String() + "/cancel", "/jobs/" + j.ID.String() + "/delete", "/bulk", "/sample"} {
		if a := e.form(address, "move", "cancel", "all", "1"); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", address, a.StatusCode)
		}
	}
	if a := e.uploadForm("viewer.pdf", samplePDF("viewer")); a.StatusCode != http.StatusForbidden {
		t.Errorf("upload: %d", a.StatusCode)
	}
	if got := e.job(j.ID).Status; got != jobs.Pending {
		t.Errorf("a viewer made it %s", got)
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	const token = "operate-operate-operate"
	e := newEnv(t, func(c *api.Config) { c.Access = api.Access{Token: token} })
	a := e.get("/jobs/x?y=z")
	if a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(a.location(), "/login?next=") {
		t.Fatalf("without a token: %d %s", a.StatusCode, a.location())
	}
	page := e.page(a.location())
	e.contains(page, `name="token"`, `value="/jobs/x?y=z"`)
	if strings.Contains(page, `aria-label="Pages"`) {
		t.Error("who has not signed in is shown the way to the pages")
	}
	wrong := e.form("/login", "token", "wrong-wrong-wrong-wrong", "next", "/review")
	if wrong.StatusCode != http.StatusUnauthorized || !strings.Contains(wrong.body, "The token is wrong.") || !strings.Contains(wrong.body, `value="/review"`) {
		t.Errorf("a wrong token: %d", wrong.StatusCode)
	}
	right := e.form("/login", "token", token, "next", "/review")
	if right.StatusCode != http.StatusSeeOther || right.location() != "/review" || len(right.Cookies()) != 1 {
		t.Fatalf("the right token: %d %s", right.StatusCode, right.location())
	}
	if a := e.form("/login", "token", token, "next", "https://evil.example/"); a.location() != "/" {
		t.Errorf("it leads to %s", a.location())
	}
	e.headers = []string{"Cookie", right.Cookies()[0].Name + "=" + right.Cookies()[0].Value}
	e.contains(e.page("/review"), "Sign out")
	if a := e.form("/logout"); a.StatusCode != http.StatusSeeOther || a.location() != "/login" || a.Cookies()[0].MaxAge >= 0 {
		t.Errorf("sign out: %d %s", a.StatusCode, a.location())
	}
}

func TestTheme(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.get("/theme?to=dark&back=" + url.QueryEscape("/?status=failed"))
	if a.StatusCode != http.StatusSeeOther || a.location() != "/?status=failed" {
		t.Fatalf("%d %s", a.StatusCode, a.location())
	}
	e.contains(e.get("/", "Cookie", themeCookie+"="+a.Cookies()[0].Value).body, `data-theme="dark"`)
	if page := e.get("/", "Cookie", themeCookie+`=dark"onload=x`).body; strings.Contains(page, "data-theme") {
		t.Error("a cookie of any value is taken")
	}
	if a := e.get("/theme?to=system&back=//evil.example"); a.location() != "/" || a.Cookies()[0].MaxAge >= 0 {
		t.Errorf("back to the system's: %s", a.location())
	}
}

func TestAddressesThatAreNoPages(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/nothing", http.StatusNotFound}, {http.MethodGet, "/jobs/nonsense", http.StatusNotFound}, {http.MethodPost, "/review", http.StatusMethodNotAllowed},
		{http.MethodGet, "/upload", http.StatusMethodNotAllowed}, {http.MethodDelete, "/", http.StatusMethodNotAllowed},
	} {
		a := e.send(c.method, c.path, nil)
		if a.StatusCode != c.status || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s %s: %d %s", c.method, c.path, a.StatusCode, a.Header.Get("Content-Type"))
		}
	}
	if a := e.get("/api/nothing"); !strings.HasPrefix(a.Header.Get("Content-Type"), "application/problem+json") {
		t.Errorf("below the API: %s", a.Header.Get("Content-Type"))
	}
}

func TestDocs(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.contains(e.page("/docs"), "/api/rag/documents/upload-async", "/api/rag/documents/{id}/content", "Idempotency-Key", "page_markers", "/health/live",
		"chunk_overlap", e.url+"/api/rag/documents/upload-async")
}

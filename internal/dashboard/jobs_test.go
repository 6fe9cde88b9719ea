package dashboard

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/jobs"
)

func TestEmptyList(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	page := e.page("/")
	e.contains(page, "No job yet.", `action="/sample"`, `action="/upload"`)
	if a := e.form("/sample"); a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(a.location(), "/jobs/") {
		t.Fatalf("sample: %d %s", a.StatusCode, a.body)
	}
	e.contains(e.page("/"), "sample.pdf")
	e.contains(e.page("/?status=failed"), "No job matches this.")
}

func TestListInEveryStatus(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, status := range jobs.Statuses() {
		e.in(status)
	}
	e.in(jobs.Failed)
	page := e.page("/")
	for _, status := range jobs.Statuses() {
		e.contains(page, string(status)+".pdf", "row-"+string(status), capital(string(status)), "/?status="+string(status))
		only := e.page("/?status=" + string(status))
		if n := strings.Count(only, "data-row"); n != e.number(status) {
			t.Errorf("%d jobs are listed as %s", n, status)
		}
	}
	var got []string
	for _, m := range regexp.MustCompile(`<b>([^<]*)</b><span>`).FindAllStringSubmatch(page, -1) {
		got = append(got, m[1])
	}
	if diff := cmp.Diff([]string{"6", "1", "1", "1", "2", "1"}, got); diff != "" {
		t.Errorf("counts: %s", diff)
	}
	e.contains(page, "testhost", "the file is damaged", `data-events="/api/rag/jobs/events"`)
}

func (e *env) number(status jobs.Status) int {
	n, err := e.store.Count(e.Context(), jobs.Filter{Status: status}, 1000)
	e.ok(err)
	return n
}

func TestSearch(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.in(jobs.Failed)
	e.in(jobs.Interrupted)
	named := e.insert("100% of_all.pdf")
	for q, want := range map[string]string{
		"status:failed": "failed.pdf", "code:damaged": "failed.pdf", "cause:shutdown": "interrupted.pdf", "status:interrupted INTER": "interrupted.pdf",
		"100%": "100% of_all.pdf", `"100% of"`: "100% of_all.pdf", "OF_ALL": "100% of_all.pdf", named.ID.String()[:18]: "100% of_all.pdf",
	} {
		page := e.page("/?q=" + url.QueryEscape(q))
		if n := strings.Count(page, "data-row"); n != 1 || !strings.Contains(page, want+"</a>") {
			t.Errorf("%s finds %d jobs", q, n)
		}
	}
	wrong := e.page("/?q=status:broken")
	e.contains(wrong, "is not a status", `value="status:broken"`)
	if n := strings.Count(e.page("/?q=instance:"+e.instance), "data-row"); n != 2 {
		t.Errorf("%d jobs of the instance", n)
	}
}

// TestSearchBox: what the box shows, typed again, is the same filter.
func TestSearchBox(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                            "",
		"report":                      "report",
		"status:failed  code:damaged": "status:failed code:damaged",
		`owner:"Jane Doe" a b`:        `owner:"Jane Doe" "a b"`,
		"when:yesterday":              "when:yesterday",
		`"status:failed"`:             `"status:failed"`,
		"STATUS:failed":               "status:failed",
	} {
		f := filterOf(url.Values{"q": {text}})
		if got := f.search(); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
		if again := filterOf(url.Values{"q": {f.search()}}); again != f {
			t.Errorf("%q comes back as %+v", text, again)
		}
		u, err := url.Parse(f.address("/"))
		if err != nil || filterOf(u.Query()) != f {
			t.Errorf("%q is not what its address says: %s %v", text, u, err)
		}
	}
}

func TestListInParts(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for i := range jobsOnPage + 3 {
		e.insert(fmt.Sprintf("part-%d.pdf", i))
	}
	address, seen := "/?q=part&sort=created_at:asc", 0
	for address != "" {
		page := e.page(address)
		seen += strings.Count(page, "data-row")
		next := regexp.MustCompile(`rel="next" href="([^"]*)"`).FindStringSubmatch(page)
		address = ""
		if next != nil {
			address = strings.ReplaceAll(next[1], "&amp;", "&")
			if !strings.Contains(address, "q=part") || !strings.Contains(address, "sort=created_at") {
				t.Errorf("the next part forgets what was asked: %s", address)
			}
		}
	}
	if seen != jobsOnPage+3 {
		t.Errorf("%d jobs were listed", seen)
	}
	if a := e.get("/?cursor=nonsense"); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "not one that this service gave") {
		t.Errorf("a wrong cursor: %d", a.StatusCode)
	}
}

func TestUpload(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.uploadForm("form.pdf", samplePDF("form"), "title", "", "pages", "", "password", "", "tags", "a, b", "priority", "7")
	if a.StatusCode != http.StatusSeeOther || !strings.HasSuffix(a.location(), "?done=accepted") {
		t.Fatalf("upload: %d %s %s", a.StatusCode, a.location(), a.body)
	}
	e.contains(e.page(a.location()), "Accepted. It is stored", "form.pdf", "<dd>7</dd>", `[&#34;a&#34;,&#34;b&#34;]`)
	if again := e.uploadForm("form.pdf", samplePDF("form")); !strings.HasSuffix(again.location(), "?done=known") {
		t.Errorf("the same again: %s", again.location())
	}
	bad := e.uploadForm("form.pdf", "no PDF")
	if bad.StatusCode != http.StatusBadRequest || !strings.Contains(bad.body, "not a PDF") || !strings.HasPrefix(bad.Header.Get("Content-Type"), "text/html") {
		t.Errorf("not a PDF: %d %s", bad.StatusCode, bad.body)
	}
	e.api.Stop()
	if late := e.uploadForm("form.pdf", samplePDF("late")); late.StatusCode != http.StatusServiceUnavailable || late.Header.Get("Retry-After") == "" {
		t.Errorf("while stopping: %d", late.StatusCode)
	}
}

// TestSearchIsBounded: what is longer than a search can be is refused as
// what it is, and the box that it came from stays.
func TestSearchIsBounded(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.in(jobs.Failed)
	for _, bad := range []string{strings.Repeat("a", 1001), strings.Repeat("é", 201)} {
		if a := e.get("/?q=" + bad); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "query.q: it ") || !strings.Contains(a.body, `name="q"`) {
			t.Errorf("list, %.10s: %d", bad, a.StatusCode)
		}
		for _, address := range []string{"/bulk?move=retry&all=1&q=", "/review/group?status=failed&q=", "/review/group?status=failed&owner="} {
			if a := e.get(address + strings.Repeat(bad, 2)); a.StatusCode != http.StatusBadRequest {
				t.Errorf("%s%.10s: %d", address, bad, a.StatusCode)
			}
		}
	}
}

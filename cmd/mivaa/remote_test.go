package main

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

// serve stands a service on the world's store, and returns its URL.
func (w *world) serve(wrap ...func(http.Handler) http.Handler) string {
	w.Helper()
	a, err := api.New(api.Config{Jobs: w.store, Documents: w.docs, Blobs: w.blobs, Version: "test"})
	w.ok(err)
	var handler = a.Handler()
	for _, f := range wrap {
		handler = f(handler)
	}
	server := httptest.NewServer(handler)
	w.Cleanup(server.Close)
	w.Cleanup(a.Stop)
	return server.URL
}

// remote runs a command on a service, where no store is.
func (w *world) remote(url string, args ...string) answer {
	w.Helper()
	return w.runIn(w.Context(), []string{"MIVAA_DATA_DIR=" + filepath.Join(w.dir, "nowhere")}, append(args, "--server", url)...)
}

// TestRemoteSaysTheSame: a command answers the same on a store and on a service
// in front of it.
func TestRemoteSaysTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	done := w.complete("report.pdf", 5, 4)
	w.complete("whole.pdf", 2)
	failed, running, waiting := w.in(jobs.Failed), w.in(jobs.Processing), w.in(jobs.Pending, func(s *documents.Submission) { s.Owner = "alice" })
	cancelled := w.cancelled()
	url := w.serve()
	doc := done.Document.ID.String()
	// Between the two looks a second may pass, and a job may be seen.
	moving := regexp.MustCompile(`\d+[smhd] ago|\bnow\b|\d+ (second|minute)s? ago| +\d+s |"seen_at":"[^"]*"|"lease_until":"[^"]*"|"profile":(\{[^}]*\}|null)`)
	for _, line := range []string{
		"jobs list", "jobs list --json", "jobs list --status failed", "jobs list --sort updated_at:asc --limit 2", "jobs list --owner alice --json",
		"jobs list --after " + failed.ID.String(), "jobs list --cause cancelled", "jobs list --code damaged --json", "jobs list --search REPORT", "jobs list --json --limit 0",
		"jobs show " + done.Job.ID.String(), "jobs show --json " + done.Job.ID.String(), "jobs show " + failed.ID.String(), "jobs show --json " + waiting.ID.String(),
		"jobs show " + running.ID.String()[:23], "jobs show --json " + cancelled.ID.String(), "jobs show 0000", "jobs show " + jobs.NewID().String(), "jobs show 01",
		"jobs events " + done.Job.ID.String(), "jobs events --json " + cancelled.ID.String(), "jobs events --follow " + failed.ID.String(),
		"jobs stats", "jobs stats --json", "jobs groups", "jobs groups --json", "jobs groups --status failed",
		"jobs watch " + done.Job.ID.String(), "jobs watch --json " + failed.ID.String(),
		"jobs resume " + done.Job.ID.String(), "jobs restart " + running.ID.String() + " --yes", "jobs resume --all --dry-run", "jobs cancel --all --status pending --dry-run --json",
		"documents list", "documents list --json", "documents list --owner alice", "documents list --after " + doc, "documents list --limit 1 --json",
		"documents show " + doc, "documents show --json " + doc, "documents show " + running.DocumentID.String()[:23], "documents show 0000",
		"documents export " + doc, "documents export " + doc + " --format text --pages 2-", "documents export --json " + doc, "documents export " + doc + " -f json",
		"documents export " + doc + " -f chunks", "documents export " + running.DocumentID.String(), "documents export " + waiting.DocumentID.String(),
		"documents export " + doc + " --pages 1,2", "documents export " + doc + " --pages 99", "documents delete " + doc + " --dry-run",
		"instances", "instances --json",
	} {
		args := strings.Fields(line)
		here, there := w.run(args...), w.remote(url, args...)
		clean := func(text string) string {
			text = strings.ReplaceAll(text, " --server "+url, "")
			return moving.ReplaceAllString(text, "~")
		}
		if here.code != there.code {
			t.Errorf("%s: exit code %d on the service, %d on the store\n%s\n%s", line, there.code, here.code, there.err, here.err)
		}
		if d := cmp.Diff(clean(here.out), clean(there.out)); d != "" {
			t.Errorf("%s: standard output (-store +service):\n%s", line, d)
		}
		if d := cmp.Diff(clean(here.err), clean(there.err)); d != "" {
			t.Errorf("%s: standard error (-store +service):\n%s", line, d)
		}
	}
	if _, err := os.Stat(filepath.Join(w.dir, "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a command on a service looked for a store: %v", err)
	}
}

// TestRemoteChanges: what changes something, changes it.
func TestRemoteChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := w.serve()
	failed, interrupted, running := w.in(jobs.Failed), w.in(jobs.Interrupted), w.in(jobs.Processing)
	w.remote(url, "jobs", "retry", failed.ID.String()).exits(exitOK).silent().says("put back "+failed.ID.String(), "(at page 4)")
	w.is(failed.ID, jobs.Pending)
	w.remote(url, "jobs", "resume", "--all").exits(exitOK).says("resumed 1 interrupted job")
	w.is(interrupted.ID, jobs.Pending)
	w.remote(url, "jobs", "cancel", running.ID.String()[:23], "--yes").exits(exitOK).says("cancelled " + running.ID.String())
	w.is(running.ID, jobs.Interrupted)
	w.remote(url, "jobs", "restart", running.ID.String(), "--yes").exits(exitOK)
	w.is(running.ID, jobs.Pending)
	w.remote(url, "documents", "delete", running.DocumentID.String(), "--yes").exits(exitOK).says("deleted " + running.DocumentID.String())
	w.remote(url, "documents", "show", running.DocumentID.String()).exits(exitNotFound)
	w.remote(url, "jobs", "interrupt", failed.ID.String()).exits(exitUsage).warns("unknown flag: --server")

	w.remote(url, "drain", "--reason", "a new version").exits(exitOK)
	w.run("instances").exits(exitOK).says("a new version")
	w.remote(url, "undrain").exits(exitOK)
	if a := w.run("instances").exits(exitOK); strings.Contains(a.out, "a new version") {
		t.Errorf("still draining: %s", a.out)
	}
}

// TestRemoteFollows: watching a job over HTTP sees it to its end.
func TestRemoteFollows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := w.serve()
	made := w.submit("followed.pdf")
	j := w.claim(made.Job.ID)
	done := make(chan answer, 1)
	var out pipe
	go func() {
		code := run(w.Context(), []string{"jobs", "watch", j.ID.String(), "--server", url}, []string{"USER=tester"}, strings.NewReader(""), &out, &out)
		done <- answer{w.TB, code, out.String(), ""}
	}()
	eventually(t, "the job is seen", func() bool { return strings.Contains(out.String(), "followed.pdf") })
	w.record(j, 4, 1, 4)
	w.ok(w.docs.Publish(w.Context(), j.Fence(), []byte(`{"v":1,"pages":1,"body_size":11}`)))
	w.finish(j, jobs.Outcome{Status: jobs.Completed})
	(<-done).exits(exitOK).says("processing", "followed.pdf", "completed")
}

func TestRemoteErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.complete("a.pdf", 1)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	w.ok(err)
	nobody := "http://" + l.Addr().String()
	w.ok(l.Close())
	refuses := func(status int, body string) string {
		return w.serve(func(http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
				rw.WriteHeader(status)
				_, _ = rw.Write([]byte(body))
			})
		})
	}
	for name, test := range map[string]struct {
		url  string
		exit int
		says []string
	}{
		"nobody there":   {nobody, exitUnavailable, []string{"reach service", "hint: is the service running there?"}},
		"no URL":         {"localhost:8000", exitUsage, []string{"--server must be the URL"}},
		"a password":     {"http://u:hunter2@localhost", exitUsage, []string{"--server holds a user"}},
		"no token":       {refuses(401, `{"code":"unauthorized","detail":"A token is needed."}`), exitUsage, []string{"A token is needed.", "MIVAA_TOKEN"}},
		"read only":      {refuses(403, `{"code":"read_only","detail":"This token only reads."}`), exitUsage, []string{"This token only reads.", "the one for operators"}},
		"store is down":  {refuses(503, `{"code":"unavailable","detail":"The store cannot be reached."}`), exitUnavailable, []string{"The store cannot be reached."}},
		"something else": {refuses(404, `<html>not found</html>`), exitUnavailable, []string{"is the URL right?"}},
		"internal":       {refuses(500, `{"code":"internal","detail":"Something went wrong.","request_id":"r7"}`), exitFailure, []string{"(request r7)"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := w.remote(test.url, "jobs", "list").exits(test.exit).warns(test.says...)
			if a.out != "" || strings.Contains(a.err, "hunter2") {
				t.Errorf("stdout %q, stderr %q", a.out, a.err)
			}
		})
	}
}

// TestRemoteSettings: which of the two is meant, and what the service is shown.
func TestRemoteSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.complete("here.pdf", 1)
	other := newWorld(t)
	other.complete("there.pdf", 1)
	shown := make(chan string, 100)
	url := other.serve(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			shown <- r.Header.Get("Authorization")
			next.ServeHTTP(rw, r)
		})
	})
	file := filepath.Join(t.TempDir(), "token")
	w.ok(os.WriteFile(file, []byte("from-a-file-here\nnot this\n"), 0o600))
	list := func(env []string, args ...string) answer {
		return w.runIn(t.Context(), env, append([]string{"jobs", "list"}, args...)...)
	}
	list([]string{"MIVAA_SERVER=" + url}).exits(exitOK).says("there.pdf")
	list([]string{"MIVAA_SERVER=" + url}, "--data-dir", w.dir).exits(exitOK).says("here.pdf")
	list(nil, "--server", url).exits(exitOK).says("there.pdf")
	list(nil, "--server", url, "--data-dir", w.dir).exits(exitUsage).warns("give --server or --data-dir, not both")
	list([]string{"MIVAA_SERVER="}).exits(exitOK).says("here.pdf")
	for len(shown) > 0 {
		if got := <-shown; got != "" {
			t.Errorf("shown %q, want nothing", got)
		}
	}
	list([]string{"MIVAA_TOKEN=from-the-environment"}, "--server", url).exits(exitOK)
	list([]string{"MIVAA_TOKEN=from-the-environment"}, "--server", url, "--token-file", file).exits(exitOK)
	if a, b := <-shown, <-shown; a != "Bearer from-the-environment" || b != "Bearer from-a-file-here" {
		t.Errorf("shown %q and %q", a, b)
	}
	list([]string{"MIVAA_TOKEN=x", "MIVAA_TOKEN_FILE=" + file, "MIVAA_SERVER=" + url}).exits(exitUsage).warns("not both")
	list(nil, "--server", url, "--token-file", file+".none").exits(exitUsage).warns("--token-file")
}

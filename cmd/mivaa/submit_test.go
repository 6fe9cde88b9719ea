package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mivaa/mivaa/client"
	"github.com/mivaa/mivaa/jobs"
)

// pdfs writes files that look like PDFs.
func (w *world) pdfs(names ...string) []string {
	w.Helper()
	dir := w.TempDir()
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = filepath.Join(dir, name)
		w.ok(os.WriteFile(paths[i], []byte("%PDF-1.7\n% "+name), 0o600))
	}
	return paths
}

func TestSubmit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := w.serve()
	files := w.pdfs("a.pdf", "b.pdf")
	made := lines[submitRow](w.runIn(t.Context(), nil, append([]string{"submit", "--server", url, "--json", "--owner", "alice", "--tags", "x,y", "--priority", "3"}, files...)...).exits(exitOK).silent())
	if len(made) != 2 || made[0].Filename != "a.pdf" || made[1].Status != client.Pending || *made[0].JobID == *made[1].JobID {
		t.Fatalf("got %+v", made)
	}
	id, err := jobs.ParseID(*made[0].JobID)
	w.ok(err)
	if j := w.job(id); j.Owner != "alice" || j.Priority != 3 || !strings.Contains(string(j.Metadata), `"x"`) {
		t.Errorf("got %+v", j)
	}
	w.run("submit", files[0], "--server", url, "--owner", "alice").exits(exitOK).says("known already: " + *made[0].JobID + " a.pdf")
	w.run("submit", files[0], "--server", url, "--owner", "alice", "--anew").exits(exitOK).says("accepted ")

	notOne := filepath.Join(t.TempDir(), "page.html")
	w.ok(os.WriteFile(notOne, []byte("<html>"), 0o600))
	w.run("submit", notOne, "--server", url).exits(exitRefused).warns(notOne, "not a PDF")
	w.run("submit", notOne, files[1], "--server", url, "--anew").exits(exitRefused).says("accepted ", "b.pdf").warns("not a PDF")
	w.run("submit", files[0]+".none", "--server", url).exits(exitNotFound).warns("no such file", "hint: give the path")
	w.run("submit", "-", "--server", url).exits(exitUsage).warns("--name")
	w.run("submit", files[0], "--server", url, "--timeout", "1s").exits(exitUsage).warns("--wait")
	w.run("submit", files[0], "--server", "http://127.0.0.1:1").exits(exitUnavailable).warns("reach service")
}

// TestSubmitWait: each end has its exit code, and nothing but the result stands
// on standard output.
func TestSubmitWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := w.serve()
	file := w.pdfs("waited.pdf")[0]
	w.run("submit", file, "--server", url, "--wait", "--timeout", "300ms").exits(exitRunning).says("accepted ").warns("has not ended yet: pending")

	out, end := w.start(t.Context(), "submit", file, "--server", url, "--wait", "--anew")
	eventually(t, "it is accepted", func() bool { return strings.Contains(out.String(), "waited.pdf") })
	id, err := jobs.ParseID(strings.Fields(out.String())[1])
	w.ok(err)
	j := w.claim(id)
	w.record(j, 2, 1, 2)
	w.ok(w.docs.Publish(t.Context(), j.Fence(), []byte(`{"v":1,"pages":1,"body_size":11}`)))
	w.finish(j, jobs.Outcome{Status: jobs.Completed})
	a := end().exits(exitOK).says("accepted "+id.String(), "completed "+id.String()+" waited.pdf").warns("completed")
	if strings.Count(a.out, "\n") != 2 {
		t.Errorf("standard output: %q", a.out)
	}

	_, end = w.start(t.Context(), "submit", file, "--server", url, "--wait", "--anew", "--json", "--owner", "bob")
	eventually(t, "it is accepted", func() bool {
		list, err := w.store.List(t.Context(), jobs.Filter{Owner: "bob"})
		w.ok(err)
		return len(list) == 1
	})
	list, err := w.store.List(t.Context(), jobs.Filter{Owner: "bob"})
	w.ok(err)
	w.finish(w.claim(list[0].ID), jobs.Outcome{Status: jobs.Failed, Error: "the file is damaged", Code: "damaged"})
	if code, message, _ := end().exits(exitRefused).problem(); code != "damaged" || !strings.Contains(message, "the file is damaged") {
		t.Errorf("%s: %s", code, message)
	}
}

// TestFollowAcrossRestart: a service that is away for a moment is waited for.
func TestFollowAcrossRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var away atomic.Bool
	url := w.serve(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if away.Load() {
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(rw, r)
		})
	})
	made := w.submit("through.pdf")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, end := w.start(ctx, "jobs", "watch", made.Job.ID.String(), "--server", url)
	eventually(t, "it is seen", func() bool { return strings.Contains(out.String(), "through.pdf") })
	away.Store(true)
	eventually(t, "the outage is told", func() bool { return strings.Contains(out.String(), "out of reach") })
	j := w.claim(made.Job.ID)
	w.record(j, 1, 1, 1)
	w.ok(w.docs.Publish(t.Context(), j.Fence(), []byte(`{"v":1,"pages":1,"body_size":11}`)))
	w.finish(j, jobs.Outcome{Status: jobs.Completed})
	away.Store(false)
	end().exits(exitOK).says("out of reach", "completed")
}

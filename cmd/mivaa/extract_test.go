package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

func TestTarget(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cases := []struct {
		output, name string
		format       extract.Format
		several      bool
		want         string
	}{
		{"", "a.pdf", extract.Markdown, false, ""},
		{filepath.Join(dir, "out.md"), "a.pdf", extract.Markdown, false, filepath.Join(dir, "out.md")},
		{dir, "x/a.pdf", extract.Markdown, false, filepath.Join(dir, "a.md")},
		{dir + "/new/", "a.PDF", extract.JSON, false, filepath.Join(dir, "new", "a.json")},
		{filepath.Join(dir, "two"), "a.b.pdf", extract.Text, true, filepath.Join(dir, "two", "a.b.txt")},
		{dir, "-", extract.Chunks, false, filepath.Join(dir, "stdin.chunks.json")},
	}
	for _, c := range cases {
		s := &extractSettings{output: c.output, content: contentFlags{format: choice{value: string(c.format)}}}
		if got := s.target(c.name, c.several); got != c.want {
			t.Errorf("-o %q of %q: %q, want %q", c.output, c.name, got, c.want)
		}
	}
}

// A result that cannot be written whole leaves what was there as it was.
func TestWriteFileIsWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "out.md")
	if err := os.WriteFile(path, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	err := writeFile(path, func(w io.Writer) error {
		_, err := io.WriteString(w, "half")
		return errors.Join(err, boom)
	})
	if !errors.Is(err, boom) {
		t.Errorf("write: %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "before" {
		t.Errorf("%q, %v", got, err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	err = writeFile(path, func(w io.Writer) error {
		_, err := io.WriteString(w, "after")
		return err
	})
	if got, e := os.ReadFile(path); err != nil || e != nil || string(got) != "after" {
		t.Errorf("%q, %v, %v", got, err, e)
	}
}

// What cannot all be written, or is no file, is refused before anything is read.
func TestExtractRefusedBeforeReading(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"-o", dir, "a/report.pdf", "b/report.pdf"}, []string{"a/report.pdf and b/report.pdf", filepath.Join(dir, "report.md")}},
		{[]string{"-o", filepath.Join(dir, "out"), "report.pdf", "other.pdf", "report.PDF"}, []string{"report.pdf and report.PDF"}},
		{[]string{"-o", dir + "/", "-", "stdin.pdf"}, []string{"- and stdin.pdf"}},
		{[]string{dir}, []string{dir + " is a folder"}},
		{[]string{"-o", dir, dir, "a/x.pdf", "b/x.pdf"}, []string{"is a folder", "a/x.pdf and b/x.pdf"}},
	} {
		_, errs, code := invoke(t, nil, append([]string{"extract", "--data-dir", data}, test.args...)...)
		if code != exitUsage {
			t.Errorf("%v: exit %d", test.args, code)
		}
		for _, want := range test.want {
			if !strings.Contains(errs, want) {
				t.Errorf("%v: nothing of %q in %s", test.args, want, errs)
			}
		}
	}
	if _, err := os.Stat(data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was opened: %v", err)
	}
	s := &extractSettings{output: dir, content: contentFlags{format: choice{value: string(extract.Markdown)}}}
	if errs := s.collisions([]string{"a/x.pdf", "a/./x.pdf", "a/y.pdf"}); len(errs) > 0 {
		t.Errorf("the same file twice: %v", errs)
	}
}

// The hint after a cancel is true: what it says of the file given again depends
// on what was read before.
func TestHintAfterCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	j := w.cancelled()
	doc, err := w.docs.Get(t.Context(), j.DocumentID)
	w.ok(err)
	e := classify(outcome(t.Context(), doc, j))
	if e.exit != exitState || !strings.Contains(e.hint, "mivaa jobs resume "+j.ID.String()) || !strings.Contains(e.hint, "read anew") {
		t.Errorf("exit %d, hint %q", e.exit, e.hint)
	}
	doc.ContentJobID = jobs.NewID()
	if e = classify(outcome(t.Context(), doc, j)); !strings.Contains(e.hint, "what was read before") {
		t.Errorf("hint %q", e.hint)
	}
	w.run("jobs", "resume", j.ID.String()).exits(exitOK)
	w.is(j.ID, jobs.Pending)
}

// Nobody reads the result any more: no crash, and no words about it. A result
// that could not be written for another reason is an error.
func TestStandardOutputIsClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.complete("a.pdf", 3)
	r, out, err := os.Pipe()
	w.ok(err)
	w.ok(r.Close())
	defer out.Close()
	for _, args := range [][]string{{"documents", "export", made.Document.ID.String()}, {"jobs", "list", "--json"}} {
		var errw bytes.Buffer
		code := run(t.Context(), args, []string{"MIVAA_DATA_DIR=" + w.dir}, strings.NewReader(""), out, &errw)
		if code != exitUnread || errw.Len() > 0 {
			t.Errorf("%v: exit %d: %s", args, code, errw.String())
		}
	}
	w.ok(out.Close())
	code := run(t.Context(), []string{"jobs", "list", "--json"}, []string{"MIVAA_DATA_DIR=" + w.dir}, strings.NewReader(""), out, io.Discard)
	if code != exitFailure {
		t.Errorf("exit %d", code)
	}
}

// A handler that was abandoned may come with a pool when the command has ended.
func TestLatePool(t *testing.T) {
	t.Parallel()
	started := make(chan struct{})
	var l latePool
	var late sync.WaitGroup
	var pool *pdf.Pool
	late.Go(func() {
		_, err := l.get(func() (*pdf.Pool, error) {
			close(started)
			var err error
			pool, err = pdf.New(pdf.Config{CacheDir: t.TempDir(), Readers: 1})
			return pool, err
		})
		if !errors.Is(err, jobs.ErrStopping) && err != nil {
			t.Errorf("get: %v", err)
		}
	})
	<-started
	if err := l.close(); err != nil {
		t.Error(err)
	}
	late.Wait()
	if _, err := l.get(nil); !errors.Is(err, jobs.ErrStopping) {
		t.Errorf("after close: %v", err)
	}
	if err := pool.Warm(t.Context()); err != nil { // starts nothing: it is closed
		t.Errorf("the pool was left open: %v", err)
	}
}

// A worker that stops is heard while something long is waited for.
func TestWhileGoing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.submit("a.pdf")
	ctx, stop := context.WithCancel(t.Context())
	worker := &jobs.Worker{Store: w.store, Grace: time.Hour, Handlers: map[string]jobs.Handler{documents.Kind: func(ctx context.Context, a *jobs.Attempt) error {
		stop()
		return whileGoing(ctx, a, func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
	}}}
	j, err := worker.Do(ctx, made.Job.ID)
	if err != nil || j.Status != jobs.Interrupted || j.Cause != jobs.CauseShutdown {
		t.Errorf("%s %s, %v", j.Status, j.Cause, err)
	}
}

// A signal between the commit of a submission and its answer hides no job: the
// command knows what it has, stops in order, and given again it goes on.
func TestInterruptedWhileSubmitting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ref, err := w.blobs.Put(t.Context(), strings.NewReader("%PDF-1.7"), 0)
	w.ok(err)
	x := &extraction{
		console: &console{err: io.Discard}, s: &extractSettings{quiet: true}, log: slog.New(slog.DiscardHandler),
		data: &data{dir: w.dir, jobs: w.store, documents: w.docs, blobs: w.blobs},
	}
	worker := x.worker()
	instance, err := worker.Join(t.Context())
	w.ok(err)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	sub, err := x.submit(ctx, "a.pdf", ref, pdf.PDF, instance)
	w.ok(err)
	if _, err = x.finish(ctx, worker, sub); classify(err).exit != exitInterrupted {
		t.Errorf("finish: %v", err)
	}
	again := &jobs.Worker{Store: w.store, Handlers: map[string]jobs.Handler{documents.Kind: func(context.Context, *jobs.Attempt) error { return nil }}}
	j, err := again.Do(t.Context(), sub.Job.ID)
	if err != nil || j.Status != jobs.Completed || j.Crashes != 0 {
		t.Errorf("given again: %s after %d crashes, %v", j.Status, j.Crashes, err)
	}
}

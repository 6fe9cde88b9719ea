package extract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

func TestExtract(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := e.submit(spec{Pages: 7}, Options{})
	j := e.run()
	d, err := e.docs.Get(t.Context(), s.Document.ID)
	e.ok(err)
	facts, err := FactsOf(d)
	e.ok(err)
	if d.ContentJobID != j.ID || facts.PageCount != 7 || facts.SelectedPages != 7 || facts.Title != "Fake" || facts.Engine.Name != "fake" {
		t.Errorf("document: %+v, facts: %s", d, d.Facts)
	}
	var prof layout.Profile
	e.ok(json.Unmarshal(d.Profile, &prof))
	if prof.Pages != 7 || len(prof.Outline) != 1 || prof.Outline[0] != (layout.Bookmark{Title: "One", Level: 1, Page: 1}) {
		t.Errorf("profile: %+v", prof)
	}
	steps, err := e.jobs.Steps(t.Context(), j.ID, 0, 100)
	e.ok(err)
	if len(steps) != 7 || e.extractor.Stats.StepsRecorded.Load() != 7 || e.extractor.Stats.PagesOK.Load() != 7 || e.extractor.Stats.StepsRedone.Load() != 0 {
		t.Errorf("%d steps, stats %+v", len(steps), e.extractor.Stats)
	}
}

// The outline comes after the pages. A document that is read again keeps the
// one it has until then.
func TestOutlineComesLast(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := e.submit(spec{Pages: 3}, Options{})
	facts := func() Facts {
		d, err := e.docs.Get(t.Context(), s.Document.ID)
		e.ok(err)
		f, err := FactsOf(d)
		e.ok(err)
		return f
	}
	for _, before := range []int{0, 1} {
		e.engine.before = func(context.Context, int) error {
			if f := facts(); f.PageCount != 3 || !f.OutlinePending || len(f.Outline) != before {
				t.Errorf("while it is read: %+v", f)
			}
			return nil
		}
		e.run()
		if f := facts(); f.OutlinePending || len(f.Outline) != 1 {
			t.Errorf("at the end: %+v", f)
		}
		if before == 0 {
			_, err := e.docs.Reprocess(t.Context(), s.Document.ID, documents.Reprocess{})
			e.ok(err)
		}
	}
}

func TestSelectedPages(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := e.submit(spec{Pages: 9}, Options{Pages: "8-, 2-3"})
	j := e.run()
	if want := []int{2, 3, 8, 9}; !slices.Equal(e.engine.read, want) {
		t.Errorf("read %v, want %v", e.engine.read, want)
	}
	got, err := jobs.Get(t.Context(), e.jobs, j.ID)
	e.ok(err)
	if got.StepsTotal != 4 || got.StepsDone != 4 {
		t.Errorf("steps %d of %d", got.StepsDone, got.StepsTotal)
	}
	text, sum := e.read(s.Document.ID, as(Text))
	if sum.Pages != 4 || sum.PageCount != 9 || strings.Count(text, "\f") != 4 || !strings.Contains(text, "on page 8") || strings.Contains(text, "on page 4") {
		t.Errorf("summary %+v", sum)
	}
	text, sum = e.read(s.Document.ID, as(Text), only("3-8"))
	if sum.Pages != 2 || !strings.Contains(text, "on page 3") || !strings.Contains(text, "on page 8") || strings.Contains(text, "on page 9") {
		t.Errorf("pages 3-8: %+v", sum)
	}
}

// TestResumeAnywhere stops and kills the handler at every page, and at the
// outline that comes after them, and compares what comes out with an undisturbed run, byte for byte.
func TestResumeAnywhere(t *testing.T) {
	t.Parallel()
	const pages = 9
	e := newEnv(t)
	whole := e.submit(spec{Pages: pages, Failed: []int{4}}, Options{})
	e.run()
	want := e.everything(whole)

	killed := errors.New("killed")
	for k := range pages + 1 {
		for _, how := range []string{"stop", "kill before the answer", "kill after it"} {
			s := e.submit(spec{Pages: pages, Failed: []int{4}, Salt: fmt.Sprint(how, k)}, Options{})
			e.engine.read = nil
			attempts := 0
			for done := false; !done; attempts++ {
				a := e.attempt()
				first := attempts == 0
				if first {
					e.breakOff(a, k, how, killed)
				}
				err := e.extractor.handle(t.Context(), a)
				a.end(err)
				if done = err == nil; !done && !first {
					t.Fatalf("%s at %d: attempt %d: %v", how, k, attempts, err)
				}
				e.engine.before = nil
			}
			if got := e.everything(s); got != want {
				t.Fatalf("%s at %d: the outcome differs", how, k)
			}
			if attempts != 2 && k > 0 {
				t.Errorf("%s at %d: %d attempts", how, k, attempts)
			}
			if redone := len(e.engine.read) - pages; redone < 0 || redone > windowPages {
				t.Errorf("%s at %d: read %v", how, k, e.engine.read)
			}
		}
	}
	if n := e.extractor.Stats.StepsRecorded.Load(); n < pages {
		t.Errorf("%d steps recorded", n)
	}
}

// breakOff ends the attempt when k pages are read.
func (e *env) breakOff(a *tried, k int, how string, killed error) {
	e.engine.before = func(ctx context.Context, n int) error {
		if n <= k {
			return nil
		}
		if how == "stop" {
			a.stop()
		}
		<-ctx.Done() // a page that takes for ever
		return context.Cause(ctx)
	}
	if how == "stop" {
		return
	}
	seen := 0
	a.before = func(steps []jobs.Step) error {
		if seen += len(steps); seen < k {
			return nil
		}
		if how == "kill after it" {
			if err := e.jobs.Checkpoint(e.Context(), a.job.Fence(), a.total, steps...); err != nil {
				return err
			}
		}
		return killed
	}
	if k == 0 { // no page, no checkpoint: it dies while it waits
		a.stop()
	}
}

// everything is the document in every form, without the ids that differ.
func (e *env) everything(s documents.Submitted) string {
	e.Helper()
	var sb strings.Builder
	for _, f := range Formats() {
		out, sum := e.read(s.Document.ID, as(f))
		if !sum.Complete {
			e.Error("it is not complete")
		}
		if f == Zip {
			out = unzip(e.T, out)
		}
		out = strings.ReplaceAll(out, s.Document.ID.String(), "DOCUMENT")
		out = strings.ReplaceAll(out, sum.JobID.String(), "JOB")
		out = strings.ReplaceAll(out, s.Document.SourceSHA256, "SOURCE")
		sb.WriteString(out)
	}
	d, err := e.docs.Get(e.Context(), s.Document.ID)
	e.ok(err)
	sb.Write(d.Profile)
	return sb.String()
}

// A worker that stops gets its job back at once, however long a page takes, and
// what was ready is recorded.
func TestStopInMidPage(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.submit(spec{Pages: 20}, Options{})
	a := e.attempt()
	var stopped time.Time
	e.engine.before = func(ctx context.Context, n int) error {
		if n < 6 {
			return nil
		}
		stopped = time.Now()
		a.stop()
		<-ctx.Done()
		return context.Cause(ctx)
	}
	err := e.extractor.handle(t.Context(), a)
	if took := time.Since(stopped); took > 300*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	if _, ok := errors.AsType[*jobs.StoppingError](err); !ok {
		t.Errorf("got %v, want what Checkpoint returned", err)
	}
	got, gerr := jobs.Get(t.Context(), e.jobs, a.job.ID)
	e.ok(gerr)
	if got.StepsDone != 5 || got.StepsTotal != 20 {
		t.Errorf("%d steps of %d recorded, want 5 of 20", got.StepsDone, got.StepsTotal)
	}
}

// While it stops, nothing new is begun: neither hashing a source nor opening it.
func TestStopBeforeItBegins(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.submit(spec{Pages: 3}, Options{})
	a := e.attempt()
	a.stop()
	if err := e.extractor.handle(t.Context(), a); !errors.Is(err, jobs.ErrStopping) {
		t.Errorf("got %v", err)
	}
}

func TestLeaseLost(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{jobs.ErrLeaseLost, jobs.ErrCancelled} {
		e := newEnv(t)
		s := e.submit(spec{Pages: 5}, Options{})
		a := e.attempt()
		a.before = func([]jobs.Step) error { return cause }
		if err := e.extractor.handle(t.Context(), a); !errors.Is(err, cause) {
			t.Errorf("got %v, want %v", err, cause)
		}
		d, err := e.docs.Get(t.Context(), s.Document.ID)
		e.ok(err)
		if !d.ContentJobID.IsZero() {
			t.Error("a lost attempt has published")
		}
	}
}

// What is read and not recorded is bounded, however slow recording is.
func TestWindow(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.submit(spec{Pages: 100}, Options{})
	a := e.attempt()
	most := 0
	a.before = func(steps []jobs.Step) error {
		e.engine.mu.Lock()
		defer e.engine.mu.Unlock()
		most = max(most, len(e.engine.read)-a.done)
		return nil
	}
	e.ok(e.extractor.handle(t.Context(), a))
	if most > windowPages+1 { // one is in the hands of the goroutine that waits for room
		t.Errorf("%d pages were read and not recorded, want at most %d", most, windowPages)
	}
}

// TestErrors: what fails a job at once, and what is tried again.
func TestErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		spec  spec
		opt   Options
		code  string
		tries int
	}{
		{"not a PDF", spec{Open: pdf.CodeNotAPDF}, Options{}, "not_a_pdf", 1},
		{"encrypted", spec{Open: pdf.CodePasswordRequired}, Options{}, "password_required", 1},
		{"wrong password", spec{Open: pdf.CodePasswordWrong}, Options{}, "password_wrong", 1},
		{"damaged", spec{Open: pdf.CodeDamaged}, Options{}, "damaged", 1},
		{"too large", spec{Open: pdf.CodeTooLarge}, Options{}, "too_large", 1},
		{"too many pages", spec{Open: pdf.CodeTooManyPages}, Options{}, "too_many_pages", 1},
		{"opening takes too long", spec{Open: pdf.CodePageTimeout}, Options{}, "page_timeout", 1},
		{"opening swells", spec{Open: pdf.CodeOutOfMemory}, Options{}, "out_of_memory", 1},
		{"opening crashes", spec{Open: pdf.CodeReaderCrashed}, Options{}, "reader_crashed", 1},
		{"outline crashes", spec{Pages: 3, Outline: pdf.CodeReaderCrashed}, Options{}, "reader_crashed", 1},
		{"engine at fault", spec{Open: pdf.CodeInternal}, Options{}, "internal", 2},
		{"source unreadable", spec{Open: "plain"}, Options{}, "internal", 2},
		{"given up", spec{Pages: 20, Failed: []int{3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, GivenUp: 12}, Options{}, "reader_crashed", 1},
		{"every page failed", spec{Pages: 2, Failed: []int{1, 2}}, Options{}, "page_timeout", 1},
		{"no such page", spec{Pages: 3}, Options{Pages: "7-9"}, "no_such_page", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			s := e.submit(tt.spec, tt.opt)
			j := e.work(s.Job.ID)
			if j.Status != jobs.Failed || j.ErrorCode != tt.code || e.engine.opened != tt.tries {
				t.Errorf("%s %s (%s) after %d tries, want failed %s after %d", j.Status, j.ErrorCode, j.Error, e.engine.opened, tt.code, tt.tries)
			}
			// What was read stays readable.
			if want := max(tt.spec.GivenUp, len(tt.spec.Failed)); want > 0 {
				_, sum := e.read(s.Document.ID, as(Text))
				if sum.Pages != want || sum.Complete || !sum.Partial || len(sum.Failed) != len(tt.spec.Failed) {
					t.Errorf("summary %+v", sum)
				}
			}
		})
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	file := func(e *env, d documents.Document) string {
		return filepath.Join(e.blobs.Path(), d.SourceSHA256[:2], d.SourceSHA256[2:])
	}
	tests := []struct {
		name   string
		damage func(e *env, d documents.Document) error
		code   string
	}{
		{"missing", func(e *env, d documents.Document) error { return os.Remove(file(e, d)) }, blob.CodeMissing},
		{"changed", func(e *env, d documents.Document) error { return os.WriteFile(file(e, d), []byte("{}"), 0o600) }, blob.CodeChanged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			s := e.submit(spec{Pages: 2}, Options{})
			e.ok(tt.damage(e, s.Document))
			if j := e.work(s.Job.ID); j.Status != jobs.Failed || j.ErrorCode != tt.code || e.engine.opened != 0 {
				t.Errorf("%s %s: %s", j.Status, j.ErrorCode, j.Error)
			}
		})
	}
}

func TestJobWithoutDocument(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	inserted, err := e.jobs.Insert(t.Context(), jobs.NewJob{Kind: Kind, Filename: "by hand"})
	e.ok(err)
	if j := e.work(inserted[0].ID); j.Status != jobs.Failed || j.ErrorCode != blob.CodeMissing {
		t.Errorf("%s %s", j.Status, j.ErrorCode)
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	ref, err := e.blobs.Put(t.Context(), strings.NewReader(`{"pages":1}`), 0)
	e.ok(err)
	s, err := e.docs.Submit(t.Context(), documents.Submission{Source: ref, Password: "secret"})
	e.ok(err)
	e.work(s.Job.ID)
	if !slices.Equal(e.engine.passwords, []string{"secret"}) {
		t.Errorf("opened with %q", e.engine.passwords)
	}
}

// A job that published and died before it was completed does not read again.
func TestPublishedAndKilled(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := e.submit(spec{Pages: 4}, Options{})
	a := e.attempt()
	e.ok(e.extractor.handle(t.Context(), a))
	a.end(errors.New("killed"))
	opened := e.engine.opened
	e.run()
	if e.engine.opened != opened {
		t.Error("the document was opened again")
	}
	if _, sum := e.read(s.Document.ID); !sum.Complete || sum.Pages != 4 {
		t.Errorf("summary %+v", sum)
	}
}

// The pages of a job that was replaced are gone: resuming it must not publish
// nothing.
func TestResumeOfReplaced(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := e.submit(spec{Pages: 4}, Options{})
	a := e.attempt()
	e.ok(e.extractor.handle(t.Context(), a))
	a.end(errors.New("killed"))
	next, err := e.docs.Reprocess(t.Context(), s.Document.ID, documents.Reprocess{})
	e.ok(err)
	if j := e.run(); j.ID != next.Job.ID {
		t.Fatalf("ran %v", j.ID)
	}
	_, err = e.jobs.Move(t.Context(), a.job.ID, jobs.Resume, "test")
	e.ok(err)
	if j := e.work(a.job.ID); j.Status != jobs.Failed || !strings.Contains(j.Error, "restart") {
		t.Errorf("%s: %s", j.Status, j.Error)
	}
	if _, sum := e.read(s.Document.ID); sum.JobID != next.Job.ID || !sum.Complete {
		t.Errorf("summary %+v", sum)
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// world is a data dir, and the stores through which a test fills it, as a
// service would that stands beside the commands.
type world struct {
	testing.TB
	dir      string
	store    *sqlite.Store
	docs     documents.Store
	blobs    *blob.Folder
	instance string
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{TB: tb, dir: filepath.Join(tb.TempDir(), "data")}
	w.open()
	return w
}

func (w *world) open() {
	w.Helper()
	var err error
	w.store, err = sqlite.Open(w.Context(), sqlite.Config{Path: filepath.Join(w.dir, "mivaa.db")})
	w.ok(err)
	w.Cleanup(func() { w.ok(w.store.Close()) })
	w.docs, err = documents.NewSQLite(w.Context(), w.store)
	w.ok(err)
	w.blobs, err = blob.OpenFolder(w.Context(), filepath.Join(w.dir, "blobs"))
	w.ok(err)
	w.Cleanup(func() { w.ok(w.blobs.Close()) })
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// answer is what a command answered.
type answer struct {
	testing.TB
	code     int
	out, err string
}

// run runs a command on the data dir, away from any terminal.
func (w *world) run(args ...string) answer {
	w.Helper()
	return w.runIn(w.Context(), nil, args...)
}

func (w *world) runIn(ctx context.Context, env []string, args ...string) answer {
	w.Helper()
	var out, errw bytes.Buffer
	code := run(ctx, args, append([]string{"MIVAA_DATA_DIR=" + w.dir, "USER=tester"}, env...), strings.NewReader(""), &out, &errw)
	return answer{w.TB, code, out.String(), errw.String()}
}

// exits checks the exit code.
func (a answer) exits(code int) answer {
	a.Helper()
	if a.code != code {
		a.Fatalf("exit code %d, want %d\nstdout: %s\nstderr: %s", a.code, code, a.out, a.err)
	}
	return a
}

// says checks that the words stand on standard output, in this order.
func (a answer) says(words ...string) answer {
	a.Helper()
	a.inOrder("stdout", a.out, words)
	return a
}

// warns is says for standard error.
func (a answer) warns(words ...string) answer {
	a.Helper()
	a.inOrder("stderr", a.err, words)
	return a
}

func (a answer) inOrder(where, text string, words []string) {
	a.Helper()
	rest := text
	for _, word := range words {
		i := strings.Index(rest, word)
		if i < 0 {
			a.Fatalf("%s does not say %q (in this order):\n%s", where, word, text)
		}
		rest = rest[i+len(word):]
	}
}

// silent checks that nothing but the result was written.
func (a answer) silent() answer {
	a.Helper()
	if a.err != "" {
		a.Fatalf("stderr: %s", a.err)
	}
	return a
}

// lines decodes one object a line.
func lines[T any](a answer) []T {
	a.Helper()
	var all []T
	for line := range strings.Lines(a.out) {
		var v T
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			a.Fatalf("decode %q: %v", line, err)
		}
		all = append(all, v)
	}
	return all
}

// object decodes the one object there must be.
func object[T any](a answer) T {
	a.Helper()
	all := lines[T](a)
	if len(all) != 1 {
		a.Fatalf("%d objects, want 1: %s", len(all), a.out)
	}
	return all[0]
}

// problem decodes the error of --json.
func (a answer) problem() (code, message, hint string) {
	a.Helper()
	var body struct {
		Error struct{ Code, Message, Hint string }
	}
	if err := json.Unmarshal([]byte(a.err), &body); err != nil {
		a.Fatalf("stderr is no object: %s", a.err)
	}
	return body.Error.Code, body.Error.Message, body.Error.Hint
}

// keys returns the keys of an object, in its order.
func keys(tb testing.TB, text string) []string {
	tb.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	if _, err := d.Token(); err != nil {
		tb.Fatalf("%q: %v", text, err)
	}
	var all []string
	for d.More() {
		key, err := d.Token()
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, key.(string))
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			tb.Fatal(err)
		}
	}
	return all
}

// golden compares a text with testdata/name, or writes it there.
func golden(tb testing.TB, name, got string) {
	tb.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			tb.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		tb.Fatalf("read golden file (make it with -update): %v", err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		tb.Errorf("%s (-want +got; -update rewrites it):\n%s", name, d)
	}
}

// submit stores a source and makes a document and its job.
func (w *world) submit(name string, change ...func(*documents.Submission)) documents.Submitted {
	w.Helper()
	ref, err := w.blobs.Put(w.Context(), strings.NewReader("%PDF-1.7\n% "+name+jobs.NewID().String()), 0)
	w.ok(err)
	sub := documents.Submission{Source: ref, Filename: name}
	for _, c := range change {
		c(&sub)
	}
	made, err := w.docs.Submit(w.Context(), sub)
	w.ok(err)
	return made
}

// join makes an instance that claims jobs.
func (w *world) join() string {
	w.Helper()
	if w.instance == "" {
		w.instance = jobs.NewID().String()
		left, err := w.store.Join(w.Context(), jobs.Instance{ID: w.instance, Host: "test", PID: 1, Lease: time.Hour})
		w.ok(err)
		w.Cleanup(func() { w.ok(left.Close()) })
	}
	return w.instance
}

func (w *world) claim(id jobs.ID) jobs.Job {
	w.Helper()
	c, err := w.store.Claim(w.Context(), jobs.ClaimParams{
		Instance: w.join(), Kinds: []string{documents.Kind}, Only: []jobs.ID{id}, Limit: 1, Suspects: 1,
	})
	w.ok(err)
	if len(c.Jobs) != 1 {
		w.Fatalf("job %s was not claimed", id)
	}
	return c.Jobs[0]
}

// record records pages as the handler would; those in failed as failed.
func (w *world) record(j jobs.Job, total, from, to int, failed ...int) {
	w.Helper()
	if from == 1 {
		facts, err := json.Marshal(extract.Facts{Info: pdf.Info{PageCount: total, Title: "A title", Version: "1.7"}, SelectedPages: total})
		w.ok(err)
		w.ok(w.docs.SetFacts(w.Context(), j.Fence(), facts))
	}
	for n := from; n <= to; n++ {
		text := fmt.Sprintf("This is page %d.", n)
		p := layout.Page{
			Version: layout.Version, Number: n, Width: 595, Height: 842, Status: layout.StatusOK, Text: text + "\n",
			Fonts:  []layout.Font{{Name: "Test"}},
			Lines:  []layout.Line{{End: len(text), Base: 100, Runs: []layout.Run{{End: len(text), Size: 11}}}},
			Blocks: []layout.Block{{Kind: layout.BlockParagraph, Size: 11}},
		}
		if slices.Contains(failed, n) {
			p = layout.Failed(n, "page_timeout", "The page took too long.")
		}
		w.ok(w.store.Checkpoint(w.Context(), j.Fence(), total, jobs.Step{Seq: n, Data: p.Encode()}))
	}
}

func (w *world) finish(j jobs.Job, o jobs.Outcome) {
	w.Helper()
	o.Fence = j.Fence()
	lost, err := w.store.Finish(w.Context(), o)
	w.ok(err)
	if len(lost) > 0 {
		w.Fatalf("job %s was lost", j.ID)
	}
}

// complete reads a document whole.
func (w *world) complete(name string, pages int, failed ...int) documents.Submitted {
	w.Helper()
	made := w.submit(name)
	j := w.claim(made.Job.ID)
	w.record(j, pages, 1, pages, failed...)
	w.ok(w.docs.Publish(w.Context(), j.Fence(), json.RawMessage(`{"v":1,"pages":1,"body_size":11}`)))
	w.finish(j, jobs.Outcome{Status: jobs.Completed})
	return made
}

// in brings a new job, with 3 of 10 pages where it has begun, into a status.
func (w *world) in(status jobs.Status, change ...func(*documents.Submission)) jobs.Job {
	w.Helper()
	name := string(status) + ".pdf"
	if status == jobs.Completed {
		return w.job(w.complete(name, 10).Job.ID)
	}
	made := w.submit(name, change...)
	if status == jobs.Pending {
		return made.Job
	}
	j := w.claim(made.Job.ID)
	w.record(j, 10, 1, 3)
	switch status {
	case jobs.Failed:
		w.finish(j, jobs.Outcome{Status: jobs.Failed, Error: "the file ends in the middle of an object", Code: "damaged"})
	case jobs.Interrupted:
		w.finish(j, jobs.Outcome{Status: jobs.Interrupted, Cause: jobs.CauseShutdown, Error: jobs.CauseShutdown.Reason()})
	case jobs.Pending, jobs.Processing, jobs.Completed:
	}
	return w.job(j.ID)
}

func (w *world) cancelled() jobs.Job {
	w.Helper()
	j, err := w.store.Move(w.Context(), w.in(jobs.Interrupted).ID, jobs.Cancel, "tester")
	w.ok(err)
	return j
}

func (w *world) job(id jobs.ID) jobs.Job {
	w.Helper()
	j, err := jobs.Get(w.Context(), w.store, id)
	w.ok(err)
	return j
}

// is checks a job's status.
func (w *world) is(id jobs.ID, want jobs.Status) {
	w.Helper()
	if got := w.job(id).Status; got != want {
		w.Errorf("the job is %s, want %s", got, want)
	}
}

// eventually waits until a condition holds.
func eventually(tb testing.TB, what string, cond func() bool) {
	tb.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			tb.Fatalf("never came true: %s", what)
		}
	}
}

// pipe is a writer that can be read while it is written.
type pipe struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (p *pipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.Write(b)
}

func (p *pipe) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.String()
}

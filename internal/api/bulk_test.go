package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

const bulkPath = "/api/rag/jobs/bulk"

func (e *env) bulk(body string) answer {
	e.Helper()
	return e.send(http.MethodPost, bulkPath, strings.NewReader(body), "Content-Type", "application/json")
}

// inEach brings n jobs into each status.
func (e *env) inEach(n int) map[jobs.Status][]jobs.Job {
	e.Helper()
	made := map[jobs.Status][]jobs.Job{}
	for _, s := range jobs.Statuses() {
		for range n {
			made[s] = append(made[s], e.in(s))
		}
	}
	return made
}

// TestBulkMovesWhatIsLegal: each move takes the jobs it is legal for, and no
// other.
func TestBulkMovesWhatIsLegal(t *testing.T) {
	t.Parallel()
	for _, word := range moveWords() {
		e := newEnv(t)
		made := e.inEach(2)
		want := 0
		for s := range made {
			if _, legal := moveOf(word).Target(s); legal {
				want += 2
			}
		}
		body := fmt.Sprintf(`{"move":%q,"filter":{},"dry_run":true}`, word)
		if d := read[BulkDone](e, e.bulk(body), http.StatusOK); d.Matched != want || d.Moved != 0 || d.NextCursor != nil {
			t.Errorf("%s, dry: %+v, want %d", word, d, want)
		}
		for s, list := range made {
			if got := e.job(list[0].ID).Status; got != s {
				t.Errorf("a dry %s made a job %s that was %s", word, got, s)
			}
		}
		d := read[BulkDone](e, e.bulk(fmt.Sprintf(`{"move":%q,"filter":{}}`, word)), http.StatusOK)
		if d.Matched != want || d.Moved != want || d.Refused != 0 || d.NextCursor != nil {
			t.Errorf("%s: %+v, want %d", word, d, want)
		}
		for s, list := range made {
			target, legal := moveOf(word).Target(s)
			if !legal {
				target = s
			}
			for _, j := range list {
				if got := e.job(j.ID); got.Status != target {
					t.Errorf("%s of %s made it %s", word, s, got.Status)
				}
			}
		}
	}
}

func TestBulkRespectsItsFilter(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	made := e.inEach(3)
	id := made[jobs.Failed][1].ID
	d := read[BulkDone](e, e.bulk(fmt.Sprintf(`{"move":"retry","filter":{"q":%q}}`, id)), http.StatusOK)
	if d.Matched != 1 || d.Moved != 1 {
		t.Errorf("by id: %+v", d)
	}
	d = read[BulkDone](e, e.bulk(`{"move":"resume","filter":{"status":"interrupted","cause":"shutdown"}}`), http.StatusOK)
	if d.Matched != 3 || d.Moved != 3 {
		t.Errorf("by cause: %+v", d)
	}
	if got := e.job(made[jobs.Failed][0].ID).Status; got != jobs.Failed {
		t.Errorf("a job that the filter leaves out is %s", got)
	}
	for body, where := range map[string]string{
		`{"move":"resume"}`:                                    "filter",
		`{"move":"resume","filter":{"staus":"failed"}}`:        "staus",
		`{"move":"resume","filter":{},"dryrun":true}`:          "dryrun",
		`{"move":"explode","filter":{}}`:                       "move",
		`{"move":"resume","filter":{"status":"completed"}}`:    "body.filter.status",
		`{"move":"resume","filter":{"status":"done"}}`:         "body.filter.status",
		`{"move":"resume","filter":{"cause":"weather"}}`:       "body.filter.cause",
		`{"move":"resume","filter":{},"cursor":"abc"}`:         "body.cursor",
		`{"move":"resume","filter":{"document_id":"nothing"}}`: "body.filter.document_id",
	} {
		if p := e.problem(e.bulk(body), http.StatusBadRequest, codeInvalid); !strings.Contains(p.Detail+p.Errors[0].Location, where) {
			t.Errorf("%s: %+v", body, p)
		}
	}
}

// TestBulkLeavesTheCancelledAlone: they are what a cancel would make of them.
func TestBulkLeavesTheCancelledAlone(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.post(moveURL(e.insert("cancelled.pdf").ID, wordCancel))
	e.in(jobs.Interrupted)
	if d := read[BulkDone](e, e.bulk(`{"move":"cancel","filter":{}}`), http.StatusOK); d.Matched != 1 || d.Moved != 1 {
		t.Errorf("cancel: %+v", d)
	}
	if d := read[BulkDone](e, e.bulk(`{"move":"cancel","filter":{}}`), http.StatusOK); d.Matched != 0 || d.Moved != 0 {
		t.Errorf("cancel again: %+v", d)
	}
}

// TestBulkInSlices goes through more than a slice holds, while jobs are moved
// under it.
func TestBulkInSlices(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	const n = mostBulk + 2*bulkPage + 7
	fresh := make([]jobs.NewJob, n)
	for i := range fresh {
		fresh[i] = jobs.NewJob{Kind: "extract", Filename: fmt.Sprintf("%d.pdf", i)}
	}
	_, err := e.store.Insert(t.Context(), fresh...)
	e.ok(err)
	first := read[BulkDone](e, e.bulk(`{"move":"cancel","filter":{"status":"pending"}}`), http.StatusOK)
	if first.Matched != n || first.Moved > mostBulk || first.Moved == 0 || first.NextCursor == nil {
		t.Fatalf("the first slice: %+v", first)
	}
	moved, cursor := first.Moved, first.NextCursor
	for slices := 0; cursor != nil; slices++ {
		if slices > n {
			t.Fatal("it never ends")
		}
		d := read[BulkDone](e, e.bulk(fmt.Sprintf(`{"move":"cancel","filter":{"status":"pending"},"cursor":%q}`, *cursor)), http.StatusOK)
		if d.Matched != 0 {
			t.Errorf("a later slice counts: %+v", d)
		}
		moved, cursor = moved+d.Moved, d.NextCursor
	}
	if moved != n {
		t.Errorf("moved %d of %d", moved, n)
	}
	// A cursor belongs to its move.
	e.problem(e.bulk(fmt.Sprintf(`{"move":"resume","filter":{},"cursor":%q}`, *first.NextCursor)), http.StatusBadRequest, codeInvalid)
}

// hasty is a store in which a job is moved by somebody else just before.
type hasty struct {
	Store
	steal jobs.ID
}

func (h *hasty) Move(ctx context.Context, id jobs.ID, m jobs.Move, by string) (jobs.Job, error) {
	if id == h.steal {
		if _, err := h.Store.Move(ctx, id, jobs.Resume, "somebody else"); err != nil {
			return jobs.Job{}, err
		}
	}
	return h.Store.Move(ctx, id, m, by)
}

func TestBulkCountsTheRefused(t *testing.T) {
	t.Parallel()
	store := &hasty{}
	e := newEnv(t, func(c *Config) { store.Store, c.Jobs = c.Jobs, store })
	made := e.inEach(2)
	store.steal = made[jobs.Failed][0].ID
	if d := read[BulkDone](e, e.bulk(`{"move":"retry","filter":{"status":"failed"}}`), http.StatusOK); d.Matched != 2 || d.Moved != 1 || d.Refused != 1 {
		t.Errorf("refused: %+v", d)
	}
	events, err := e.store.Events(t.Context(), made[jobs.Failed][1].ID, 0, 100)
	e.ok(err)
	if last := events[len(events)-1]; last.Detail != "api" {
		t.Errorf("the history says it was %q", last.Detail)
	}
	var keys map[string]any
	e.ok(json.Unmarshal([]byte(e.bulk(`{"move":"retry","filter":{}}`).body), &keys))
	for _, k := range []string{"matched", "moved", "refused", "next_cursor"} {
		if _, ok := keys[k]; !ok {
			t.Errorf("the answer has no %s", k)
		}
	}
}

package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

// TestMoves tries every move in every status, and goes by the table of moves.
func TestMoves(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, status := range jobs.Statuses() {
		for _, word := range moveWords() {
			j := e.in(status)
			a := e.post(moveURL(j.ID, word))
			target, legal := moveOf(word).Target(status)
			if !legal {
				p := e.problem(a, http.StatusConflict, codeMoveNotAllowed)
				var want []string
				for _, m := range jobs.Allowed(status) {
					want = append(want, string(m))
				}
				if p.CurrentStatus != string(status) || !slices.Equal(p.Allowed, want) {
					t.Errorf("%s of %s: %+v, want %q", word, status, p, want)
				}
				if !strings.Contains(a.body, `"allowed":[`) {
					t.Errorf("%s of %s: allowed is no list: %s", word, status, a.body)
				}
				if e.job(j.ID).Status != status {
					t.Errorf("%s of %s changed it", word, status)
				}
				continue
			}
			m := read[Moved](e, a, http.StatusOK)
			if !m.Success || m.JobID != j.ID.String() || m.Status != string(target) || m.Message == "" || m.StatusURL != jobURL(j.ID) {
				t.Errorf("%s of %s: %+v", word, status, m)
			}
			if e.job(j.ID).Status != target {
				t.Errorf("%s of %s made it %s", word, status, e.job(j.ID).Status)
			}
		}
	}
}

func TestMovesKeepPages(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	up := e.upload("kept")
	id := mustID(e, *up.JobID)
	e.process(id, 5, 3)
	c := read[Moved](e, e.post(moveURL(id, wordCancel)), http.StatusOK)
	if c.Status != "interrupted" || c.Links["resume"] == "" {
		t.Errorf("cancelled: %+v", c)
	}
	if again := read[Moved](e, e.post(moveURL(id, wordCancel)), http.StatusOK); again.Status != "interrupted" {
		t.Errorf("cancelled again: %+v", again)
	}
	if j := e.job(id); j.Cause != jobs.CauseCancelled || j.Error != jobs.CauseCancelled.Reason() {
		t.Errorf("job is %+v", j)
	}
	if r := read[Moved](e, e.post(moveURL(id, wordRetry)), http.StatusOK); r.NextStep != 4 || !strings.Contains(r.Message, "page 4") {
		t.Errorf("retried: %+v", r)
	}
	if r := read[Moved](e, e.post(moveURL(id, wordRestart)), http.StatusOK); r.NextStep != 1 {
		t.Errorf("restarted: %+v", r)
	}
	events, err := e.store.Events(t.Context(), id, 0, 100)
	e.ok(err)
	if last := events[len(events)-1]; last.Event != jobs.EventRestarted || !strings.Contains(last.Detail, "api") {
		t.Errorf("the history ends with %+v", last)
	}
}

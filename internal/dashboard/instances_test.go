package dashboard

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/jobs"
)

func TestInstances(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.contains(e.page("/instances"), "No instance runs jobs", "0 instances alive", "Answer of the store")

	e.in(jobs.Processing)
	page := e.page("/instances")
	e.contains(page, "1 instance alive", "testhost", "pid 1", "1 of 2 slots in use", "processing.pdf", `data-progress="`, "Live", `action="/instances/pause"`)
}

// A pause says why and since when; its end is a button. Both work by plain forms.
func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.in(jobs.Processing)
	if a := e.form("/instances/pause", "reason", "release <b>7</b>"); a.StatusCode != http.StatusSeeOther || a.location() != "/instances" {
		t.Fatalf("pause: %d %s", a.StatusCode, a.body)
	}
	e.contains(e.page("/instances"), "Paused for a deploy", "release &lt;b&gt;7&lt;/b&gt;", "1 job still runs", "Take jobs again")
	states, err := e.store.Instances(t.Context(), 1)
	e.ok(err)
	if states[0].DrainingReason != "release <b>7</b>" {
		t.Errorf("reason: %q", states[0].DrainingReason)
	}
	if a := e.form("/instances/resume"); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("resume: %d %s", a.StatusCode, a.body)
	}
	if page := e.page("/instances"); strings.Contains(page, "Paused") {
		t.Error("still paused")
	}
	if a := e.form("/instances/pause", "reason", strings.Repeat("x", mostReason+1)); a.StatusCode != http.StatusBadRequest {
		t.Errorf("long reason: %d", a.StatusCode)
	}
	// A page of another site cannot do it.
	a := e.send(http.MethodPost, "/instances/pause", nil, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
	if a.StatusCode != http.StatusForbidden {
		t.Errorf("cross-site: %d", a.StatusCode)
	}
}

func TestInstancesOfADeadStore(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.join()
	e.ok(e.store.Close())
	a := e.get("/instances")
	if a.StatusCode != http.StatusServiceUnavailable || strings.Contains(a.body, "alive") {
		t.Errorf("%d\n%s", a.StatusCode, a.body)
	}
}

func TestSortIn(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 10, 21, 12, 0, 0, 0, time.UTC)
	s := &site{now: func() time.Time { return now }}
	var d instances
	running := make([]jobs.ID, inHandShown+5)
	for i := range running {
		running[i] = jobs.NewID()
	}
	for _, in := range []jobs.InstanceState{
		{ID: "a", State: jobs.InstanceLive, LeaseUntil: now.Add(time.Second), Slots: 30, Running: running},
		{ID: "b", State: jobs.InstanceStopping, LeaseUntil: now.Add(-time.Second), DrainingSince: now.Add(-time.Minute), DrainingReason: "deploy"},
		{ID: "c", State: jobs.InstanceDead, SeenAt: now.Add(-time.Hour)},
		{ID: "d", State: jobs.InstanceStopped, SeenAt: now.Add(-25 * time.Hour)},
	} {
		s.sortIn(&d, in, map[jobs.ID]jobs.Job{running[0]: {Filename: "one.pdf", Progress: 7}})
	}
	if len(d.Alive) != 2 || len(d.Gone) != 1 || d.Slots != 30 || d.InHand != len(running) {
		t.Errorf("%d alive, %d gone, %d slots, %d in hand", len(d.Alive), len(d.Gone), d.Slots, d.InHand)
	}
	if a := d.Alive[0]; a.Late || a.More != 5 || a.Jobs[0].Filename != "one.pdf" || a.Jobs[1].Filename != running[1].String() || a.State.Word != "Live" {
		t.Errorf("%+v", a)
	}
	if b := d.Alive[1]; !b.Late || b.State.Word != "Stopping" {
		t.Errorf("%+v", b)
	}
	if c := d.Gone[0]; c.State.Word != "Dead" || !strings.Contains(c.Ended, "took over") {
		t.Errorf("%+v", c)
	}
	if got := drainOf(d.Alive); !got.Draining || !got.Some || got.Reason != "deploy" || got.Active != 0 {
		t.Errorf("drain: %+v", got)
	}
}

func TestComponents(t *testing.T) {
	t.Parallel()
	got := components(api.Health{Components: map[string]api.Component{
		"store": {Status: "healthy"}, "disk": {Status: "unhealthy", Detail: "The disk is almost full."},
	}})
	if len(got) != 2 || got[0].Good || got[0].Text != "The disk is almost full." || !got[1].Good || got[1].Text != "works" {
		t.Errorf("%+v", got)
	}
}

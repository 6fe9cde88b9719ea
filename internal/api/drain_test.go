package api

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

const (
	pausePath  = "/api/admin/pause-for-deploy"
	resumePath = "/api/admin/resume-from-deploy"
	statusPath = "/api/admin/drain-status"
)

func TestDrain(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	// Nobody runs jobs: a restart loses nothing.
	if d := read[Drain](e, e.get(statusPath), http.StatusOK); !d.Ready || d.DrainState.Draining || len(d.Instances) > 0 || d.DrainState.Since != nil {
		t.Errorf("with no instance: %+v", d)
	}
	running := e.in(jobs.Processing)
	if d := read[Drain](e, e.get(statusPath), http.StatusOK); d.Ready || d.ActiveJobs != 1 || len(d.Instances) != 1 || d.DrainState.Draining {
		t.Errorf("before the pause: %+v", d)
	}
	d := read[Drain](e, e.post(pausePath+"?reason=release"), http.StatusOK)
	if d.Ready || !d.DrainState.Draining || *d.DrainState.Reason != "release" || d.DrainState.Since == nil || d.ActiveJobs != 1 {
		t.Errorf("paused while a job runs: %+v", d)
	}
	if in := d.Instances[0]; len(in.Running) != 1 || in.Running[0] != running.ID.String() || in.DrainingSince == nil {
		t.Errorf("instance is %+v", in)
	}
	// What runs goes on; what is uploaded waits.
	waiting := e.upload("meanwhile")
	c, err := e.store.Claim(t.Context(), jobs.ClaimParams{Instance: e.join(), Kinds: []string{"extract"}, Limit: 1})
	e.ok(err)
	if len(c.Jobs) > 0 || !c.Draining {
		t.Errorf("a draining instance claimed %+v", c)
	}
	// The wait ends when the job does.
	paused := e.async(func() answer { return e.post(pausePath + "?max_wait_seconds=30") })
	e.finish(running, jobs.Outcome{Status: jobs.Completed})
	began := time.Now()
	if d := read[Drain](e, <-paused, http.StatusOK); !d.Ready || d.ActiveJobs != 0 || *d.DrainState.Reason != defaultReason {
		t.Errorf("after the wait: %+v", d)
	}
	if time.Since(began) > 10*time.Second {
		t.Error("it waited although it was ready")
	}
	if d := read[Drain](e, e.post(resumePath), http.StatusOK); d.DrainState.Draining || d.Ready {
		t.Errorf("after the pause: %+v", d)
	}
	e.claim(mustID(e, *waiting.JobID))
	for _, bad := range []string{"?max_wait_seconds=-1", "?max_wait_seconds=3601", "?max_wait_seconds=soon"} {
		e.problem(e.post(pausePath+bad), http.StatusBadRequest, codeInvalid)
	}
}

// TestPauseOutlivesItsWait: neither the end of the wait nor that of the client
// lets anybody claim again.
func TestPauseOutlivesItsWait(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.in(jobs.Processing)
	if d := read[Drain](e, e.post(pausePath+"?max_wait_seconds=1"), http.StatusOK); d.Ready || !d.DrainState.Draining {
		t.Errorf("after the wait: %+v", d)
	}
	if d := read[Drain](e, e.get(statusPath), http.StatusOK); d.Ready || !d.DrainState.Draining {
		t.Errorf("later: %+v", d)
	}
	waiting := e.async(func() answer { return e.post(pausePath + "?max_wait_seconds=3600") })
	e.api.Stop()
	if d := read[Drain](e, <-waiting, http.StatusOK); d.Ready || !d.DrainState.Draining {
		t.Errorf("when the service stops: %+v", d)
	}
}

// unlisted is a store that cannot say who is alive.
type unlisted struct{ Store }

func (unlisted) Instances(context.Context, int) ([]jobs.InstanceState, error) {
	return nil, jobs.ErrUnavailable
}

// TestDeadStoreIsNeverReady.
func TestDeadStoreIsNeverReady(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *Config) { c.Jobs = unlisted{c.Jobs} })
	other := newEnv(t, func(c *Config) { c.Jobs = &broken{Store: c.Jobs, err: jobs.ErrUnavailable} })
	for _, e := range []*env{e, other} {
		e.problem(e.get(statusPath), http.StatusServiceUnavailable, codeUnavailable)
		e.problem(e.post(pausePath+"?max_wait_seconds=30"), http.StatusServiceUnavailable, codeUnavailable)
		e.problem(e.post(resumePath), http.StatusServiceUnavailable, codeUnavailable)
	}
	e.problem(e.get("/api/rag/admin/instances"), http.StatusServiceUnavailable, codeUnavailable)
}

func TestReady(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	job := []jobs.ID{jobs.NewID()}
	live := func(since time.Time, running ...jobs.ID) jobs.InstanceState {
		return jobs.InstanceState{State: jobs.InstanceLive, DrainingSince: since, Running: running}
	}
	stopping := jobs.InstanceState{State: jobs.InstanceStopping, Running: job}
	dead := jobs.InstanceState{State: jobs.InstanceDead, DrainingSince: at, Running: job}
	for name, c := range map[string]struct {
		instances  []jobs.InstanceState
		processing int
		ready      bool
	}{
		"nobody":                          {nil, 0, true},
		"nobody, but a job is processing": {nil, 1, false},
		"one claims":                      {[]jobs.InstanceState{live(time.Time{})}, 0, false},
		"one drains":                      {[]jobs.InstanceState{live(at)}, 0, true},
		"one drains and has a job":        {[]jobs.InstanceState{live(at, job...)}, 1, false},
		"the old drains, the new works":   {[]jobs.InstanceState{live(at), live(time.Time{}, job...)}, 1, true},
		"one of two has a job":            {[]jobs.InstanceState{live(at), live(at, job...)}, 1, false},
		"one stops and has a job":         {[]jobs.InstanceState{stopping}, 1, false},
		"the dead do not count":           {[]jobs.InstanceState{dead, live(at)}, 0, true},
	} {
		if got := drainOf(c.instances, c.processing); got.Ready != c.ready || got.ActiveJobs != c.processing {
			t.Errorf("%s: %+v", name, got)
		}
	}
	first := drainOf([]jobs.InstanceState{live(at.Add(time.Hour)), live(at), live(at.Add(time.Minute))}, 0)
	if !first.DrainState.Since.Equal(at) {
		t.Errorf("since %v", first.DrainState.Since)
	}
}

func TestInstances(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	if a := e.get("/api/rag/admin/instances"); a.body != `{"instances":[],"count":0}`+"\n" {
		t.Errorf("nobody: %s", a.body)
	}
	running := e.in(jobs.Processing)
	l := read[InstanceList](e, e.get("/api/rag/admin/instances"), http.StatusOK)
	if l.Count != 1 {
		t.Fatalf("instances are %+v", l)
	}
	in := l.Instances[0]
	if in.ID != e.instance || in.Host != "test" || in.PID != 1 || in.State != jobs.InstanceLive || in.StartedAt.IsZero() || in.DrainingSince != nil ||
		len(in.Running) != 1 || in.Running[0] != running.ID.String() {
		t.Errorf("instance is %+v", in)
	}
}

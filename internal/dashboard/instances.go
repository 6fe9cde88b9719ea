package dashboard

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/jobs"
)

func (s *site) instanceRoutes() {
	s.get("/instances", "instances.html", s.showInstances)
	s.post("/instances/pause", s.pause)
	s.post("/instances/resume", s.resume)
}

// instances is what the page shows.
type instances struct {
	Alive, Gone   []instance
	Slots, InHand int // of those alive
	Drain         drain
	Health        api.Health
	Components    []component
	StoreText     string // how long a small question took the store
	StoreQuick    bool
}

// instance is a process, alive or not.
type instance struct {
	jobs.InstanceState
	State chip
	Ended string // how, of those that are gone
	Late  bool   // alive, and silent for longer than it should be
	Jobs  []inHand
	More  int // jobs in hand that are not listed
}

// inHand is a job that an instance runs.
type inHand struct {
	ID, Filename string
	Progress     int
}

// drain is the state of a pause for a deploy.
type drain struct {
	Draining bool
	Since    time.Time
	Reason   string
	Active   int  // jobs that draining instances still run
	Some     bool // not all instances drain
}

type component struct {
	Name string
	Good bool
	Text string
}

const (
	instancesShown = 200 // the living, and those that ended, together
	inHandShown    = 20  // jobs of one instance
	remembered     = 24 * time.Hour
	storeSlow      = 500 * time.Millisecond // jobs run on, but people and readers wait
)

func (s *site) showInstances(r *http.Request) (view, error) {
	ctx := r.Context()
	began := s.now()
	found, err := s.jobs.Instances(ctx, instancesShown)
	if err != nil {
		return view{}, fmt.Errorf("list instances: %w", err)
	}
	answer := s.now().Sub(began)
	d := instances{StoreText: "in " + strconv.Itoa(max(1, int(answer.Milliseconds()))) + " ms", StoreQuick: answer < storeSlow}
	names, err := s.inHand(ctx, found)
	if err != nil {
		return view{}, fmt.Errorf("list jobs in hand: %w", err)
	}
	for _, in := range found {
		s.sortIn(&d, in, names)
	}
	d.Drain = drainOf(d.Alive)
	d.Health = s.api.Health(ctx)
	d.Components = components(d.Health)
	return view{Title: "Instances", Section: "instances", Events: allEvents, Styles: []string{"instances.css"}, Data: d}, nil
}

// sortIn puts an instance where it belongs. Those that ended are shown for a
// day: whoever looks for the one that died at night finds it in the morning.
func (s *site) sortIn(d *instances, in jobs.InstanceState, names map[jobs.ID]jobs.Job) {
	i := instance{InstanceState: in, State: instanceChip(in)}
	switch in.State {
	case jobs.InstanceLive, jobs.InstanceStopping:
		i.Late = s.now().After(in.LeaseUntil)
		for _, id := range in.Running[:min(len(in.Running), inHandShown)] {
			j := inHand{ID: id.String(), Filename: id.String()}
			if known, ok := names[id]; ok {
				j.Filename, j.Progress = known.Filename, known.Progress
			}
			i.Jobs = append(i.Jobs, j)
		}
		i.More = len(in.Running) - len(i.Jobs)
		d.Alive = append(d.Alive, i)
		d.Slots += in.Slots
		d.InHand += len(in.Running)
	default:
		if s.now().Sub(in.SeenAt) > remembered {
			return
		}
		i.Ended = "Stopped by itself, with nothing left behind."
		if in.State == jobs.InstanceDead {
			i.Ended = "Died: others took over what it ran."
		}
		d.Gone = append(d.Gone, i)
	}
}

func instanceChip(in jobs.InstanceState) chip {
	switch {
	case in.State == jobs.InstanceDead:
		return chip{"failed", "Dead"}
	case in.State == jobs.InstanceStopped:
		return chip{"cancelled", "Stopped"}
	case in.State == jobs.InstanceStopping:
		return chip{"interrupted", "Stopping"}
	case !in.DrainingSince.IsZero():
		return chip{"pending", "Paused"}
	}
	return chip{"completed", "Live"}
}

// inHand returns the jobs that instances run, as many as are shown.
func (s *site) inHand(ctx context.Context, found []jobs.InstanceState) (map[jobs.ID]jobs.Job, error) {
	var ids []jobs.ID
	for _, in := range found {
		ids = append(ids, in.Running[:min(len(in.Running), inHandShown)]...)
	}
	known := map[jobs.ID]jobs.Job{}
	for part := range slices.Chunk(ids, 500) {
		list, err := s.jobs.List(ctx, jobs.Filter{IDs: part, Limit: len(part)})
		if err != nil {
			return nil, err
		}
		for _, j := range list {
			known[j.ID] = j
		}
	}
	return known, nil
}

func drainOf(alive []instance) drain {
	var d drain
	rest := 0
	for _, in := range alive {
		if in.DrainingSince.IsZero() {
			rest++
			continue
		}
		if !d.Draining || in.DrainingSince.Before(d.Since) {
			d.Since = in.DrainingSince
		}
		d.Draining, d.Reason = true, cmp.Or(d.Reason, in.DrainingReason)
		d.Active += len(in.Running)
	}
	d.Some = d.Draining && rest > 0
	return d
}

func components(h api.Health) []component {
	var out []component
	for _, name := range slices.Sorted(maps.Keys(h.Components)) {
		c := h.Components[name]
		good := c.Status == "healthy"
		text := c.Detail
		if text == "" && good {
			text = "works"
		}
		out = append(out, component{Name: name, Good: good, Text: text})
	}
	return out
}

// mostReason is how long a reason may be.
const mostReason = 200

// pause tells every instance to take no more jobs.
func (s *site) pause(_ http.ResponseWriter, r *http.Request) (string, error) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	reason := strings.TrimSpace(r.PostFormValue("reason"))
	if len([]rune(reason)) > mostReason {
		return "", invalid("The reason is longer than %d characters.", mostReason)
	}
	if err := s.jobs.Drain(ctx, cmp.Or(reason, "deploy")); err != nil {
		return "", fmt.Errorf("pause instances: %w", err)
	}
	return "/instances", nil
}

// resume ends that.
func (s *site) resume(_ http.ResponseWriter, r *http.Request) (string, error) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	if err := s.jobs.Undrain(ctx); err != nil {
		return "", fmt.Errorf("resume instances: %w", err)
	}
	return "/instances", nil
}

package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mivaa/mivaa/jobs"
)

// Drain is how far a pause for a deploy has come.
type Drain struct {
	Ready      bool          `json:"ready" doc:"Nothing is lost by a restart now: no instance that is told to drain has a job, and none is left that would claim one"`
	ActiveJobs int           `json:"active_jobs" doc:"Jobs that are processing, also those of instances that started after the pause"`
	DrainState DrainState    `json:"drain_state"`
	Instances  []InstanceRow `json:"instances" nullable:"false" doc:"Those that are alive"`
}

// DrainState says whether claiming is paused.
type DrainState struct {
	Draining bool       `json:"draining" doc:"An instance is told to claim nothing more"`
	Since    *time.Time `json:"since"`
	Reason   *string    `json:"reason"`
}

// defaultReason stands in the rows of instances that nobody gave a reason for.
const defaultReason = "deploy"

type pauseInput struct {
	MaxWait int    `query:"max_wait_seconds" minimum:"0" maximum:"3600" default:"0" doc:"Answer when ready, or after these seconds. The pause goes on either way"`
	Reason  string `query:"reason" maxLength:"200" doc:"For people who look at the instances" example:"deploy of 1.4.0"`
}

type drainOutput struct{ Body Drain }

func (a *API) drainRoutes(h huma.API) {
	const notReady = " When the store cannot be read the answer is an error, never ready."
	registerOpen(a, h, huma.Operation{
		OperationID: "pause-for-deploy", Method: http.MethodPost, Path: "/api/admin/pause-for-deploy", Tags: []string{tagAdmin},
		Summary: "Pause claiming, before a deploy",
		Description: "Every instance that is alive claims nothing more; what runs goes on, and uploads are accepted and wait. " +
			"Instances that start later claim. Repeat it, or ask drain-status, until ready." + notReady,
	}, func(ctx context.Context, in *pauseInput) (*drainOutput, error) {
		d, err := a.Pause(ctx, in.Reason, time.Duration(in.MaxWait)*time.Second)
		return &drainOutput{Body: d}, err
	})
	register(a, h, huma.Operation{
		OperationID: "resume-from-deploy", Method: http.MethodPost, Path: "/api/admin/resume-from-deploy", Tags: []string{tagAdmin},
		Summary: "End the pause", Description: "Every instance claims again. Without a pause it changes nothing.",
	}, func(ctx context.Context, _ *struct{}) (*drainOutput, error) {
		d, err := a.EndPause(ctx)
		return &drainOutput{Body: d}, err
	})
	register(a, h, huma.Operation{
		OperationID: "drain-status", Method: http.MethodGet, Path: "/api/admin/drain-status", Tags: []string{tagAdmin},
		Summary: "Show how far the pause has come", Description: "What a deploy asks until ready." + notReady,
	}, func(ctx context.Context, _ *struct{}) (*drainOutput, error) {
		d, err := a.DrainStatus(ctx)
		return &drainOutput{Body: d}, err
	})
}

// Pause tells every instance that is alive to claim nothing more, and waits
// until a restart loses nothing, at most so long. However the wait ends, the
// pause stays.
func (a *API) Pause(ctx context.Context, reason string, wait time.Duration) (Drain, error) {
	if reason == "" {
		reason = defaultReason
	}
	if err := a.drain(ctx, reason); err != nil {
		return Drain{}, err
	}
	waiting, cancel := a.untilStop(ctx)
	defer cancel()
	waiting, cancelWait := context.WithTimeout(waiting, wait)
	defer cancelWait()
	hints := a.jobs.Watch(waiting)
	for {
		d, err := a.DrainStatus(ctx)
		if err != nil || d.Ready {
			return d, err
		}
		if !pause(waiting, hints, restBetween) {
			return d, context.Cause(ctx)
		}
	}
}

func (a *API) drain(ctx context.Context, reason string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return a.jobs.Drain(ctx, reason)
}

// EndPause lets every instance claim again.
func (a *API) EndPause(ctx context.Context) (Drain, error) {
	if err := a.jobs.Undrain(ctx); err != nil {
		return Drain{}, err
	}
	return a.DrainStatus(ctx)
}

// DrainStatus says how far a pause has come. An error is never ready.
func (a *API) DrainStatus(ctx context.Context) (Drain, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	// The counts first: a job that is claimed between the two reads shows up
	// with its instance.
	statistics, err := a.jobs.Statistics(ctx)
	if err != nil {
		return Drain{}, err
	}
	found, err := a.jobs.Instances(ctx, mostInstances)
	if err != nil {
		return Drain{}, err
	}
	return drainOf(found, statistics.Processing), nil
}

// drainOf judges by the instances that are alive, and by how many jobs are
// processing.
func drainOf(found []jobs.InstanceState, processing int) Drain {
	d := Drain{ActiveJobs: processing, Instances: []InstanceRow{}}
	held, claiming := false, false
	for _, in := range found {
		if in.State != jobs.InstanceLive && in.State != jobs.InstanceStopping {
			continue
		}
		d.Instances = append(d.Instances, instanceRow(in))
		leaving := !in.DrainingSince.IsZero() || in.State == jobs.InstanceStopping
		held = held || leaving && len(in.Running) > 0
		claiming = claiming || !leaving
		d.DrainState.add(in)
	}
	switch {
	case d.DrainState.Draining:
		d.Ready = !held
	default: // nobody was told to drain: ready only where nobody is left to claim
		d.Ready = !held && !claiming && processing == 0
	}
	return d
}

// add takes in an instance; of several, the one that drains the longest counts.
func (s *DrainState) add(in jobs.InstanceState) {
	if in.DrainingSince.IsZero() || s.Since != nil && !in.DrainingSince.Before(*s.Since) {
		return
	}
	s.Draining, s.Since, s.Reason = true, moment(in.DrainingSince), text(in.DrainingReason)
}

package main

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/mivaa/mivaa/client"
	"github.com/mivaa/mivaa/jobs"
)

// remote is the desk on a service, over HTTP.
type remote struct {
	service *client.Client
}

func newRemote(service *client.Client) *remote { return &remote{service} }

func (r *remote) desk() *desk {
	return &desk{jobs: remoteJobs{r}, documents: remoteDocuments{r}, content: r.content, story: r.story}
}

// serviceHTTP keeps as many connections as commands move jobs at once.
func serviceHTTP() *http.Client {
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultClient
	}
	transport = transport.Clone()
	transport.MaxIdleConnsPerHost, transport.MaxConnsPerHost = movedAtOnce, movedAtOnce
	return &http.Client{Transport: transport}
}

func (r *remote) story(ctx context.Context, j jobs.Job) (client.Story, error) {
	s, err := r.service.Story(ctx, j.ID.String())
	return s, ofJob(err, j.ID, "")
}

// remoteJobs are the jobs of a service.
type remoteJobs struct{ *remote }

// mostRemote is how many rows a service answers with at most.
const mostRemote = 1000

// List asks for one job by its id, for others by a filter.
func (r remoteJobs) List(ctx context.Context, f jobs.Filter) ([]jobs.Job, error) {
	if len(f.IDs) > 0 {
		return r.byID(ctx, f.IDs)
	}
	if f.IDPrefix != "" {
		return r.byPrefix(ctx, f)
	}
	page := client.JobPage{Sort: string(f.Order), Limit: min(f.Limit, mostRemote)}
	if f.After != nil {
		page.After = f.After.ID.String()
	}
	list, err := r.service.ListJobs(ctx, jobFilter(f), page)
	if err != nil {
		return nil, err
	}
	return jobsOf(list.Jobs)
}

func (r remoteJobs) byID(ctx context.Context, ids []jobs.ID) ([]jobs.Job, error) {
	var found []jobs.Job
	for _, id := range ids {
		sent, err := r.service.Job(ctx, id.String())
		if isGone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		j, err := jobOf(sent)
		if err != nil {
			return nil, err
		}
		found = append(found, j)
	}
	return found, nil
}

// byPrefix leaves out what the service finds by its filename.
func (r remoteJobs) byPrefix(ctx context.Context, f jobs.Filter) ([]jobs.Job, error) {
	most := f.Limit
	if most == 0 {
		most = 100
	}
	filter := jobFilter(f)
	filter.Query = f.IDPrefix
	var found []jobs.Job
	for sent, err := range r.service.Jobs(ctx, filter, string(f.Order)) {
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(sent.ID, f.IDPrefix) {
			continue
		}
		j, err := jobOf(sent)
		if err != nil {
			return nil, err
		}
		if found = append(found, j); len(found) == most {
			break
		}
	}
	return found, nil
}

// Move returns the job as it is after it. The service writes into the history
// that it came by its API.
func (r remoteJobs) Move(ctx context.Context, id jobs.ID, m jobs.Move, _ string) (jobs.Job, error) {
	move := map[jobs.Move]func(context.Context, string) (client.Moved, error){
		jobs.Resume: r.service.Resume, jobs.Restart: r.service.Restart, jobs.Cancel: r.service.Cancel,
	}[m]
	if move == nil {
		return jobs.Job{}, errElsewhere
	}
	if _, err := move(ctx, id.String()); err != nil {
		return jobs.Job{}, ofJob(err, id, m)
	}
	sent, err := r.service.Job(ctx, id.String())
	if err != nil {
		return jobs.Job{}, ofJob(err, id, m)
	}
	return jobOf(sent)
}

// Events reads the history that the job's story holds and, where that leaves
// out the middle, the job's stream.
func (r remoteJobs) Events(ctx context.Context, id jobs.ID, after int64, limit int) ([]jobs.Event, error) {
	story, err := r.service.Story(ctx, id.String())
	if err != nil {
		return nil, ofJob(err, id, "")
	}
	history := story.History
	if story.Truncated && len(history) > 0 && after < history[0].ID {
		if history, err = r.wholeHistory(ctx, id, after, history[len(history)-1].ID); err != nil {
			return nil, err
		}
	}
	var found []jobs.Event
	for _, sent := range history {
		if sent.ID <= after || len(found) == limit {
			continue
		}
		e, err := eventOf(sent)
		if err != nil {
			return nil, err
		}
		found = append(found, e)
	}
	return found, nil
}

// wholeHistory reads a job's stream up to an event that it is known to hold.
func (r remoteJobs) wholeHistory(ctx context.Context, id jobs.ID, after, last int64) ([]client.Event, error) {
	var history []client.Event
	for u, err := range r.service.Watch(ctx, id.String(), after) {
		if err != nil {
			return nil, ofJob(err, id, "")
		}
		if u.Event == nil {
			continue
		}
		history = append(history, *u.Event)
		if u.Event.ID >= last {
			break
		}
	}
	return history, nil
}

// Ahead tells how many jobs stand before one.
func (r remoteJobs) Ahead(ctx context.Context, id jobs.ID) (int, error) {
	j, err := r.service.Job(ctx, id.String())
	return max(0, j.QueuePosition-1), ofJob(err, id, "")
}

// Statistics counts jobs by status.
func (r remoteJobs) Statistics(ctx context.Context) (jobs.Statistics, error) {
	s, err := r.service.Statistics(ctx)
	return jobs.Statistics(s), err
}

// Groups counts interrupted and failed jobs by why they are.
func (r remoteJobs) Groups(ctx context.Context, f jobs.Filter) ([]jobs.Group, error) {
	sent, err := r.service.Groups(ctx, jobFilter(f))
	groups := make([]jobs.Group, len(sent))
	for i, g := range sent {
		groups[i] = jobs.Group{
			Status: jobs.Status(g.Status), Cause: jobs.Cause(g.Cause), ErrorCode: g.ErrorCode, Error: g.Error, Count: g.Count, First: g.FirstAt, Last: g.LastAt,
		}
	}
	return groups, err
}

// Watch hints at each thing that the service's stream tells. Where there is no
// stream it never hints: callers look again by themselves.
func (r remoteJobs) Watch(ctx context.Context) <-chan jobs.Hint {
	hints := make(chan jobs.Hint, 1)
	go func() {
		defer close(hints)
		for _, err := range r.service.WatchAll(ctx, 0) {
			if err != nil {
				break
			}
			select {
			case hints <- jobs.HintChanged:
			default: // one waits already
			}
		}
		<-ctx.Done()
	}()
	return hints
}

// Instances returns who runs jobs.
func (r remoteJobs) Instances(ctx context.Context, limit int) ([]jobs.InstanceState, error) {
	sent, err := r.service.Instances(ctx)
	if err != nil {
		return nil, err
	}
	found := make([]jobs.InstanceState, 0, len(sent))
	for _, in := range sent {
		state, err := instanceOf(in)
		if err != nil {
			return nil, err
		}
		found = append(found, state)
	}
	if limit > 0 {
		found = found[:min(limit, len(found))]
	}
	return slices.Clip(found), nil
}

// Drain pauses claiming.
func (r remoteJobs) Drain(ctx context.Context, reason string) error {
	_, err := r.service.PauseForDeploy(ctx, 0, reason)
	return err
}

// Undrain ends it.
func (r remoteJobs) Undrain(ctx context.Context) error {
	_, err := r.service.ResumeFromDeploy(ctx)
	return err
}

package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Instance is one start of one process that runs jobs.
type Instance struct {
	ID             string    `json:"id"`
	Host           string    `json:"host"`
	PID            int       `json:"pid"`
	Version        string    `json:"version"`
	StartedAt      time.Time `json:"started_at"`
	SeenAt         time.Time `json:"seen_at"`     // the last sign of life
	LeaseUntil     time.Time `json:"lease_until"` // when it is taken for dead without another
	State          string    `json:"state"`       // live, stopping, stopped or dead
	DrainingSince  time.Time `json:"draining_since"`
	DrainingReason string    `json:"draining_reason"`
	Slots          int       `json:"slots"`        // jobs at once; 0: not known
	MemoryBytes    int64     `json:"memory_bytes"` // 0: not known
	Running        []string  `json:"running"`      // ids of jobs
}

// Instances returns who runs jobs, and who did: the living first.
func (c *Client) Instances(ctx context.Context) ([]Instance, error) {
	var list struct {
		Instances []Instance `json:"instances"`
		Count     int        `json:"count"`
	}
	err := c.get(ctx, "/api/rag/admin/instances", nil, &list)
	return list.Instances, err
}

// Drain is how far a pause for a deploy has come.
type Drain struct {
	Ready      bool       `json:"ready"` // nothing is lost by a restart now
	ActiveJobs int        `json:"active_jobs"`
	DrainState DrainState `json:"drain_state"`
	Instances  []Instance `json:"instances"` // those that are alive
}

// DrainState says whether claiming is paused.
type DrainState struct {
	Draining bool      `json:"draining"`
	Since    time.Time `json:"since"`
	Reason   string    `json:"reason"`
}

// PauseForDeploy tells every instance that is alive to claim nothing more, and
// answers when a restart loses nothing, or after wait (at most an hour). The
// pause goes on either way, until ResumeFromDeploy.
func (c *Client) PauseForDeploy(ctx context.Context, wait time.Duration, reason string) (Drain, error) {
	q := url.Values{}
	setInt(q, "max_wait_seconds", int(wait.Seconds()))
	set(q, "reason", reason)
	var d Drain
	err := c.do(ctx, call{method: http.MethodPost, path: "/api/admin/pause-for-deploy", query: q, wait: wait}, &d)
	return d, err
}

// ResumeFromDeploy ends a pause. Without one it changes nothing.
func (c *Client) ResumeFromDeploy(ctx context.Context) (Drain, error) {
	var d Drain
	err := c.do(ctx, call{method: http.MethodPost, path: "/api/admin/resume-from-deploy"}, &d)
	return d, err
}

// DrainStatus says how far a pause has come. An error is never ready.
func (c *Client) DrainStatus(ctx context.Context) (Drain, error) {
	var d Drain
	err := c.get(ctx, "/api/admin/drain-status", nil, &d)
	return d, err
}

// Statistics counts jobs by status.
type Statistics struct {
	Total       int `json:"total"`
	Pending     int `json:"pending"`
	Processing  int `json:"processing"`
	Completed   int `json:"completed"`
	Failed      int `json:"failed"`
	Interrupted int `json:"interrupted"`
}

// Activity is what runs now.
type Activity struct {
	ActiveJobs int         `json:"active_jobs"` // processing
	Jobs       []ActiveJob `json:"jobs"`        // those, the oldest first, at most 1000
	Statistics Statistics  `json:"statistics"`
}

// ActiveJob is a job that is processing.
type ActiveJob struct {
	ID       string `json:"id"`
	Filename string `json:"filename"`
	Status   Status `json:"status"`
	Progress int    `json:"progress"`
}

// Activity returns what runs now, and how many jobs there are of each status.
func (c *Client) Activity(ctx context.Context) (Activity, error) {
	var a Activity
	err := c.get(ctx, "/api/rag/admin/jobs", nil, &a)
	return a, err
}

// Statistics counts jobs by status.
func (c *Client) Statistics(ctx context.Context) (Statistics, error) {
	a, err := c.Activity(ctx)
	return a.Statistics, err
}

// Figure is what happened in a part of a span of time.
type Figure struct {
	At            time.Time      `json:"at"` // its beginning
	Accepted      int            `json:"accepted"`
	Completed     int            `json:"completed"`
	Failed        int            `json:"failed"`
	Retried       int            `json:"retried"`
	Interruptions map[string]int `json:"interruptions"` // by cause
	Starts        int            `json:"starts"`        // of instances
	Steps         int            `json:"steps"`         // pages of the jobs that completed in it
	WaitP50       float64        `json:"wait_p50"`      // seconds, as the next three
	WaitP95       float64        `json:"wait_p95"`
	RunP50        float64        `json:"run_p50"`
	RunP95        float64        `json:"run_p95"`
}

// Figures is what happened in a span of time.
type Figures struct {
	Span         string   `json:"span"`
	EverySeconds int      `json:"every_seconds"` // the length of each part
	Figures      []Figure `json:"figures"`       // the oldest first; the last is not over yet
}

// Figures tells what happened in the last hour, day or week, which is the span.
func (c *Client) Figures(ctx context.Context, span string) (Figures, error) {
	var f Figures
	err := c.get(ctx, "/api/rag/admin/figures", url.Values{"span": {span}}, &f)
	return f, err
}

// Health is how the service is.
type Health struct {
	Status     string               `json:"status"` // healthy, degraded, unhealthy or stopping
	Version    string               `json:"version"`
	Components map[string]Component `json:"components"`
}

// Component is how one part of it is.
type Component struct {
	Status string `json:"status"`
	Detail string `json:"detail"`
}

// Health asks once how the service is. An unhealthy one is an answer and no
// error.
func (c *Client) Health(ctx context.Context) (Health, error) {
	k := call{method: http.MethodGet, path: "/health", accept: []int{http.StatusServiceUnavailable}}
	var h Health
	err := c.attempt(ctx, k, &h)
	if err == nil && h.Status == "" {
		err = errors.New("read health: the answer is not the service's")
	}
	return h, err
}

// Live asks once whether the process answers at all.
func (c *Client) Live(ctx context.Context) error {
	return c.attempt(ctx, call{method: http.MethodGet, path: "/health/live"}, nil)
}

// Ready asks once whether the service should get work. An error says why not.
func (c *Client) Ready(ctx context.Context) error {
	h, err := c.Health(ctx)
	if err == nil && h.Status != "healthy" && h.Status != "degraded" {
		err = &Error{Status: http.StatusServiceUnavailable, Code: CodeUnavailable, Detail: "the service is " + strconv.Quote(h.Status)}
	}
	return err
}

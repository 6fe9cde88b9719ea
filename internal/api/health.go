package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// Health is how the service is.
type Health struct {
	Status     string               `json:"status" enum:"healthy,degraded,unhealthy,stopping" doc:"degraded: it accepts jobs and answers, but something is wrong"`
	Version    string               `json:"version"`
	Components map[string]Component `json:"components"`
}

// Component is how one part of it is.
type Component struct {
	Status string `json:"status" enum:"healthy,unhealthy"`
	Detail string `json:"detail,omitempty" doc:"What to do; the service's log says what is wrong"`
}

const (
	healthy   = "healthy"
	degraded  = "degraded"
	unhealthy = "unhealthy"
	ending    = "stopping"
)

type healthOutput struct {
	Status int
	Body   Health
}

func (a *API) healthRoutes(h huma.API) {
	const ready = " 503 when it should get no work: unhealthy or stopping."
	for _, r := range []struct {
		path, id, summary, description string
		handler                        func(context.Context, *struct{}) (*healthOutput, error)
	}{
		{"/health", "health", "Show how the service is", "Answers within two seconds whatever hangs." + ready, a.ready},
		{"/health/live", "health-live", "Is the process alive?", "200 as long as it answers at all; nothing is checked.", a.live},
		{"/health/ready", "health-ready", "Should it get work?", "The same checks as /health." + ready, a.ready},
	} {
		body := &huma.Response{Description: "Not ready", Content: map[string]*huma.MediaType{
			"application/json": {Schema: h.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Health](), true, "")},
		}}
		op := huma.Operation{
			OperationID: r.id, Method: http.MethodGet, Path: r.path, Tags: []string{"health"}, Summary: r.summary, Description: r.description,
		}
		if r.id != "health-live" {
			op.Responses = map[string]*huma.Response{"503": body}
		}
		registerOpen(a, h, op, r.handler)
	}
}

func (a *API) live(context.Context, *struct{}) (*healthOutput, error) {
	return a.healthAnswer(http.StatusOK, healthy, nil), nil
}

func (a *API) ready(context.Context, *struct{}) (*healthOutput, error) {
	return a.assess(), nil
}

// Health says how the service is, as the route does.
func (a *API) Health(context.Context) Health { return a.assess().Body }

func (a *API) assess() *healthOutput {
	if a.isStopping() {
		return a.healthAnswer(http.StatusServiceUnavailable, ending, nil)
	}
	components := a.health.check()
	status, code := healthy, http.StatusOK
	for name, c := range components {
		switch {
		case c.Status == healthy:
		case name == "store" || name == "blobs": // without them nothing can be accepted or answered
			status, code = unhealthy, http.StatusServiceUnavailable
		case status == healthy:
			status = degraded
		}
	}
	return a.healthAnswer(code, status, components)
}

func (a *API) healthAnswer(code int, status string, components map[string]Component) *healthOutput {
	if components == nil {
		components = map[string]Component{}
	}
	return &healthOutput{Status: code, Body: Health{Status: status, Version: a.version, Components: components}}
}

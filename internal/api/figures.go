package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mivaa/mivaa/jobs"
)

// Figures is what happened in the last hour, day or week.
type Figures struct {
	Span         string        `json:"span" enum:"hour,day,week"`
	EverySeconds int           `json:"every_seconds" doc:"The length of each part"`
	Figures      []jobs.Figure `json:"figures" nullable:"false" doc:"The oldest first; the last one is not over yet"`
}

// spans are how the last hour, day and week are divided.
var spans = map[string]struct {
	every time.Duration
	n     int
}{
	"hour": {time.Minute, 60},
	"day":  {15 * time.Minute, 96},
	"week": {2 * time.Hour, 84},
}

type figuresInput struct {
	Span string `query:"span" enum:"hour,day,week" default:"hour" doc:"How far back"`
}

type figuresOutput struct{ Body Figures }

func (a *API) figureRoutes(h huma.API) {
	register(a, h, huma.Operation{
		OperationID: "figures", Method: http.MethodGet, Path: "/api/rag/admin/figures", Tags: []string{tagAdmin},
		Summary:     "Show what happened in the last hour, day or week",
		Description: "Throughput, times, interruptions and starts, from the tables alone. What cleanup removed is not in it.",
	}, func(ctx context.Context, in *figuresInput) (*figuresOutput, error) {
		f, err := a.Figures(ctx, in.Span)
		return &figuresOutput{Body: f}, err
	})
}

// Figures counts what happened in a span: hour, day or week.
func (a *API) Figures(ctx context.Context, span string) (Figures, error) {
	s, ok := spans[span]
	if !ok {
		return Figures{}, invalid("query.span", "%q is not one: hour, day or week", span)
	}
	// The first part begins so that the last one holds this moment.
	from := a.now().Add(-time.Duration(s.n-1) * s.every)
	found, err := a.jobs.Figures(ctx, from, s.every, s.n)
	if err != nil {
		return Figures{}, err
	}
	if found == nil {
		found = []jobs.Figure{}
	}
	return Figures{Span: span, EverySeconds: int(s.every.Seconds()), Figures: found}, nil
}

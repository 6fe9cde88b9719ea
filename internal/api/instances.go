package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mivaa/mivaa/jobs"
)

// InstanceRow is one start of one process that runs jobs.
type InstanceRow struct {
	ID             string     `json:"id" doc:"Never used again"`
	Host           string     `json:"host"`
	PID            int        `json:"pid"`
	Version        string     `json:"version"`
	StartedAt      time.Time  `json:"started_at"`
	SeenAt         time.Time  `json:"seen_at" doc:"The last sign of life"`
	LeaseUntil     time.Time  `json:"lease_until" doc:"When it is taken for dead without another"`
	State          string     `json:"state" enum:"live,stopping,stopped,dead"`
	DrainingSince  *time.Time `json:"draining_since" doc:"Since then it claims nothing more"`
	DrainingReason *string    `json:"draining_reason"`
	Slots          int        `json:"slots" doc:"How many jobs it runs at once; 0: not known"`
	MemoryBytes    int64      `json:"memory_bytes" doc:"What its processes hold, as it said last; 0: not known"`
	Running        []string   `json:"running" nullable:"false" doc:"The ids of the jobs that are processing with it"`
}

// InstanceList is who runs jobs, and who did.
type InstanceList struct {
	Instances []InstanceRow `json:"instances" nullable:"false" doc:"The living first, then the newest first, at most 1000"`
	Count     int           `json:"count" doc:"Instances in this answer"`
}

// mostInstances is what a store returns at most.
const mostInstances = 1000

type instancesOutput struct{ Body InstanceList }

func (a *API) instanceRoutes(h huma.API) {
	register(a, h, huma.Operation{
		OperationID: "list-instances", Method: http.MethodGet, Path: "/api/rag/admin/instances", Tags: []string{tagAdmin},
		Summary:     "List the processes that run jobs",
		Description: "Who is alive, since when, with which jobs; and those that ended and are still remembered.",
	}, func(ctx context.Context, _ *struct{}) (*instancesOutput, error) {
		list, err := a.Instances(ctx)
		return &instancesOutput{Body: list}, err
	})
}

// Instances returns who runs jobs, as the route does.
func (a *API) Instances(ctx context.Context) (InstanceList, error) {
	found, err := a.jobs.Instances(ctx, mostInstances)
	if err != nil {
		return InstanceList{}, err
	}
	return InstanceList{Instances: instanceRows(found), Count: len(found)}, nil
}

func instanceRows(found []jobs.InstanceState) []InstanceRow {
	rows := make([]InstanceRow, len(found)) // never null
	for i, in := range found {
		rows[i] = instanceRow(in)
	}
	return rows
}

func instanceRow(in jobs.InstanceState) InstanceRow {
	row := InstanceRow{
		ID: in.ID, Host: in.Host, PID: in.PID, Version: in.Version, StartedAt: in.StartedAt.UTC(), SeenAt: in.SeenAt.UTC(),
		LeaseUntil: in.LeaseUntil.UTC(), State: in.State, DrainingSince: moment(in.DrainingSince), DrainingReason: text(in.DrainingReason),
		Slots: in.Slots, MemoryBytes: in.MemoryBytes, Running: make([]string, len(in.Running)),
	}
	for i, id := range in.Running {
		row.Running[i] = id.String()
	}
	return row
}

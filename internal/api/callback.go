package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mivaa/mivaa/internal/documents"
)

const (
	fieldCallback   = "callback_url"
	codeWebhooksOff = "webhooks_off"
)

// SendsWebhooks reports whether an upload may give a callback_url.
func (a *API) SendsWebhooks() bool { return a.callbacks != nil }

// callback is where the submitter wants to be told how the job ends, checked.
func (a *API) callback(f form) (string, error) {
	given := f[fieldCallback]
	if given == "" {
		return "", nil
	}
	if a.callbacks == nil {
		return "", problem(http.StatusBadRequest, codeWebhooksOff,
			"This service sends no webhooks: it has no key to sign them with. Leave callback_url out, or have its operator start it with --webhook-secret-file.")
	}
	checked, err := a.callbacks.Check(given)
	if err != nil {
		return "", invalid("body."+fieldCallback, "%v", err)
	}
	return checked, nil
}

// Webhook is one change of a job that its submitter is told of.
type Webhook struct {
	ID          int64      `json:"id"`
	Event       string     `json:"event" enum:"job.completed,job.failed,job.interrupted"`
	URL         string     `json:"url" doc:"Without its query, which may hold a secret"`
	Status      string     `json:"status" enum:"pending,delivered,given_up"`
	Attempts    int        `json:"attempts" doc:"Begun so far"`
	CreatedAt   time.Time  `json:"created_at" doc:"When the job changed"`
	NextAt      *time.Time `json:"next_at" doc:"While pending: of the next attempt"`
	DeliveredAt *time.Time `json:"delivered_at"`
	LastStatus  *int       `json:"last_status" doc:"HTTP status of the last attempt that failed; null where no answer came"`
	LastError   *string    `json:"last_error" doc:"Why the last attempt failed"`
}

// Webhooks are the deliveries of a job.
type Webhooks struct {
	JobID    string    `json:"job_id" format:"uuid"`
	Webhooks []Webhook `json:"webhooks" nullable:"false" doc:"The newest first"`
	Count    int       `json:"count" doc:"Webhooks in this answer"`
}

type listWebhooksInput struct {
	IDParam
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many at most"`
}

type listWebhooksOutput struct{ Body Webhooks }

func (a *API) webhookRoutes(h huma.API) {
	register(a, h, huma.Operation{
		OperationID: "list-webhooks", Method: http.MethodGet, Path: "/api/rag/jobs/{id}/webhooks", Tags: []string{tagJobs},
		Summary: "List a job's webhooks",
		Description: "What was sent, or is still to be sent, to the callback_url of the job's upload: one for each time it was completed, failed or interrupted. " +
			"Kept for 30 days, also when the job is gone.",
	}, a.listWebhooks)
}

func (a *API) listWebhooks(ctx context.Context, in *listWebhooksInput) (*listWebhooksOutput, error) {
	found, err := a.documents.Deliveries(ctx, in.id(), in.Limit)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 { // of a job that is there, or not
		if _, err := a.job(ctx, in.id()); err != nil {
			return nil, err
		}
	}
	body := Webhooks{JobID: in.id().String(), Webhooks: make([]Webhook, len(found)), Count: len(found)}
	for i, d := range found {
		body.Webhooks[i] = webhookOf(d)
	}
	return &listWebhooksOutput{Body: body}, nil
}

func webhookOf(d documents.Delivery) Webhook {
	w := Webhook{
		ID: d.ID, Event: d.Event, Status: d.Status, Attempts: d.Attempts,
		CreatedAt: d.CreatedAt.UTC(), DeliveredAt: moment(d.DeliveredAt), LastError: text(d.LastError),
	}
	w.URL, _, _ = strings.Cut(d.URL, "?")
	if d.Status == documents.DeliveryPending {
		w.NextAt = moment(d.NextAt)
	}
	if d.LastStatus != 0 {
		w.LastStatus = &d.LastStatus
	}
	return w
}

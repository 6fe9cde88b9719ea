package client

import (
	"context"
	"time"
)

// Delivery is a message to the address that an upload named as its Callback.
type Delivery struct {
	ID          int64     `json:"id"`
	Event       string    `json:"event"` // job.completed, job.failed or job.interrupted
	URL         string    `json:"url"`
	Status      string    `json:"status"` // pending, delivered or given_up
	Attempts    int       `json:"attempts"`
	NextAt      time.Time `json:"next_at"` // while pending
	LastError   string    `json:"last_error"`
	LastStatus  int       `json:"last_status"` // of HTTP; 0: no answer came
	CreatedAt   time.Time `json:"created_at"`
	DeliveredAt time.Time `json:"delivered_at"`
}

// Webhooks returns the messages about a job, and what became of each.
func (c *Client) Webhooks(ctx context.Context, jobID string) ([]Delivery, error) {
	var list struct {
		Webhooks []Delivery `json:"webhooks"`
	}
	err := c.get(ctx, "/api/rag/jobs/"+part(jobID)+"/webhooks", nil, &list)
	return list.Webhooks, err
}

package documents

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mivaa/mivaa/jobs"
)

// Delivery is a row of webhook_deliveries: one change of a job that whoever
// submitted it asked to be told of. JSON keys are the column names.
//
// The row is written in the transaction of the change, whoever makes it. So
// none is lost; the same one may arrive twice, and two may change places.
type Delivery struct {
	ID         int64           `json:"id"` // rises with time, and is never used again
	JobID      jobs.ID         `json:"job_id"`
	DocumentID jobs.ID         `json:"document_id,omitzero"` // zero: the document is gone
	Event      string          `json:"event"`                // one of the Delivery events
	Payload    json.RawMessage `json:"payload"`              // what is sent, an object: see DeliveryPayload
	URL        string          `json:"url"`
	Status     string          `json:"status"`   // one of the Delivery constants
	Attempts   int             `json:"attempts"` // begun; the fence of those who record how one ended
	NextAt     time.Time       `json:"next_at"`  // of the next attempt, while pending
	LastError  string          `json:"last_error,omitempty"`
	LastStatus int             `json:"last_status,omitempty"` // HTTP's; 0: no answer came
	CreatedAt  time.Time       `json:"created_at"`
	// DeliveredAt is when the receiver took it.
	DeliveredAt time.Time `json:"delivered_at,omitzero"`
}

// What a Delivery tells.
const (
	DeliveryCompleted   = "job.completed"
	DeliveryFailed      = "job.failed"
	DeliveryInterrupted = "job.interrupted" // it may go on: cause and a later delivery tell
)

// States of a Delivery.
const (
	DeliveryPending   = "pending"
	DeliveryDelivered = "delivered"
	DeliveryGivenUp   = "given_up"
)

// DeliveryPayload is the payload of a Delivery, as of the change. NULLs are
// null.
type DeliveryPayload struct {
	JobID      jobs.ID     `json:"job_id"`
	DocumentID *jobs.ID    `json:"document_id"`
	Filename   string      `json:"filename"`
	Status     jobs.Status `json:"status"`
	Error      *string     `json:"error"`
	ErrorCode  *string     `json:"error_code"`
	Cause      *jobs.Cause `json:"cause"`
	Progress   int         `json:"progress"`
	StepsDone  int         `json:"steps_done"`
	StepsTotal int         `json:"steps_total"`
	OccurredAt time.Time   `json:"occurred_at"`
}

// keptDeliveries is how long a delivery is kept after its change, once nothing
// is to be sent any more.
const keptDeliveries = 30 * 24 * time.Hour

// Request is a row of job_requests: what a submission asked for beside being
// read. It goes with its job.
type Request struct {
	JobID       jobs.ID
	Callback    string // "": nobody is to be told
	TraceParent string // "": none was given
	CreatedAt   time.Time
}

// asksMore reports whether a submission asks for anything beside being read.
func (s Submission) asksMore() bool { return s.Callback != "" || s.TraceParent != "" }

// cleanReason is what is kept of why an attempt failed: it may be anything that
// a receiver answered.
func cleanReason(why string) string {
	why = strings.ToValidUTF8(strings.ReplaceAll(why, "\x00", "\ufffd"), "\ufffd")
	for len(why) > maxReason {
		_, n := utf8.DecodeLastRuneInString(why)
		why = why[:len(why)-n]
	}
	return why
}

// mostDeliveries bounds an answer.
const mostDeliveries = 1000

func deliveryLimit(limit int) int {
	if limit <= 0 {
		return 100
	}
	return min(limit, mostDeliveries)
}

// deliveriesDeletedAtOnce is how many one transaction of a cleanup deletes.
const deliveriesDeletedAtOnce = 500

// checkCallback refuses what can be no address of a receiver.
func checkCallback(address string) error {
	if address == "" {
		return nil
	}
	if err := text(address, maxCallback); err != nil {
		return err
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return errors.New("not a URL")
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return fmt.Errorf("%q is not an http or https URL", u.Redacted())
	}
	return nil
}

package documents

import "github.com/mivaa/mivaa/jobs"

// Full is a document with all that stands beside it, for moving from one store
// to another. Its jobs, their steps and history are the engine's.
type Full struct {
	Document
	RecordKey string    // "" where it was made by hand
	DedupKey  string    // "" where it does not answer for its bytes
	Password  string    // "" if it has none
	Replaced  []jobs.ID // jobs whose steps were its content before and are still to be deleted
	// What its submissions asked for beside, and what was told or is to be.
	// Deliveries get new ids.
	Requests   []Request
	Deliveries []Delivery
}

package extract

import "sync/atomic"

// Stats counts since the process started. It is safe for concurrent use; the
// zero value is ready.
type Stats struct {
	PagesOK       atomic.Int64 // recorded, readable
	PagesFailed   atomic.Int64 // recorded as failed
	StepsRecorded atomic.Int64
	StepsRedone   atomic.Int64 // pages that were read and not recorded: they are read again
	Checkpoints   atomic.Int64 // calls that recorded them
}

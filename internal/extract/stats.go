package extract

import (
	"sync/atomic"

	"github.com/mivaa/mivaa/internal/layout"
)

// Stats counts since the process started. It is safe for concurrent use; the
// zero value is ready.
type Stats struct {
	PagesOK           atomic.Int64 // recorded, readable
	PagesFailed       atomic.Int64 // recorded as failed
	PagesRecognised   atomic.Int64 // recorded with the text that was recognised on them
	PagesUnrecognised atomic.Int64 // recorded without, although it was tried
	StepsRecorded     atomic.Int64
	StepsRedone       atomic.Int64 // pages that were read and not recorded: they are read again
	Checkpoints       atomic.Int64 // calls that recorded them
}

func (s *Stats) countOCR(o *layout.OCR) {
	switch {
	case o == nil:
	case o.Status == layout.OCROK:
		s.PagesRecognised.Add(1)
	case o.Status == layout.OCRFailed:
		s.PagesUnrecognised.Add(1)
	}
}

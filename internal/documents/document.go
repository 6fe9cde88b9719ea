package documents

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/jobs"
)

// Kind is the kind of the jobs that make a document's content.
const Kind = "extract"

var (
	// ErrNotFound: no document has that id.
	ErrNotFound = errors.New("document not found")
	// ErrNoContent: the document has no job, and so nothing to read.
	ErrNoContent = errors.New("document has no content: no job of it exists")
	// ErrNoSource: the document was made without a source. Its code is
	// source_missing.
	ErrNoSource = errors.New("document has no source")

	// errUnreadable: somebody wrote by hand what is no id or no time. The store
	// is well, and asking again is of no use.
	errUnreadable = errors.New("a row that cannot be read")
)

// Document is a row of documents. JSON keys are the column names. A zero time
// or ID is a NULL.
type Document struct {
	ID           jobs.ID         `json:"id"`
	ContentJobID jobs.ID         `json:"content_job_id,omitzero"` // the job whose steps are its content, once complete
	Owner        string          `json:"owner,omitempty"`
	Filename     string          `json:"filename"`
	SourceSHA256 string          `json:"source_sha256,omitempty"` // "": made by hand, without a source
	SourceSize   int64           `json:"source_size"`             // in bytes
	MediaType    string          `json:"media_type"`
	Metadata     json.RawMessage `json:"metadata"` // the submitter's, an object
	Options      json.RawMessage `json:"options"`  // as submitted, an object
	Facts        json.RawMessage `json:"facts,omitempty"`
	Profile      json.RawMessage `json:"-"` // null before the content is complete
	CreatedAt    time.Time       `json:"created_at"`
	UpdatedAt    time.Time       `json:"updated_at"` // the last submit, reprocess or publication
}

// Source returns what to open, or ErrNoSource.
func (d Document) Source() (blob.Ref, error) {
	if d.SourceSHA256 == "" {
		return blob.Ref{}, jobs.WithCode(blob.CodeMissing, ErrNoSource)
	}
	return blob.Ref{SHA256: d.SourceSHA256, Size: d.SourceSize}, nil
}

// Submission is what Submit takes. Source is required; every other zero value
// works.
type Submission struct {
	Source    blob.Ref // stored before
	Filename  string   // any name; only its last element is kept. Zero: document.pdf
	MediaType string   // zero: application/pdf
	Owner     string
	Metadata  json.RawMessage // an object; zero: {}
	Options   json.RawMessage // an object; zero: {}. Canonical: the same options in the same bytes
	// RecordOptions is the part of Options that changes what is recorded: with
	// owner and source it is what makes two submissions the same document.
	RecordOptions string
	Password      string // kept apart, outside every hash; a document with another does not answer
	Fresh         bool   // a new job although the document is there

	IdempotencyKey string // unique within its Owner; given again with other bytes, options or password: jobs.ErrKeyReused
	Priority       int
	Recovery       jobs.Recovery
	Instance       string // if given, the job is born claimed by it

	// Callback is where each end and each interruption of the job is told, an
	// http or https URL; see Delivery. TraceParent is the trace that the
	// submission is part of, as in W3C Trace Context. Of a submission that is
	// answered with a job that was there the trace is not kept, and the callback
	// only if that job has none and is not at its end.
	Callback    string
	TraceParent string
}

// Submitted is the answer to Submit and Reprocess.
type Submitted struct {
	Document Document
	Job      jobs.Job // zero when it was deleted and the content is complete
	// Deduplicated says that Document and Job were there before. Nothing else
	// of the submission was applied to them but its Callback.
	Deduplicated bool
	// CallbackRegistered says whether the submission's Callback is told how Job
	// ends; nil: it gave none.
	CallbackRegistered *bool
}

// Reprocess is how a document is to be read again. The zero value works.
type Reprocess struct {
	By       string // who asked, for the history of the job it replaces
	Priority int
	Recovery jobs.Recovery
	Instance string
}

// Filter selects documents for List, newest first.
type Filter struct {
	Owner  string    // if given
	After  *Document // keyset: only documents that stand behind this one
	Offset int       // beside After, for callers that count
	Limit  int       // 0: 100; at most 1000
}

// Content says where a document's pages are.
type Content struct {
	DocumentID jobs.ID
	JobID      jobs.ID // its steps are the pages
	Complete   bool    // false: it is the content of a job that has not (or never) come to its end
}

// FailedPage is a page that could not be read.
type FailedPage struct {
	PageNumber int    `json:"page_number"`
	Code       string `json:"error_code"`
	Error      string `json:"error,omitempty"`
}

// Payload is the payload of an extraction job: for people, and what an
// idempotency key is compared by. The handler reads the document.
type Payload struct {
	SourceSHA256 string          `json:"source_sha256"`
	SourceSize   int64           `json:"source_size"`
	Options      json.RawMessage `json:"options"`
}

package jobs

// Keys of log attributes.
const (
	KeyJob      = "job"
	KeyInstance = "instance"
	KeyAttempt  = "attempt"
	KeyKind     = "kind"
	KeyStatus   = "status"
	KeyEvent    = "event"
	KeyCause    = "cause"
	KeyError    = "error"
	KeyCode     = "error_code"
	KeyTook     = "took"
	KeyCount    = "count"
	KeyStack    = "stack"
)

package postgres

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mivaa/mivaa/jobs"
)

// newRow is a job as it will be inserted.
type newRow struct {
	jobs.NewJob
	position int64 // 0: none
	fresh    bool  // its id was made here and it has no key: nothing can be there already
}

// checkNew checks and completes what is to be inserted, and reports everything
// that is wrong with it: here, and not the server in the middle of a
// transaction. JSON is compacted, so that a repeat is recognised however it was
// written. Each row has an id, so that what runs again inserts it once.
func checkNew(list []jobs.NewJob) ([]newRow, error) {
	rows := make([]newRow, len(list))
	var errs []error
	for i, n := range list {
		row, err := complement(n)
		if err != nil {
			errs = append(errs, fmt.Errorf("job %d: %w", i, err))
		}
		rows[i] = newRow{NewJob: row, fresh: n.ID.IsZero() && n.IdempotencyKey == ""}
	}
	if len(errs) > 0 {
		return nil, jobs.Permanent(fmt.Errorf("insert jobs: %w", errors.Join(errs...)))
	}
	return rows, nil
}

func complement(n jobs.NewJob) (jobs.NewJob, error) {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if n.Kind == "" {
		wrong("no kind")
	}
	for name, word := range map[string]string{"kind": n.Kind, "owner": n.Owner, "idempotency key": n.IdempotencyKey, "instance": n.Instance} {
		if !storable(word) {
			wrong("%s %.40q: not UTF-8, or with a NUL", name, word)
		}
	}
	var err error
	if n.Payload, err = compact(n.Payload); err != nil {
		wrong("payload: %w", err)
	}
	if n.Metadata, err = compact(n.Metadata); err != nil {
		wrong("metadata: %w", err)
	} else if n.Metadata[0] != '{' {
		wrong("metadata: not an object")
	} else if err := binaryJSON(n.Metadata); err != nil {
		wrong("metadata: %w", err)
	}
	switch n.Recovery {
	case "":
		n.Recovery = jobs.RecoveryAuto
	case jobs.RecoveryAuto, jobs.RecoveryManual:
	default:
		wrong("recovery %q is neither auto nor manual", n.Recovery)
	}
	for name, v := range map[string]int64{"priority": int64(n.Priority), "max failures": int64(n.MaxFailures), "max crashes": int64(n.MaxCrashes), "retry delay": n.RetryDelay.Milliseconds()} {
		if v > math.MaxInt32 || v < math.MinInt32 || v < 0 && name != "priority" {
			wrong("%s %d: out of range", name, v)
		}
	}
	if n.RetryDelay > 0 && n.RetryDelay < time.Millisecond {
		n.RetryDelay = time.Millisecond
	}
	if y := n.RunAt.UTC().Year(); y < 1 || y > 9999 {
		wrong("run at %v: out of range", n.RunAt)
	}
	n.Filename = clean(n.Filename)
	if n.ID.IsZero() {
		n.ID = jobs.NewID()
	}
	return n, errors.Join(errs...)
}

// storable reports whether PostgreSQL takes a text.
func storable(text string) bool { return utf8.ValidString(text) && !strings.Contains(text, "\x00") }

func compact(raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) == 0 || string(raw) == "{}" {
		return json.RawMessage(`{}`), nil
	}
	if !utf8.Valid(raw) {
		return nil, errors.New("not UTF-8")
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// binaryJSON refuses what is JSON and yet nothing JSONB can hold: the escape of
// a NUL, and half of a surrogate pair.
func binaryJSON(raw json.RawMessage) error {
	high := false // the last character was the first half of a pair
	for i := 0; i < len(raw); i++ {
		escape := raw[i] == '\\'
		var unit uint64
		if escape && raw[i+1] == 'u' { // valid JSON: four digits follow
			for _, c := range raw[i+2 : i+6] {
				unit = unit<<4 | uint64(digit(c))
			}
			if unit == 0 {
				return errors.New(`\u0000 cannot be stored`)
			}
		}
		low := unit >= 0xdc00 && unit < 0xe000
		if high != low {
			return errors.New("half of a surrogate pair cannot be stored")
		}
		high = unit >= 0xd800 && unit < 0xdc00
		switch {
		case unit != 0:
			i += 5
		case escape:
			i++
		}
	}
	return nil
}

func digit(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

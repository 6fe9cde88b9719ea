package tracing

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"

	"go.opentelemetry.io/otel/trace"

	"github.com/mivaa/mivaa/jobs"
)

// fixed are the ids of a span that is to be made, in its context.
type fixed struct {
	trace trace.TraceID
	span  trace.SpanID
}

type fixedKey struct{}

// idsOf are an attempt's: the trace's where the job's submitter gave none.
func idsOf(f jobs.Fence) fixed {
	var ids fixed
	of := sha256.Sum256([]byte("mivaa job " + f.Job.String()))
	copy(ids.trace[:], of[:])
	at := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("mivaa attempt "+f.Job.String()), uint64(f.Attempt)))
	copy(ids.span[:], at[:])
	return ids
}

// generator gives spans the ids that their context has, or new ones.
type generator struct{}

// NewIDs implements sdktrace.IDGenerator.
func (g generator) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if f, ok := ctx.Value(fixedKey{}).(fixed); ok {
		return f.trace, f.span
	}
	var id trace.TraceID
	binary.BigEndian.PutUint64(id[:8], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64()|1) // never 0
	return id, g.NewSpanID(ctx, id)
}

// NewSpanID implements sdktrace.IDGenerator.
func (generator) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	if f, ok := ctx.Value(fixedKey{}).(fixed); ok {
		return f.span
	}
	var id trace.SpanID
	binary.BigEndian.PutUint64(id[:], rand.Uint64()|1)
	return id
}

// Package tracing makes jobs part of the traces of those who submit them: each
// attempt is a span (OpenTelemetry) below the request that made the job.
//
// An attempt whose process was killed cannot tell of itself. Whoever finds it
// dead makes its span from the history, so that a trace shows each attempt
// whatever it died of. Spans have the same ids whoever makes them.
//
// Nothing is started unless the environment asks for it (see [FromEnv]). Spans
// never hold up a job: what cannot be sent in time is dropped.
package tracing

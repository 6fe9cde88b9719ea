package e2e

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// traceCollector takes spans as a collector does.
type traceCollector struct {
	*httptest.Server
	mu  sync.Mutex
	all []*spans.Span
}

func collect(t *testing.T) *traceCollector {
	t.Helper()
	c := &traceCollector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var got collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &got)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("spans at %s: %v", r.URL.Path, err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, resource := range got.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				c.all = append(c.all, scope.Spans...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(c.Close)
	return c
}

// of returns the spans of a trace by their name and attempt.
func (c *traceCollector) of(trace string) map[string]*spans.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := map[string]*spans.Span{}
	for _, s := range c.all {
		if hex.EncodeToString(s.TraceId) != trace {
			continue
		}
		name := s.Name
		for _, a := range s.Attributes {
			if a.Key == "mivaa.job.attempt" || a.Key == "mivaa.outcome" {
				name += " " + strings.Trim(a.Value.String(), `"`)
			}
		}
		found[name] = s
	}
	return found
}

// A job that was killed and recovered is two attempts in the trace of whoever
// submitted it, although the first could not tell of itself.
func TestTraceOfAKilledJob(t *testing.T) {
	t.Parallel()
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	c, dir := collect(t), dataDir(t)
	start := func(args ...string) *service {
		return serveWith(t, func(cmd *exec.Cmd) {
			cmd.Env = append(cmd.Env, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "OTEL_BSP_SCHEDULE_DELAY=50")
		}, dir, args...)
	}
	s := start()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+uploadPath, bytes.NewReader(loopPDF(3, 2)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/pdf")
	req.Header.Set("traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var j job
	decode(t, resp, &j)
	s.until(j.JobID, "page 1 recorded", func(now job) bool { return now.StepsDone == 1 })
	eventually(t, "the upload's span", wait, func() bool { return len(c.of(trace)) == 1 })
	s.kill()
	s = start("--page-timeout", "500ms")
	s.until(j.JobID, "completed", completed)
	if code, _ := s.signal(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
	found := c.of(trace)
	var names []string
	for name, span := range found {
		names = append(names, name)
		if span.Name == "job extract" && !bytes.Equal(span.ParentSpanId, found["POST "+uploadPath].GetSpanId()) {
			t.Errorf("%s is not below the upload", name)
		}
	}
	if len(found) != 3 {
		t.Errorf("spans: %q", names)
	}
}

package browser

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const sample = "../../examples/sample.pdf"

// cleanEnv is the environment of an operator who set nothing.
func cleanEnv() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "MIVAA_") && !strings.HasPrefix(e, "JOURNAL_STREAM=") {
			env = append(env, e)
		}
	}
	return env
}

// service is mivaa serve, which may be killed and started again on its address.
type service struct {
	t    testing.TB
	dir  string
	args []string
	addr string
	cmd  *exec.Cmd

	mu  sync.Mutex
	log bytes.Buffer
}

// serve starts the service on a free port and a data dir of its own.
func serve(t testing.TB, args ...string) *service {
	t.Helper()
	needs(t)
	s := &service{t: t, dir: filepath.Join(t.TempDir(), "data"), args: args, addr: "127.0.0.1:0"}
	linkTree(t, filepath.Join(template, "cache"), filepath.Join(s.dir, "cache"))
	s.start()
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			s.mu.Lock()
			defer s.mu.Unlock()
			t.Logf("stderr of mivaa serve:\n%s", &s.log)
		}
	})
	return s
}

func linkTree(t testing.TB, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		return os.Link(path, filepath.Join(to, rel))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// start starts it, again at the address it had, and waits until it is ready.
func (s *service) start() {
	s.t.Helper()
	s.cmd = exec.Command(binary, append([]string{"serve", "--data-dir", s.dir, "--addr", s.addr}, s.args...)...)
	s.cmd.Env = cleanEnv()
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ready := make(chan string, 1)
	go s.read(stderr, ready)
	select {
	case addr, ok := <-ready:
		if !ok {
			s.t.Fatal("the service ended before it was ready")
		}
		s.addr = addr
	case <-time.After(patience):
		s.t.Fatal("the service is never ready")
	}
}

// read keeps the log, and hands on the address that it names once ready.
func (s *service) read(stderr io.Reader, ready chan<- string) {
	defer close(ready)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		s.mu.Lock()
		s.log.WriteString(lines.Text() + "\n")
		s.mu.Unlock()
		if _, after, ok := strings.Cut(lines.Text(), "addr="); ok && strings.Contains(lines.Text(), "Ready") {
			addr, _, _ := strings.Cut(after, " ")
			ready <- addr
		}
	}
}

// kill is kill -9, and waits for the end.
func (s *service) kill() {
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Error(err)
	}
	_ = s.cmd.Wait() // killed: that is what it says
}

func (s *service) url(path string) string { return "http://" + s.addr + path }

// job is what the tests look at of a job.
type job struct {
	JobID      string `json:"job_id"`
	DocumentID string `json:"document_id"`
	Status     string `json:"status"`
	StepsDone  int    `json:"steps_done"`
}

// upload submits a PDF as a program does.
func (s *service) upload(query string, pdf []byte) job {
	s.t.Helper()
	var j job
	s.call(http.MethodPost, "/api/rag/documents/upload-async?"+query, bytes.NewReader(pdf), &j)
	return j
}

func (s *service) call(method, path string, body io.Reader, into any) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url(path), body)
	if err != nil {
		s.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/pdf")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.StatusCode >= 300 {
		s.t.Fatalf("%s %s answered %d: %s", method, path, resp.StatusCode, data)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(data, into); err != nil {
		s.t.Fatalf("%s %s: %v: %s", method, path, err, data)
	}
}

// until waits for a condition on a job.
func (s *service) until(id, what string, met func(job) bool) job {
	s.t.Helper()
	var j job
	eventually(s.t, what, func() bool {
		s.call(http.MethodGet, "/api/rag/documents/job/"+id, nil, &j)
		return met(j)
	})
	return j
}

func completed(j job) bool { return j.Status == "completed" }

// patience bounds what has to come but may take its time on a busy machine.
const patience = 2 * time.Minute

// eventually waits for a condition.
func eventually(t testing.TB, what string, met func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !met() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

func samplePDF(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// write keeps a file for an upload form.
func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func base64Of(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// cleanEnv is the environment of an operator who set nothing.
func cleanEnv(more ...string) []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "MIVAA_") && !strings.HasPrefix(e, "JOURNAL_STREAM=") {
			env = append(env, e)
		}
	}
	return append(env, more...)
}

// dataDir returns a new data dir whose PDF engine is compiled already.
func dataDir(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	copyTree(t, filepath.Join(template, "cache"), filepath.Join(dir, "cache"))
	return dir
}

func copyTree(t testing.TB, from, to string) {
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

// process is a running mivaa.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	ended  chan struct{}
	err    error
	stdout bytes.Buffer

	mu     sync.Mutex
	lines  []string
	change chan struct{} // replaced at each line
}

// launch starts the binary. It is killed at the end of the test.
func launch(t testing.TB, args ...string) *process {
	t.Helper()
	return launchWith(t, nil, args...)
}

// launchWith is launch after setup has changed the command: its environment,
// its user. Nil: nothing.
func launchWith(t testing.TB, setup func(*exec.Cmd), args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(binary, args...), ended: make(chan struct{}), change: make(chan struct{})}
	p.cmd.Env = cleanEnv()
	p.cmd.Stdout = &p.stdout
	if setup != nil {
		setup(p.cmd)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.read(stderr)
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("stderr of mivaa %s:\n%s", strings.Join(args, " "), strings.Join(p.log(), "\n"))
		}
	})
	return p
}

func (p *process) read(r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, lines.Text())
		close(p.change)
		p.change = make(chan struct{})
		p.mu.Unlock()
	}
}

func (p *process) log() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.lines...)
}

// line waits for a line on stderr that matches.
func (p *process) line(pattern string) string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.After(30 * time.Second)
	for seen := 0; ; {
		p.mu.Lock()
		lines, change := p.lines, p.change
		p.mu.Unlock()
		for ; seen < len(lines); seen++ {
			if re.MatchString(lines[seen]) {
				return lines[seen]
			}
		}
		select {
		case <-change:
		case <-p.ended:
			if len(p.log()) == seen {
				p.t.Fatalf("ended (%v) without a line like %q:\n%s", p.err, pattern, strings.Join(p.log(), "\n"))
			}
		case <-deadline:
			p.t.Fatalf("no line like %q:\n%s", pattern, strings.Join(p.log(), "\n"))
		}
	}
}

// kill is kill -9, and waits for the end.
func (p *process) kill() {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Error(err)
	}
	<-p.ended
}

// signal sends a signal, waits for the end and returns the exit code and how
// long that took.
func (p *process) signal(sig syscall.Signal) (code int, took time.Duration) {
	p.t.Helper()
	at := time.Now()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
	return p.wait(), time.Since(at)
}

// wait returns the exit code.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(2 * time.Minute):
		p.t.Fatal("process does not end")
		return -1
	}
}

// service is a running mivaa serve.
type service struct {
	*process
	url   string
	ready time.Time
}

// serve starts the service on a free port and waits until it is ready.
func serve(t testing.TB, dir string, args ...string) *service {
	t.Helper()
	return serveWith(t, nil, dir, args...)
}

func serveWith(t testing.TB, setup func(*exec.Cmd), dir string, args ...string) *service {
	t.Helper()
	s := &service{process: launchWith(t, setup, append([]string{"serve", "--data-dir", dir, "--addr", "127.0.0.1:0"}, args...)...)}
	line := s.line(`Ready.*addr=`)
	s.ready = time.Now()
	s.url = "http://" + regexp.MustCompile(`addr=(\S+)`).FindStringSubmatch(line)[1]
	return s
}

// call makes a request and decodes its JSON answer.
func (s *service) call(method, path string, body io.Reader, into any) (status int) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, body)
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
	if text, ok := into.(*string); ok {
		*text = string(data)
		return resp.StatusCode
	}
	if into != nil {
		if err := json.Unmarshal(data, into); err != nil {
			s.t.Fatalf("%s %s: %v: %s", method, path, err, data)
		}
	}
	return resp.StatusCode
}

// job is what the tests look at of a job's row.
type job struct {
	JobID         string `json:"job_id"`
	ID            string `json:"id"`
	DocumentID    string `json:"document_id"`
	Filename      string `json:"filename"`
	Status        string `json:"status"`
	Progress      int    `json:"progress"`
	Error         string `json:"error"`
	ErrorCode     string `json:"error_code"`
	Cause         string `json:"cause"`
	Attempt       int    `json:"attempt"`
	Crashes       int    `json:"crashes"`
	Failures      int    `json:"failures"`
	Interruptions int    `json:"interruptions"`
	StepsDone     int    `json:"steps_done"`
	StepsTotal    int    `json:"steps_total"`
	StartedAt     string `json:"started_at"`
	InterruptedAt string `json:"interrupted_at"`
	PagesFailed   int    `json:"pages_failed"`
	Result        struct {
		Partial     bool `json:"partial"`
		FailedPages []struct {
			PageNumber int    `json:"page_number"`
			ErrorCode  string `json:"error_code"`
		} `json:"failed_pages"`
	} `json:"result"`
}

// upload submits a PDF and returns its job.
func (s *service) upload(pdf []byte) job {
	s.t.Helper()
	var j job
	if code := s.call("POST", "/api/rag/documents/upload-async", bytes.NewReader(pdf), &j); code != http.StatusAccepted {
		s.t.Fatalf("upload answered %d: %+v", code, j)
	}
	return j
}

func (s *service) job(id string) job {
	s.t.Helper()
	var j job
	if code := s.call("GET", "/api/rag/documents/job/"+id, nil, &j); code != http.StatusOK {
		s.t.Fatalf("job answered %d", code)
	}
	return j
}

func (s *service) content(document, format string) string {
	s.t.Helper()
	var text string
	if code := s.call("GET", "/api/rag/documents/"+document+"/content?format="+format, nil, &text); code != http.StatusOK {
		s.t.Fatalf("content answered %d: %s", code, text)
	}
	return text
}

// wait bounds what has to come but may take its time on a busy machine.
const wait = 2 * time.Minute

// until waits for a condition on a job.
func (s *service) until(id string, what string, cond func(job) bool) job {
	s.t.Helper()
	var j job
	eventually(s.t, what, wait, func() bool {
		j = s.job(id)
		met := cond(j)
		if !met && j.Status == "failed" { // nothing more will come
			s.t.Fatalf("never: %s: %+v", what, j)
		}
		return met
	})
	return j
}

func completed(j job) bool { return j.Status == "completed" }

// eventually waits for a condition.
func eventually(t testing.TB, what string, most time.Duration, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(most)
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

// cli runs a command to its end and returns its output and exit code.
func cli(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return cliWith(t, nil, args...)
}

func cliWith(t testing.TB, setup func(*exec.Cmd), args ...string) (stdout, stderr string, code int) {
	t.Helper()
	p := launchWith(t, setup, args...)
	code = p.wait()
	return p.stdout.String(), strings.Join(p.log(), "\n"), code
}

func write(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "document.pdf")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

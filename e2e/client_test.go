package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// upload-async, where the tests look at more than what upload returns.
const uploadPath = "/api/rag/documents/upload-async"

// problem is an answer that is an error.
type problem struct {
	Status        int      `json:"status"`
	Title         string   `json:"title"`
	Detail        string   `json:"detail"`
	Code          string   `json:"code"`
	CurrentStatus string   `json:"current_status"`
	Allowed       []string `json:"allowed"`
}

// refused makes a request that must be answered with a problem document.
func (s *service) refused(method, path, contentType string, body io.Reader) problem {
	s.t.Helper()
	resp := s.send(method, path, contentType, body)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var p problem
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || media != "application/problem+json" || json.Unmarshal(data, &p) != nil {
		s.t.Fatalf("%s %s answered %d (%s): %.500s", method, path, resp.StatusCode, resp.Header.Get("Content-Type"), data)
	}
	if p.Status != resp.StatusCode || p.Title == "" || p.Detail == "" || p.Code == "" {
		s.t.Errorf("problem of status %d: %+v", resp.StatusCode, p)
	}
	return p
}

func (s *service) send(method, path, contentType string, body io.Reader) *http.Response {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp
}

// refusedUpload sends a PDF that must not be accepted.
func (s *service) refusedUpload(pdf []byte) problem {
	s.t.Helper()
	return s.refused(http.MethodPost, uploadPath, "application/pdf", bytes.NewReader(pdf))
}

// uploadForm submits a PDF as a browser does, with fields.
func (s *service) uploadForm(filename string, pdf []byte, fields map[string]string) job {
	s.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range fields {
		if err := form.WriteField(name, value); err != nil {
			s.t.Fatal(err)
		}
	}
	part, err := form.CreateFormFile("file", filename)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := part.Write(pdf); err != nil {
		s.t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		s.t.Fatal(err)
	}
	resp := s.send(http.MethodPost, uploadPath, form.FormDataContentType(), &body)
	defer resp.Body.Close()
	var j job
	decode(s.t, resp, &j)
	if resp.StatusCode != http.StatusAccepted {
		s.t.Fatalf("upload answered %d", resp.StatusCode)
	}
	return j
}

func decode(t testing.TB, resp *http.Response, into any) {
	t.Helper()
	data, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatalf("answer %d: %v: %.500s", resp.StatusCode, err, data)
	}
}

// end waits for the end of a job, whichever it is.
func (s *service) end(id string) job {
	s.t.Helper()
	return s.until(id, "ended", func(now job) bool { return now.Status == "completed" || now.Status == "failed" })
}

// event is a line of a job's history.
type event struct {
	Event   string `json:"event"`
	From    string `json:"from_status"`
	To      string `json:"to_status"`
	Cause   string `json:"cause"`
	Attempt int    `json:"attempt"`
	Detail  string `json:"detail"`
}

// history returns a job's events, as the operator's command shows them.
func history(t testing.TB, dir, id string) []event {
	t.Helper()
	return historyWith(t, nil, dir, id)
}

func historyWith(t testing.TB, setup func(*exec.Cmd), dir, id string) []event {
	t.Helper()
	out, stderr, code := cliWith(t, setup, "jobs", "show", "--json", "--data-dir", dir, id)
	var shown struct {
		Events []event `json:"events"`
	}
	if code != 0 || json.Unmarshal([]byte(out), &shown) != nil {
		t.Fatalf("jobs show exited %d: %s%s", code, out, stderr)
	}
	return shown.Events
}

// happened is the history as words: event, and with what cause.
func happened(events []event) string {
	var words []string
	for _, e := range events {
		word := e.Event
		if e.Cause != "" {
			word += "(" + e.Cause + ")"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// failure is the error of a command, as --json prints it.
type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// fails runs a command that must end with an exit code, print nothing on
// stdout, and say what is wrong.
func fails(t testing.TB, exit int, args ...string) failure {
	t.Helper()
	return failsWith(t, nil, exit, args...)
}

func failsWith(t testing.TB, setup func(*exec.Cmd), exit int, args ...string) failure {
	t.Helper()
	stdout, stderr, code := cliWith(t, setup, append(args, "--json")...)
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	var said struct {
		Error failure `json:"error"`
	}
	err := json.Unmarshal([]byte(lines[len(lines)-1]), &said)
	if code != exit || stdout != "" || err != nil || said.Error.Code == "" || said.Error.Message == "" {
		t.Fatalf("mivaa %s: exit %d, want %d; stdout %q; stderr:\n%s", strings.Join(args, " "), code, exit, stdout, stderr)
	}
	return said.Error
}

// needsHint checks that an error says what to do, in words that contain the
// given ones.
func (f failure) needsHint(t testing.TB, words ...string) {
	t.Helper()
	for _, w := range append(words, " ") {
		if !strings.Contains(strings.ToLower(f.Hint), w) {
			t.Errorf("hint without %q: %+v", w, f)
		}
	}
}

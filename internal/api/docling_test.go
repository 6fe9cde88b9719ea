package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// convertRequest is what Open WebUI's loader sends: the fields, then the file,
// under the name it has on disk.
func (e *env) convertRequest(path, seed string, fields ...string) (string, *bytes.Buffer, string) {
	e.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	e.ok(w.WriteField("image_export_mode", "placeholder"))
	for i := 0; i < len(fields); i += 2 {
		e.ok(w.WriteField(fields[i], fields[i+1]))
	}
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", fmt.Sprintf(`form-data; name="files"; filename="/app/backend/data/uploads/%s.pdf"`, seed))
	h.Set("Content-Type", "application/pdf")
	part, err := w.CreatePart(h)
	e.ok(err)
	_, err = part.Write([]byte(samplePDF(seed)))
	e.ok(err)
	e.ok(w.Close())
	return path, &buf, w.FormDataContentType()
}

func (e *env) convert(path, seed string, fields ...string) answer {
	e.Helper()
	to, body, media := e.convertRequest(path, seed, fields...)
	return e.send(http.MethodPost, to, body, "Content-Type", media)
}

// convertedAnswer is the answer as docling's clients read it.
type convertedAnswer struct {
	Document struct {
		Filename string  `json:"filename"`
		Markdown *string `json:"md_content"`
		JSON     *struct {
			SchemaName string `json:"schema_name"`
			Version    string `json:"version"`
			Origin     struct {
				Hash uint64 `json:"binary_hash"`
			} `json:"origin"`
			Texts []struct {
				SelfRef string `json:"self_ref"`
				Label   string `json:"label"`
				Text    string `json:"text"`
				Prov    []struct {
					Page int `json:"page_no"`
				} `json:"prov"`
			} `json:"texts"`
			Body struct {
				Children []struct {
					Ref string `json:"$ref"`
				} `json:"children"`
			} `json:"body"`
			Pages map[string]struct {
				Size struct{ Width, Height float64 } `json:"size"`
			} `json:"pages"`
		} `json:"json_content"`
		HTML    *string `json:"html_content"`
		Text    *string `json:"text_content"`
		Doctags *string `json:"doctags_content"`
	} `json:"document"`
	Status string `json:"status"`
	Errors []struct {
		Message string `json:"error_message"`
	} `json:"errors"`
	Seconds *float64       `json:"processing_time"`
	Timings map[string]any `json:"timings"`
}

// newest is the job that was accepted last.
func (e *env) newest() jobs.Job {
	e.Helper()
	var found []jobs.Job
	e.eventually("a job is there", func() bool {
		var err error
		found, err = e.engine().List(e.Context(), jobs.Filter{Limit: 1})
		e.ok(err)
		return len(found) > 0
	})
	return found[0]
}

// TestConvertAsOpenWebUIDoes: one request, which waits for the Markdown.
func TestConvertAsOpenWebUIDoes(t *testing.T) {
	t.Parallel()
	e := guarded(t)
	to, body, media := e.convertRequest("/v1/convert/file", "webui")
	got := e.async(func() answer {
		return e.send(http.MethodPost, to, body, append(bearer(operateToken), "Content-Type", media)...)
	})
	e.process(e.newest().ID, 3, 3)
	a := read[convertedAnswer](e, <-got, http.StatusOK)
	if a.Document.Markdown == nil || !strings.Contains(*a.Document.Markdown, "This is the text of page 2.\n") || a.Document.Filename != "webui.pdf" {
		t.Errorf("document is %+v", a.Document)
	}
	if a.Document.JSON != nil || a.Document.HTML != nil || a.Document.Text != nil || a.Document.Doctags != nil {
		t.Errorf("there is more than was asked for: %+v", a.Document)
	}
	if a.Status != "success" || a.Errors == nil || len(a.Errors) > 0 || a.Seconds == nil || *a.Seconds < 0 || a.Timings == nil {
		t.Errorf("answer is %+v", a)
	}
	// The same file again is answered at once, also once its job is gone.
	again := func() answer {
		to, body, media := e.convertRequest("/v1/convert/file", "webui")
		return e.send(http.MethodPost, to, body, "X-Api-Key", operateToken, "Content-Type", media)
	}
	read[convertedAnswer](e, again(), http.StatusOK)
	e.ok(e.engine().Delete(t.Context(), e.newest().ID))
	if a := read[convertedAnswer](e, again(), http.StatusOK); a.Document.Markdown == nil {
		t.Errorf("without its job: %+v", a)
	}
	to, body, media = e.convertRequest("/v1/convert/file", "webui")
	e.problem(e.send(http.MethodPost, to, body, "X-Api-Key", viewToken, "Content-Type", media), http.StatusForbidden, codeReadOnly)
}

func TestConvertAsync(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	task := read[TaskStatus](e, e.convert("/v1/convert/file/async", "async", "to_formats", "json", "to_formats", "text", "do_ocr", "true", "ocr_engine", "easyocr", "from_formats", "pdf", "from_formats", "docx"), http.StatusOK)
	if task.TaskStatus != taskPending || task.TaskType != "convert" || task.TaskPosition == nil || *task.TaskPosition != 1 || task.TaskMeta.NumDocs != 1 {
		t.Errorf("task is %+v", task)
	}
	poll, result := "/v1/status/poll/"+task.TaskID, "/v1/result/"+task.TaskID
	e.problem(e.get(result), http.StatusNotFound, codeNotReady)
	id := mustID(e, task.TaskID[:36])
	j := e.claim(id)
	if s := read[TaskStatus](e, e.get(poll), http.StatusOK); s.TaskStatus != taskStarted || s.TaskPosition != nil {
		t.Errorf("task is %+v", s)
	}
	e.finish(j, jobs.Outcome{Status: jobs.Interrupted, Cause: jobs.CauseShutdown, Error: jobs.CauseShutdown.Reason()})
	if s := read[TaskStatus](e, e.get(poll), http.StatusOK); s.TaskStatus != taskPending { // it goes on by itself
		t.Errorf("task is %+v", s)
	}
	_, err := e.engine().Move(t.Context(), id, jobs.Resume, "test")
	e.ok(err)
	waiting := e.async(func() answer { return e.get(poll + "?wait=30") })
	e.process(id, 3, 3, 2)
	if s := read[TaskStatus](e, <-waiting, http.StatusOK); s.TaskStatus != taskSuccess || s.TaskID != task.TaskID || s.TaskMeta.NumSucceeded != 1 {
		t.Errorf("task is %+v", s)
	}

	a := read[convertedAnswer](e, e.get(result), http.StatusOK)
	if a.Document.Markdown != nil || a.Document.Text == nil || !strings.Contains(*a.Document.Text, "This is the text of page 3.") {
		t.Errorf("document is %+v", a.Document)
	}
	if a.Status != "partial_success" || len(a.Errors) != 1 || !strings.HasPrefix(a.Errors[0].Message, "page 2: page_timeout") {
		t.Errorf("%s, %+v", a.Status, a.Errors)
	}
	d := a.Document.JSON
	if d == nil || d.SchemaName != "DoclingDocument" || d.Origin.Hash == 0 || len(d.Texts) != 2 || len(d.Body.Children) != 2 || len(d.Pages) != 3 || d.Pages["3"].Size.Width != 595 {
		t.Fatalf("JSON is %+v", d)
	}
	for i, item := range d.Texts {
		if item.SelfRef != fmt.Sprint("#/texts/", i) || item.SelfRef != d.Body.Children[i].Ref || item.Label != "text" || item.Prov[0].Page != 1+2*i {
			t.Errorf("item is %+v", item)
		}
	}
}

// TestConversionFails: the client is told what is wrong, where it looks for it.
func TestConversionFails(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for i, test := range []struct {
		outcome jobs.Outcome
		status  int
		code    string
	}{
		{jobs.Outcome{Status: jobs.Failed, Code: "password_required", Error: "the PDF is encrypted"}, http.StatusBadRequest, "password_required"},
		{jobs.Outcome{Status: jobs.Failed, Code: "crashed", Error: "it crashed three times"}, http.StatusConflict, codeConversionFailed},
		{jobs.Outcome{Status: jobs.Interrupted, Cause: jobs.CauseCancelled, Error: "Cancelled by request"}, http.StatusConflict, codeConversionFailed},
	} {
		to, body, media := e.convertRequest("/v1/convert/file", fmt.Sprint("fails", i))
		before := e.count()
		got := e.async(func() answer { return e.send(http.MethodPost, to, body, "Content-Type", media) })
		e.eventually("it is accepted", func() bool { return e.count() > before })
		j := e.claim(e.newest().ID)
		e.finish(j, test.outcome)
		if p := e.problem(<-got, test.status, test.code); !strings.Contains(p.Detail, test.outcome.Error) {
			t.Errorf("detail is %s", p.Detail)
		}
		s := read[TaskStatus](e, e.get("/v1/status/poll/"+j.ID.String()), http.StatusOK)
		if s.TaskStatus != taskFailure || s.ErrorMessage == nil || *s.ErrorMessage != test.outcome.Error || s.TaskMeta.NumFailed != 1 {
			t.Errorf("task is %+v", s)
		}
		e.problem(e.get("/v1/result/"+j.ID.String()), test.status, test.code)
	}
}

func (e *env) count() int {
	e.Helper()
	found, err := e.engine().List(e.Context(), jobs.Filter{Limit: 100})
	e.ok(err)
	return len(found)
}

func TestConversionTakesLong(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.api.convertWait = 20 * time.Millisecond
	p := e.problem(e.convert("/v1/convert/file", "long", "to_formats", `["md", "text"]`), http.StatusGatewayTimeout, codeTimeout)
	if !strings.HasSuffix(p.TaskID, ".md.text") || !strings.Contains(p.Detail, p.TaskID) {
		t.Errorf("problem is %+v", p)
	}
	e.process(mustID(e, p.TaskID[:36]), 1, 1)
	if a := read[convertedAnswer](e, e.get("/v1/result/"+p.TaskID), http.StatusOK); a.Document.Markdown == nil || a.Document.Text == nil {
		t.Errorf("%+v", a.Document)
	}
}

// TestConvertRefused: what cannot be done is said, by the name of the field, and
// nothing is left behind that would run.
func TestConvertRefused(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.api.convertWait = time.Millisecond
	for _, test := range []struct{ field, value, want string }{
		{"to_formats", "html", `"html" is not made here: md, json, text are`},
		{"to_formats", "doctags", "doctags"},
		{"to_formats", `["md","html_split_page"]`, "html_split_page"},
		{"from_formats", "docx", "only PDFs"},
		{"image_export_mode", "embedded", "placeholder"},
		{"target_type", "zip", "inbody"},
		{"from_formats", "image", "the file is application/pdf"},
		{"do_picture_description", "1", "no models"},
		{"do_formula_enrichment", "yes", "no models"},
		{"pipeline", "vlm", "standard"},
		{"md_page_break_placeholder", "---", "page breaks"},
		{"page_range", "0,3", "first and the last page"},
		{"page_range", "3", "first and the last page"},
		{"page_range", "[3, 1]", "first and the last page"},
		{"page_range", "[1, 2, 3]", "first and the last page"},
		{"page_range", "a-b", "first and the last page"},
		{"x", strings.Repeat("x", mostField+1), "longer than"},
	} {
		p := e.problem(e.convert("/v1/convert/file", "refused", test.field, test.value), http.StatusBadRequest, codeInvalid)
		if !strings.Contains(p.Detail, test.want) {
			t.Errorf("%s=%.20s: %s", test.field, test.value, p.Detail)
		}
	}
	if n := e.count(); n > 0 {
		t.Errorf("%d jobs were accepted", n)
	}
	for _, ok := range [][]string{
		{"force_ocr", "false"}, {"do_ocr", "true"}, {"from_formats", "image,pdf"}, {"do_table_structure", "true"}, {"images_scale", "2.0"}, {"pipeline", "standard"}, {"page_range", "1", "page_range", "9223372036854775807"},
		{"page_range", "[2, 9]"}, {"to_formats", ""}, {"ocr_lang", "en"}, {"document_timeout", "60"}, {"abort_on_error", "false"}, {"target_type", "inbody"},
	} {
		e.problem(e.convert("/v1/convert/file", "refused", ok...), http.StatusGatewayTimeout, codeTimeout)
	}
	twoFiles, ct := formBody(e, "a.pdf", samplePDF("two"), "x", "y")
	e.problem(e.send(http.MethodPost, "/v1/convert/file", twoFiles, "Content-Type", ct), http.StatusBadRequest, codeInvalid) // no file
	e.problem(e.send(http.MethodPost, "/v1/convert/file", strings.NewReader("%PDF-1.7"), "Content-Type", "application/pdf"), http.StatusUnsupportedMediaType, codeMediaType)
	for _, path := range []string{"/v1/convert/source", "/v1/convert/source/async"} {
		a := e.send(http.MethodPost, path, strings.NewReader(`{"sources":[{"kind":"http","url":"http://169.254.169.254/"}]}`), "Content-Type", "application/json")
		if p := e.problem(a, http.StatusNotImplemented, codeNotAvailable); !strings.Contains(p.Detail, "/v1/convert/file") {
			t.Errorf("%s: %s", path, p.Detail)
		}
	}
	for _, id := range []string{"x", nilID, jobs.NewID().String(), jobs.NewID().String() + ".html", e.newest().ID.String() + ".md.md", e.newest().ID.String() + "."} {
		e.problem(e.get("/v1/status/poll/"+id), http.StatusNotFound, codeNotFound)
		e.problem(e.get("/v1/result/"+id), http.StatusNotFound, codeNotFound)
	}
}

func TestPageRange(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	task := read[TaskStatus](e, e.convert("/v1/convert/file/async", "range", "page_range", "2", "page_range", "4"), http.StatusOK)
	d, err := e.docs.Get(t.Context(), e.job(mustID(e, task.TaskID)).DocumentID)
	e.ok(err)
	if !strings.Contains(string(d.Options), `"pages":"2-4"`) {
		t.Errorf("options are %s", d.Options)
	}
}

// FuzzQuoted: what is written a piece at a time is what encoding/json reads.
func FuzzQuoted(f *testing.F) {
	f.Add("plain", 1)
	f.Add("\"\\\n\r\t\x00\x1f\x7fäöü\u2028\U0001F600", 3)
	f.Fuzz(func(t *testing.T, s string, piece int) {
		s = strings.ToValidUTF8(s, "?")
		piece = max(1, piece%7)
		var buf bytes.Buffer
		w := bufio.NewWriter(&buf)
		for rest := s; rest != ""; {
			n := min(piece, len(rest))
			if _, err := (quoted{w}).Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		_ = w.Flush()
		var got string
		if err := json.Unmarshal([]byte(`"`+buf.String()+`"`), &got); err != nil || got != s {
			t.Fatalf("%q became %q, %v", s, got, err)
		}
	})
}

// Which pages are recognised is said in docling's words.
func TestConvertOCR(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.api.convertWait = time.Millisecond
	for _, test := range []struct {
		fields []string
		want   string
	}{
		{[]string{"force_ocr", "true"}, `{"ocr":"force"}`}, {[]string{"do_ocr", "false"}, `{"ocr":"off"}`}, {[]string{"do_ocr", "true"}, `{}`},
		{[]string{"force_ocr", "true", "do_ocr", "false"}, `{"ocr":"off"}`}, {[]string{"do_ocr", "false", "force_ocr", "true"}, `{"ocr":"off"}`},
	} {
		e.problem(e.convert("/v1/convert/file", strings.Join(test.fields, " "), test.fields...), http.StatusGatewayTimeout, codeTimeout)
		d, err := e.docs.Get(t.Context(), e.newest().DocumentID)
		e.ok(err)
		if string(d.Options) != test.want {
			t.Errorf("%v: options %s, want %s", test.fields, d.Options, test.want)
		}
	}
}

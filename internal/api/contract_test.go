package api

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/mivaa/mivaa/jobs"
)

var (
	contractSeed  = flag.Uint64("contract.seed", 1, "seed of TestContract")
	contractCalls = flag.Int("contract.calls", 30, "how often TestContract calls each operation, on each store")
)

// TestContract calls every operation of the description, with what it asks for
// and with what nobody should send. Whatever comes: an answer, soon, of a status,
// a type and a shape that the description has; no fault of the service's own, and
// no word about its insides.
func TestContract(t *testing.T) {
	t.Parallel()
	for store, open := range onStores() {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			c := newContract(open(t))
			paths := c.spec.Paths.Map()
			for _, path := range slices.Sorted(maps.Keys(paths)) {
				for _, method := range slices.Sorted(maps.Keys(paths[path].Operations())) {
					c.call(method, path, paths[path].Operations()[method])
				}
			}
			if c.called < 10*len(paths) {
				t.Errorf("only %d requests were sent", c.called)
			}
			t.Logf("%d requests to %d paths; statuses %v", c.called, len(paths), c.statuses)
		})
	}
}

// contract is one walk.
type contract struct {
	*env
	spec     *openapi3.T
	rand     *rand.Rand
	ids      []string // of jobs and documents that are there, or were
	began    time.Time
	called   int
	statuses map[int]int
}

func newContract(e *env) *contract {
	e.Helper()
	spec, err := openapi3.NewLoader().LoadFromData([]byte(e.get("/openapi.json").body))
	e.ok(err)
	e.api.convertWait = 50 * time.Millisecond // nobody converts here
	c := &contract{began: time.Now(), env: e, spec: spec, rand: rand.New(rand.NewPCG(*contractSeed, 0)), statuses: map[int]int{}}
	e.client.Timeout = 20 * time.Second
	return c
}

// fill brings jobs of every status into the store, and a document that is read.
func (c *contract) fill() {
	c.Helper()
	c.post("/api/admin/resume-from-deploy") // a call may have paused everything
	for _, status := range []jobs.Status{jobs.Pending, jobs.Processing, jobs.Completed, jobs.Failed, jobs.Interrupted} {
		c.ids = append(c.ids, c.in(status).ID.String())
	}
	for i := range 2 {
		up := c.upload(fmt.Sprint("contract ", len(c.ids), i))
		c.process(mustID(c.env, *up.JobID), 3, 3-i, 2)
		c.ids = append(c.ids, *up.JobID, up.DocumentID)
	}
}

func (c *contract) call(method, path string, op *openapi3.Operation) {
	c.Helper()
	c.fill() // what was deleted or moved by now
	for n := range *contractCalls {
		if n >= 10 && time.Since(c.began) > time.Duration(*contractCalls)*time.Second*2/3 {
			return // the machine is busy
		}
		r := c.request(method, path, op, n%2 == 1)
		what := fmt.Sprintf("%s %.300s (call %d)", method, r.URL, n)
		began := time.Now()
		resp, err := c.client.Do(r)
		if err != nil {
			c.Errorf("%s: %v", what, err)
			continue
		}
		body, err := readAnswer(resp)
		if err != nil {
			c.Errorf("%s: %v", what, err)
			continue
		}
		if took := time.Since(began); took > 10*time.Second {
			c.Errorf("%s: took %v", what, took)
		}
		c.called++
		c.statuses[resp.StatusCode]++
		c.judge(what, op, resp, body)
	}
}

// readAnswer reads an answer; of one that never ends, what comes first.
func readAnswer(resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		first := make([]byte, 16)
		n, err := io.ReadAtLeast(resp.Body, first, 1)
		return first[:n], err
	}
	return io.ReadAll(resp.Body)
}

// judge compares an answer with the description.
func (c *contract) judge(what string, op *openapi3.Operation, resp *http.Response, body []byte) {
	c.Helper()
	switch status := resp.StatusCode; {
	case status == http.StatusNotImplemented, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
	case status >= http.StatusInternalServerError:
		c.Errorf("%s: %d %.500s", what, status, body)
		return
	}
	for _, inside := range []string{"goroutine ", "runtime.", ".go:", "panic", "SQLSTATE", "sqlite", "SELECT ", "pgx"} {
		if bytes.Contains(body, []byte(inside)) && resp.StatusCode >= http.StatusBadRequest {
			c.Errorf("%s tells %q: %.500s", what, inside, body)
		}
	}
	described := op.Responses.Status(resp.StatusCode)
	if described == nil {
		described = op.Responses.Default()
		if resp.StatusCode < http.StatusBadRequest {
			c.Errorf("%s: status %d is not described", what, resp.StatusCode)
			return
		}
	}
	if resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusNotModified {
		return
	}
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		c.Errorf("%s: %d has the type %q", what, resp.StatusCode, resp.Header.Get("Content-Type"))
		return
	}
	content := described.Value.Content.Get(media)
	if content == nil {
		c.Errorf("%s: %d has the type %s, which is not described", what, resp.StatusCode, media)
		return
	}
	if !strings.HasSuffix(media, "json") || content.Schema == nil {
		return
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		c.Errorf("%s: %v in %.300s", what, err, body)
		return
	}
	if err := content.Schema.Value.VisitJSON(value, openapi3.MultiErrors(), openapi3.EnableFormatValidation()); err != nil {
		c.Errorf("%s: %d is not as described: %v\n%.500s", what, resp.StatusCode, err, body)
	}
}

// request makes one: hostile, or as the description asks for it.
func (c *contract) request(method, path string, op *openapi3.Operation, hostile bool) *http.Request {
	c.Helper()
	query, header := url.Values{}, http.Header{}
	for _, ref := range op.Parameters {
		p := ref.Value
		if p.In != "path" && !p.Required && c.rand.IntN(3) == 0 {
			continue
		}
		value := c.value(p.Name, p.Schema.Value)
		if hostile && c.rand.IntN(2) == 0 {
			value = c.hostile()
		}
		switch p.In {
		case "path":
			path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(value))
		case "query":
			query.Add(p.Name, value)
			if hostile && c.rand.IntN(10) == 0 {
				query.Add(p.Name, c.hostile()) // given twice
			}
		case "header":
			header.Set(p.Name, strings.Map(headerSafe, value))
		}
	}
	if hostile && c.rand.IntN(5) == 0 {
		query.Set(c.hostile(), c.hostile())
	}
	body, media := c.body(op, hostile)
	ctx, cancel := context.WithTimeout(c.Context(), 20*time.Second)
	c.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, body)
	c.ok(err)
	r.URL.RawQuery = query.Encode()
	if hostile && c.rand.IntN(10) == 0 {
		r.URL.RawQuery = "%zz&=&&a=%00;" + r.URL.RawQuery
	}
	r.Header = header
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	return r
}

// headerSafe leaves out what net/http refuses to send.
func headerSafe(c rune) rune {
	if c < ' ' || c == 0x7f {
		return -1
	}
	return c
}

// value is one that a schema allows.
func (c *contract) value(name string, s *openapi3.Schema) string {
	switch {
	case name == "id":
		return c.ids[c.rand.IntN(len(c.ids))]
	case name == "task":
		return c.ids[c.rand.IntN(len(c.ids))] + []string{"", ".md", ".json.text", ".html", ".md.md"}[c.rand.IntN(5)]
	case name == "wait" || name == "max_wait_seconds": // longer ones are another test's
		return []string{"0", "", "1"}[c.rand.IntN(3)]
	case len(s.Enum) > 0:
		return fmt.Sprint(s.Enum[c.rand.IntN(len(s.Enum))])
	case s.Format == "uuid":
		return jobs.NewID().String()
	case s.Format == "date-time":
		return time.Now().UTC().Format(time.RFC3339)
	case s.Type.Includes(openapi3.TypeInteger), s.Type.Includes(openapi3.TypeNumber):
		low, high := 0.0, 1000.0
		if s.Min != nil {
			low = *s.Min
		}
		if s.Max != nil {
			high = *s.Max
		}
		return strconv.Itoa(int([]float64{low, high, low + 1, (low + high) / 2}[c.rand.IntN(4)]))
	case s.Type.Includes(openapi3.TypeBoolean):
		return strconv.FormatBool(c.rand.IntN(2) == 0)
	case name == "pages":
		return []string{"1", "1-2", "2-", "1-3,2"}[c.rand.IntN(4)]
	case name == "tags":
		return `["a","b"]`
	case s.Example != nil:
		return fmt.Sprint(s.Example)
	}
	return []string{"", "p1-1.png", "failed", "contract"}[c.rand.IntN(4)]
}

// hostile is a value that nobody should send.
func (c *contract) hostile() string {
	values := []string{
		"", " ", "\x00", "a\x00b", "\xff\xfe", "-1", "0", "1e309", "9223372036854775808", "-9223372036854775809", "NaN", "null", "true", "[]", "{}", "[[[[[[",
		"' OR 1=1 --", `"; DROP TABLE background_jobs; --`, "%", "_", "\\", "%%_\\%", "../../../etc/passwd", "..", ".", "/", "//evil.example/", "<script>alert(1)</script>",
		"${jndi:ldap://x}", "{{7*7}}", "\r\nSet-Cookie: a=b", "\u202e\u0000\u2028", strings.Repeat("ä", 1000), strings.Repeat("(", 500), strings.Repeat("9", 400),
		"2026-02-30T25:61:61Z", "0001-01-01T00:00:00Z", "9999999-01-01T00:00:00Z", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
		strings.ToUpper(jobs.NewID().String()), jobs.NewID().String(), "1-99999999999999999999", "5-1", "1-,,-1", "999999999999h", "-5s", "1ns", "0x10", "1_000",
	}
	return values[c.rand.IntN(len(values))]
}

// body is what an operation takes, or something like it.
func (c *contract) body(op *openapi3.Operation, hostile bool) (io.Reader, string) {
	c.Helper()
	if op.RequestBody == nil {
		if hostile && c.rand.IntN(4) == 0 {
			return strings.NewReader(c.hostile()), "application/json"
		}
		return http.NoBody, ""
	}
	media := slices.Sorted(maps.Keys(op.RequestBody.Value.Content))[c.rand.IntN(len(op.RequestBody.Value.Content))]
	schema := op.RequestBody.Value.Content[media].Schema.Value
	if hostile && c.rand.IntN(4) == 0 {
		wrong := []string{"application/json", "multipart/form-data", "multipart/form-data; boundary=x", "text/plain", "application/pdf", "application/x-www-form-urlencoded", ";;", ""}
		return strings.NewReader(c.hostile()), wrong[c.rand.IntN(len(wrong))]
	}
	switch media {
	case "multipart/form-data":
		return c.form(schema, hostile)
	case "application/json":
		return c.json(schema, hostile), media
	}
	return strings.NewReader(samplePDF(strconv.Itoa(c.called))), media
}

func (c *contract) form(schema *openapi3.Schema, hostile bool) (io.Reader, string) {
	c.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		s := schema.Properties[name].Value
		if hostile && c.rand.IntN(6) == 0 {
			continue
		}
		if s.Format == "binary" || s.Items != nil && s.Items.Value.Format == "binary" {
			filename := "contract.pdf"
			if hostile {
				filename = strings.Map(headerSafe, c.hostile())
			}
			part, err := w.CreateFormFile(name, filename)
			c.ok(err)
			_, err = io.WriteString(part, samplePDF(strconv.Itoa(c.called)))
			c.ok(err)
			continue
		}
		value := c.formValue(name, s)
		if hostile && c.rand.IntN(2) == 0 {
			value = c.hostile()
		}
		c.ok(w.WriteField(name, value))
	}
	c.ok(w.Close())
	return &buf, w.FormDataContentType()
}

// formValue is one that the upload takes: the description says only that each is
// a text.
func (c *contract) formValue(name string, s *openapi3.Schema) string {
	if s.Type.Includes(openapi3.TypeArray) {
		if len(s.Items.Value.Enum) > 0 {
			return fmt.Sprint(s.Items.Value.Enum[c.rand.IntN(len(s.Items.Value.Enum))])
		}
		return "[1, 2]"
	}
	switch name {
	case "recovery":
		return []string{"auto", "manual"}[c.rand.IntN(2)]
	case "priority", "chunk_overlap":
		return strconv.Itoa(c.rand.IntN(100))
	case "chunk_size":
		return strconv.Itoa(500 + c.rand.IntN(500))
	case "callback_url":
		return "https://hook.example/x"
	}
	return c.value(name, s)
}

func (c *contract) json(schema *openapi3.Schema, hostile bool) io.Reader {
	c.Helper()
	v := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		if !slices.Contains(schema.Required, name) && c.rand.IntN(2) == 0 {
			continue
		}
		v[name] = c.jsonValue(name, schema.Properties[name].Value, hostile)
	}
	data, err := json.Marshal(v)
	c.ok(err)
	if hostile && c.rand.IntN(5) == 0 {
		data = data[:c.rand.IntN(len(data)+1)]
	}
	if hostile && c.rand.IntN(10) == 0 {
		data = []byte(strings.Repeat(`{"a":[`, 5000))
	}
	return bytes.NewReader(data)
}

func (c *contract) jsonValue(name string, s *openapi3.Schema, hostile bool) any {
	if hostile && c.rand.IntN(3) == 0 {
		return []any{nil, -1, 1e300, true, c.hostile(), []any{c.hostile()}, map[string]any{"x": c.hostile()}}[c.rand.IntN(7)]
	}
	switch {
	case s.Type.Includes(openapi3.TypeArray):
		return []any{c.jsonValue("id", s.Items.Value, hostile)}
	case s.Type.Includes(openapi3.TypeObject):
		v := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			v[name] = c.jsonValue(name, s.Properties[name].Value, hostile)
		}
		return v
	case s.Type.Includes(openapi3.TypeInteger), s.Type.Includes(openapi3.TypeNumber):
		return c.rand.IntN(100)
	case s.Type.Includes(openapi3.TypeBoolean):
		return c.rand.IntN(2) == 0
	}
	return c.value(name, s)
}

// TestDeployStep: what a deploy script reads before it restarts the service,
//
//	curl -s .../api/rag/admin/jobs | jq '.active_jobs'
//
// is a number in every state, and an error is none.
func TestDeployStep(t *testing.T) {
	t.Parallel()
	for store, open := range onStores() {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			e := open(t)
			activeJobs := func() json.Number {
				d := json.NewDecoder(strings.NewReader(e.get("/api/rag/admin/jobs").body))
				d.UseNumber()
				var v map[string]any
				e.ok(d.Decode(&v))
				n, _ := v["active_jobs"].(json.Number)
				return n
			}
			if n := activeJobs(); n != "0" {
				t.Errorf("without a job it is %q", n)
			}
			for _, status := range []jobs.Status{jobs.Pending, jobs.Processing, jobs.Completed, jobs.Failed, jobs.Interrupted, jobs.Processing} {
				e.in(status)
			}
			if n := activeJobs(); n != "2" {
				t.Errorf("with two jobs under way it is %q", n)
			}
		})
	}
}

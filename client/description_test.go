package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mivaa/mivaa/client"
	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

// service is the real API on a store of its own, and what was asked of it.
type service struct {
	testing.TB
	*client.Client
	store *sqlite.Store
	api   *api.API
	mu    sync.Mutex
	asked []seen
}

func newService(tb testing.TB) *service {
	tb.Helper()
	s := &service{TB: tb}
	dir := tb.TempDir()
	var err error
	s.store, err = sqlite.Open(tb.Context(), sqlite.Config{Path: filepath.Join(dir, "mivaa.db")})
	s.ok(err)
	tb.Cleanup(func() { s.ok(s.store.Close()) })
	docs, err := documents.NewSQLite(tb.Context(), s.store)
	s.ok(err)
	blobs, err := blob.OpenFolder(tb.Context(), filepath.Join(dir, "blobs"))
	s.ok(err)
	tb.Cleanup(func() { s.ok(blobs.Close()) })
	s.api, err = api.New(api.Config{Jobs: s.store, Documents: docs, Blobs: blobs, Version: "1.2.3"})
	s.ok(err)
	server := httptest.NewServer(s.api.Handler())
	tb.Cleanup(server.Close)
	tb.Cleanup(s.api.Stop)
	s.Client = &client.Client{URL: server.URL, HTTPClient: &http.Client{Transport: s}, Patience: -1}
	return s
}

func (s *service) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// RoundTrip notes the request and passes it on.
func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	note := seen{method: r.Method, path: r.URL.Path, query: r.URL.RawQuery, header: r.Header}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		note.body = string(body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	s.mu.Lock()
	s.asked = append(s.asked, note)
	s.mu.Unlock()
	return http.DefaultTransport.RoundTrip(r)
}

// description is as much of /openapi.json as the test looks at.
type description struct {
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]schema }
}

type operation struct {
	OperationID string `json:"operationId"`
	Parameters  []struct{ Name, In string }
	RequestBody *struct {
		Content map[string]struct{ Schema schema }
	}
	Responses map[string]struct {
		Content map[string]struct{ Schema schema }
	}
}

type schema struct {
	Ref        string `json:"$ref"`
	Properties map[string]schema
	Items      *schema
}

func (s *service) description() description {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.URL+"/openapi.json", nil)
	s.ok(err)
	answer, err := http.DefaultClient.Do(req)
	s.ok(err)
	defer answer.Body.Close()
	var d description
	s.ok(json.NewDecoder(answer.Body).Decode(&d))
	return d
}

func (d description) resolve(s schema) schema {
	for s.Ref != "" {
		s = d.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
	}
	return s
}

// find returns the operation that a request is. {id} is a UUID, so that no
// request is two.
func (d description) find(method, path string) (operation, bool) {
	for template, methods := range d.Paths {
		pattern := strings.NewReplacer("{id}", `[0-9a-f]{8}-[0-9a-f-]{27}`, "{name}", "[^/]+", "{n}", "[0-9]+", "{table}", "[^/]+", ".", `\.`).Replace(template)
		if op, ok := methods[strings.ToLower(method)]; ok && regexp.MustCompile("^"+pattern+"$").MatchString(path) {
			return op, true
		}
	}
	return operation{}, false
}

// excused are the operations that this package has no method for, and why.
var excused = map[string]string{
	"health-ready": "Ready asks /health, which says why not",
}

// others are the addresses that programs of others call; they have clients.
func others(path string) bool {
	return strings.HasPrefix(path, "/v1/") || strings.HasPrefix(path, "/login")
}

// TestEveryOperation calls every method: each sends what the description knows,
// and each operation has a method.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	s := newService(t)
	d := s.description()
	done, err := s.Submit(t.Context(), strings.NewReader("%PDF-1.7 test"), client.Upload{
		Filename: "a.pdf", Title: "t", Description: "d", Tags: []string{"x"}, Pages: "1", ChunkSize: 100, ChunkOverlap: 10, ChunkUnit: "tokens", Password: "p",
		Priority: 1, Owner: "o", Recovery: "manual", Anew: true,
	})
	s.ok(err)
	if j, err := s.Job(t.Context(), done.JobID); err != nil || j.Owner != "o" || j.Priority != 1 || j.Recovery != "manual" || j.QueuePosition != 1 || j.Ended() {
		t.Errorf("%+v, %v", j, err)
	}
	s.callAll(done)
	called := map[string]bool{}
	for _, r := range s.asked {
		op, ok := d.find(r.method, r.path)
		if !ok {
			t.Errorf("%s %s is no operation", r.method, r.path)
			continue
		}
		called[op.OperationID] = true
		s.checkRequest(d, op, r)
	}
	for path, methods := range d.Paths {
		for _, op := range methods {
			if !called[op.OperationID] && excused[op.OperationID] == "" && !others(path) {
				t.Errorf("no method of the client calls %s (%s)", op.OperationID, path)
			}
		}
	}
}

// callAll calls every method. What it answers is for other tests.
func (s *service) callAll(done client.Submitted) {
	ctx, job, doc := s.Context(), done.JobID, done.DocumentID
	filter := client.JobFilter{
		Status: client.Failed, Query: "x", Cause: "crash", ErrorCode: "damaged", Owner: "o", Instance: "i", DocumentID: doc,
	}
	soon, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for _, err := range s.Watch(soon, job, 1) {
		_ = err
		break
	}
	for _, err := range s.WatchAll(soon, 1) {
		_ = err
		break
	}
	_, _ = s.JobChange(ctx, job, time.Millisecond)
	_, _ = s.ListJobs(ctx, filter, client.JobPage{Sort: "created_at:asc", Limit: 3, Cursor: "x", After: job})
	_, _ = s.CountJobs(ctx, filter)
	_, _ = s.Groups(ctx, filter)
	_, _ = s.Bulk(ctx, client.Bulk{Move: "cancel", Filter: filter, DryRun: true, Cursor: "x"})
	_, _ = s.Story(ctx, job)
	for _, err := range s.Checkpoints(ctx, job, 1) {
		_ = err
		break
	}
	for _, move := range []func(context.Context, string) (client.Moved, error){s.Cancel, s.Resume, s.Retry, s.Restart} {
		_, _ = move(ctx, job)
	}
	_, _ = s.Submit(ctx, strings.NewReader("%PDF-1.7"), client.Upload{Filename: "b.pdf", Callback: "https://example.org/done"})
	_, _ = s.Webhooks(ctx, job)
	_, _ = s.Activity(ctx)
	_, _ = s.Figures(ctx, "day")
	_, _ = s.Instances(ctx)
	_, _ = s.PauseForDeploy(ctx, time.Second, "a deploy")
	_, _ = s.DrainStatus(ctx)
	_, _ = s.ResumeFromDeploy(ctx)
	_, _ = s.Health(ctx)
	_ = s.Live(ctx)
	_, _ = s.Document(ctx, doc)
	_, _ = s.ListDocuments(ctx, client.DocumentPage{Owner: "o", Limit: 2, Cursor: "x", After: doc, Prefix: "01"})
	_, _ = s.Content(ctx, doc, client.ContentOptions{
		Format: client.Chunks, Pages: "1", PageMarkers: true, Furniture: true, ChunkSize: 100, ChunkOverlap: -1, Shape: "langchain",
		HTMLTables: true, Plain: true, Hyphens: "keep", Images: true, Table: "p1t1", ChunkUnit: "tokens",
	})
	_, _ = s.ListTables(ctx, doc, 1, 2)
	_, _ = s.Table(ctx, doc, "p1t1")
	_, _ = s.Attachments(ctx, doc)
	_, _ = s.Attachment(ctx, doc, 1)
	_, _ = s.DocumentSchema(ctx)
	for _, err := range s.Pages(ctx, doc, 1) {
		_ = err
		break
	}
	_, _ = s.Page(ctx, doc, 1)
	_, _ = s.PageImage(ctx, doc, 1, 100)
	_, _ = s.ListImages(ctx, doc, 1, 1)
	_, _ = s.Image(ctx, doc, "p1-1.jpg")
	if f, err := s.Source(ctx, doc); err == nil {
		_ = f.Close()
	}
	_, _ = s.Reprocess(ctx, doc)
	_ = s.DeleteDocument(ctx, doc)
	_ = s.DeleteJob(ctx, job)
}

func (s *service) checkRequest(d description, op operation, r seen) {
	s.Helper()
	for pair := range strings.SplitSeq(r.query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if name != "" && !slices.ContainsFunc(op.Parameters, func(p struct{ Name, In string }) bool { return p.Name == name && p.In == "query" }) {
			s.Errorf("%s has no parameter %s", op.OperationID, name)
		}
	}
	if op.RequestBody == nil || r.body == "" {
		return
	}
	if form, ok := op.RequestBody.Content["multipart/form-data"]; ok {
		known := d.resolve(form.Schema).Properties
		for _, field := range regexp.MustCompile(`form-data; name="?([a-z_]+)`).FindAllStringSubmatch(r.body, -1) {
			if _, ok := known[field[1]]; !ok {
				s.Errorf("%s has no field %s", op.OperationID, field[1])
			}
		}
		return
	}
	var sent map[string]any
	s.ok(json.Unmarshal([]byte(r.body), &sent))
	for name := range sent {
		if _, ok := d.resolve(op.RequestBody.Content["application/json"].Schema).Properties[name]; !ok {
			s.Errorf("%s has no %s in its body", op.OperationID, name)
		}
	}
}

// TestAnswers: every key of the client's types is in the description, and what
// is in the description is in the client's types.
func TestAnswers(t *testing.T) {
	t.Parallel()
	s := newService(t)
	d := s.description()
	for operationID, answer := range map[string]any{
		"upload": client.Submitted{}, "get-job": client.Job{}, "list-jobs": client.JobList{}, "list-checkpoints": client.Checkpoints{},
		"resume-job": client.Moved{}, "bulk-move": client.BulkDone{}, "count-jobs": client.JobCount{}, "get-job-story": client.Story{},
		"get-document": client.Document{}, "list-documents": client.DocumentList{}, "admin-jobs": client.Activity{}, "figures": client.Figures{},
		"pause-for-deploy": client.Drain{}, "health": client.Health{},
		"group-jobs":     struct{ Groups []client.Group }{},
		"list-instances": struct{ Instances []client.Instance }{},
		"list-tables":    client.TableList{}, "list-attachments": client.AttachmentList{},
		"list-pages": client.PageList{}, "get-page": client.PageContent{}, "list-images": client.ImageList{},
		"list-webhooks": struct{ Webhooks []client.Delivery }{},
	} {
		found := false
		for _, methods := range d.Paths {
			for _, op := range methods {
				if op.OperationID != operationID {
					continue
				}
				found = true
				code := "200"
				if _, ok := op.Responses["202"]; ok {
					code = "202"
				}
				compare(t, d, operationID, reflect.TypeOf(answer), op.Responses[code].Content["application/json"].Schema)
			}
		}
		if !found {
			t.Errorf("there is no operation %s", operationID)
		}
	}
	problem := d.Components.Schemas["Problem"]
	compare(t, d, "problem", reflect.TypeFor[client.Error](), problem)
}

// leftOut are keys that say what another one says, or belong to the addresses of
// others.
var leftOut = []string{"job_id", "document_id", "type", "count", "$schema", "links", "task_id"}

func compare(t *testing.T, d description, where string, goType reflect.Type, s schema) {
	t.Helper()
	s = d.resolve(s)
	for goType.Kind() == reflect.Pointer || goType.Kind() == reflect.Slice && goType != reflect.TypeFor[json.RawMessage]() {
		if goType.Kind() == reflect.Slice && s.Items != nil {
			s = d.resolve(*s.Items)
		}
		goType = goType.Elem()
	}
	if goType.Kind() != reflect.Struct || goType == reflect.TypeFor[time.Time]() {
		return
	}
	ours := map[string]reflect.Type{}
	keysOf(goType, ours)
	for name, field := range ours {
		known, ok := s.Properties[name]
		if !ok {
			if _, onlyOne := map[string]bool{"queue_position": true, "pages_failed": true, "result": true, "facts": true}[name]; !onlyOne {
				t.Errorf("%s: %s is not in the description of %s", where, name, goType)
			}
			continue
		}
		compare(t, d, where+"."+name, field, known)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if _, ok := ours[name]; !ok && !slices.Contains(leftOut, name) {
			t.Errorf("%s: %s has no %s", where, goType, name)
		}
	}
}

// keysOf collects the JSON keys of a struct.
func keysOf(goType reflect.Type, into map[string]reflect.Type) {
	for _, f := range reflect.VisibleFields(goType) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous || name == "-" || len(f.Index) > 1 && name == "":
		case name == "":
			into[strings.ToLower(f.Name)] = f.Type
		default:
			into[name] = f.Type
		}
	}
}

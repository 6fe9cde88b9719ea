package api

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestDescription(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.get("/openapi.json")
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "application/openapi+json" {
		t.Fatalf("%d %s", a.StatusCode, a.Header.Get("Content-Type"))
	}
	golden := filepath.Join("testdata", "openapi.json")
	if *update {
		e.ok(os.MkdirAll("testdata", 0o755))
		e.ok(os.WriteFile(golden, []byte(a.body), 0o644))
	}
	want, err := os.ReadFile(golden)
	e.ok(err)
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(a.body, "\n")); diff != "" {
		t.Errorf("the description changed (go test -update, then read the diff):\n%s", diff)
	}

	spec, err := openapi3.NewLoader().LoadFromData([]byte(a.body))
	e.ok(err)
	e.ok(spec.Validate(t.Context()))
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Summary == "" || op.Description == "" || len(op.Tags) != 1 || op.OperationID == "" {
				t.Errorf("%s %s is not described", method, path)
			}
			if r := op.Responses.Default(); r == nil || r.Value.Content["application/problem+json"] == nil {
				t.Errorf("%s %s has no problem", method, path)
			}
			for _, p := range op.Parameters {
				if p.Value.In != "path" && p.Value.Description == "" && p.Value.Schema.Value.Enum == nil {
					t.Errorf("%s %s: %s is not described", method, path, p.Value.Name)
				}
			}
		}
	}
}

// TestAnswersAsDescribed: what the routes answer has the keys of the
// description, and no other.
func TestAnswersAsDescribed(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	up := e.upload("described")
	e.process(mustID(e, *up.JobID), 2, 2, 1)
	var spec struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any `json:"properties"`
				Required   []string       `json:"required"`
			} `json:"schemas"`
		} `json:"components"`
	}
	e.ok(json.Unmarshal([]byte(e.get("/openapi.json").body), &spec))
	for path, schema := range map[string]string{
		up.StatusURL: "JobStatus", "/api/rag/documents/jobs": "JobList", up.DocumentURL: "Document", "/api/rag/documents": "DocumentList",
		"/api/rag/admin/jobs": "AdminJobs", "/health": "Health", "/api/rag/jobs/" + *up.JobID + "/checkpoints": "Checkpoints", "/nothing": "Problem",
	} {
		described, ok := spec.Components.Schemas[schema]
		if !ok {
			t.Errorf("%s is not described", schema)
			continue
		}
		var got map[string]any
		e.ok(json.Unmarshal([]byte(e.get(path).body), &got))
		for key := range got {
			if _, ok := described.Properties[key]; !ok {
				t.Errorf("%s answers with %s, which %s has not", path, key, schema)
			}
		}
		for _, key := range described.Required {
			if _, ok := got[key]; !ok {
				t.Errorf("%s answers without %s, which %s has", path, key, schema)
			}
		}
	}
}

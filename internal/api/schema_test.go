package api

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The schema that is served is the one in the docs.
func TestSchemaIsPublished(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.get("/api/rag/documents/schema")
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != schemaMedia {
		t.Fatalf("%d %s", a.StatusCode, a.Header.Get("Content-Type"))
	}
	golden := filepath.Join("..", "..", "docs", "document.schema.json")
	if *update {
		e.ok(os.WriteFile(golden, []byte(a.body), 0o644))
	}
	want, err := os.ReadFile(golden)
	e.ok(err)
	if diff := cmp.Diff(string(want), a.body); diff != "" {
		t.Errorf("the schema changed (raise extract.SchemaVersion, go test -update, then read the diff):\n%s", diff)
	}
}

// TestDocumentsMatchTheSchema: what is given as JSON has what the schema says,
// and nothing that it does not know.
func TestDocumentsMatchTheSchema(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	published := compileSchema(e, false)
	strict := compileSchema(e, true)
	rich := e.upload("rich")
	e.processRich(mustID(e, *rich.JobID))
	partly := e.upload("partly")
	e.process(mustID(e, *partly.JobID), 4, 3, 2)
	for name, up := range map[string]Accepted{"rich": rich, "partly read": partly} {
		for _, query := range []string{"", "&images=on&tables=html", "&chunk_unit=tokens&chunk_size=20"} {
			a := e.get(up.ContentURL + "?format=json" + query)
			document, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(a.body)))
			e.ok(err)
			if err := published.Validate(document); err != nil {
				t.Errorf("%s%s: %v", name, query, err)
			}
			if err := strict.Validate(document); err != nil {
				t.Errorf("%s%s has what the schema does not know: %v", name, query, err)
			}
		}
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(`{"schema_version": 1}`)))
	e.ok(err)
	if published.Validate(document) == nil {
		t.Error("the schema takes anything")
	}
}

func compileSchema(e *env, strict bool) *jsonschema.Schema {
	e.Helper()
	data, err := makeSchema(strict)
	e.ok(err)
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	e.ok(err)
	c := jsonschema.NewCompiler()
	e.ok(c.AddResource("document.json", schema))
	compiled, err := c.Compile("document.json")
	e.ok(err)
	return compiled
}

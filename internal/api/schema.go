package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/mivaa/mivaa/internal/extract"
)

const (
	schemaPath  = "/api/rag/documents/schema"
	schemaMedia = "application/schema+json"
)

// documentSchema is the JSON Schema of a document's JSON, made of the type that
// it is written from.
type documentSchema struct {
	Schema      string                  `json:"$schema"`
	ID          string                  `json:"$id"`
	Title       string                  `json:"title"`
	Description string                  `json:"description"`
	Ref         string                  `json:"$ref"`
	Defs        map[string]*huma.Schema `json:"$defs"`
}

// makeSchema makes the schema. A strict one refuses keys that it does not know;
// the published one does not, for documents get more of them.
func makeSchema(strict bool) ([]byte, error) {
	registry := huma.NewMapRegistry("#/$defs/", huma.DefaultSchemaNamer)
	root := registry.Schema(reflect.TypeFor[extract.Content](), true, "Document")
	if !strict {
		for _, s := range registry.Map() {
			s.AdditionalProperties = nil
		}
	}
	data, err := json.MarshalIndent(documentSchema{
		Schema: "https://json-schema.org/draft/2020-12/schema", ID: "urn:mivaa:document:" + extract.SchemaVersion,
		Title: "A document", Description: "What format=json gives, version " + extract.SchemaVersion + ".", Ref: root.Ref, Defs: registry.Map(),
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write schema of documents: %w", err)
	}
	return append(data, '\n'), nil
}

func (a *API) schemaRoute(h huma.API) error {
	schema, err := makeSchema(false)
	if err != nil {
		return err
	}
	register(a, h, huma.Operation{
		OperationID: "get-document-schema", Method: http.MethodGet, Path: schemaPath, Tags: []string{tagDocuments},
		Summary: "Get the JSON Schema of documents", Description: "Of what format=json gives. Its $id names the version that schema_version of a document does.",
		Responses: map[string]*huma.Response{"200": {Description: "The schema", Content: map[string]*huma.MediaType{
			schemaMedia: {Schema: &huma.Schema{Type: huma.TypeObject}},
		}}},
	}, func(ctx context.Context, _ *struct{}) (*contentOutput, error) {
		return &contentOutput{Body: func(hc huma.Context) {
			_, w := humachi.Unwrap(hc)
			w.Header().Set("Content-Type", schemaMedia)
			_, _ = w.Write(slices.Clone(schema)) // a client that has gone
		}}, nil
	})
	return nil
}

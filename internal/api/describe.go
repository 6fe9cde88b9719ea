package api

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
)

//go:embed describe.html
var describeHTML string

// descriptionRoutes serves the API's description, for programs and for people.
// Both are made once: huma's own routes would make them in each of the first
// requests, unguarded, and its page loads scripts from the internet.
func (a *API) descriptionRoutes(r chi.Router, described *huma.OpenAPI) error {
	for _, theirs := range []string{"ErrorModel", "ErrorDetail"} {
		delete(described.Components.Schemas.Map(), theirs) // nothing refers to them
	}
	spec, err := json.MarshalIndent(described, "", "  ")
	if err != nil {
		return fmt.Errorf("write API description: %w", err)
	}
	r.Get("/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(append(slices.Clip(spec), '\n')) // a client that has gone
	})

	t, err := template.New("docs").Parse(describeHTML)
	if err != nil {
		return fmt.Errorf("read docs template: %w", err)
	}
	var page bytes.Buffer
	err = t.Execute(&page, map[string]any{"Style": style(), "Version": described.Info.Version, "Groups": operations(described)})
	if err != nil {
		return fmt.Errorf("write docs page: %w", err)
	}
	r.Get("/docs", func(w http.ResponseWriter, _ *http.Request) {
		pageHeaders(w)
		_, _ = w.Write(page.Bytes()) // a client that has gone
	})
	return nil
}

// group is the operations of one tag.
type group struct {
	Name       string
	Operations []operation
}

// operation is what the page tells of an operation.
type operation struct {
	Method, Path, Summary, Description string
	Params                             []param
	Statuses                           []string
}

type param struct {
	Name, In, Type, Doc string
	Required            bool
}

func operations(described *huma.OpenAPI) []group {
	byTag := map[string][]operation{}
	for path, item := range described.Paths {
		for method, op := range map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodDelete: item.Delete} {
			if op == nil {
				continue
			}
			o := operation{Method: method, Path: path, Summary: op.Summary, Description: op.Description, Params: params(op)}
			for status := range op.Responses {
				o.Statuses = append(o.Statuses, strings.Replace(status, "default", "problem", 1))
			}
			slices.Sort(o.Statuses)
			byTag[op.Tags[0]] = append(byTag[op.Tags[0]], o)
		}
	}
	var groups []group
	for _, tag := range []string{tagDocuments, tagJobs, "admin", "health"} {
		slices.SortFunc(byTag[tag], func(a, b operation) int {
			return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
		})
		groups = append(groups, group{tag, byTag[tag]})
	}
	return groups
}

func params(op *huma.Operation) []param {
	var out []param
	for _, p := range op.Parameters {
		out = append(out, param{Name: p.Name, In: p.In, Type: typeOf(p.Schema), Doc: cmp.Or(p.Description, p.Schema.Description), Required: p.Required})
	}
	if op.RequestBody == nil {
		return out
	}
	form := op.RequestBody.Content["multipart/form-data"].Schema
	for _, name := range slices.Sorted(maps.Keys(form.Properties)) {
		p := form.Properties[name]
		f := param{Name: name, In: "form", Type: typeOf(p), Doc: p.Description, Required: slices.Contains(form.Required, name)}
		// What may stand in the address as well is one line.
		if i := slices.IndexFunc(out, func(o param) bool { return o.Name == name }); i >= 0 {
			f.In = "form or " + out[i].In
			out = slices.Delete(out, i, i+1)
		}
		out = append(out, f)
	}
	return out
}

func typeOf(s *huma.Schema) string {
	t := s.Type
	if s.Format != "" {
		t += ", " + s.Format
	}
	if s.Minimum != nil && s.Maximum != nil {
		t += fmt.Sprintf(", %g to %.0f", *s.Minimum, *s.Maximum)
	}
	if s.Default != nil {
		t += fmt.Sprintf(", else %v", s.Default)
	}
	return t
}

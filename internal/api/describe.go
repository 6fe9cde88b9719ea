package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
)

// descriptionRoutes serves the API's description for programs, and keeps it for
// the page that tells it to people. It is made once: huma's own routes would
// make it in each of the first requests, unguarded, and its page loads scripts
// from the internet.
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

	a.operations = operations(described)
	return nil
}

// OperationGroup is the operations of one tag.
type OperationGroup struct {
	Name       string
	Operations []Operation
}

// Operation is what people are told of an operation.
type Operation struct {
	Method, Path, Summary, Description string
	Params                             []OperationParam
	Statuses                           []string
}

// OperationParam is what can be said with a request: in its path, its query, its
// headers or its body.
type OperationParam struct {
	Name, In, Type, Doc string
	Required            bool
}

// Operations describes the API for people, as /openapi.json does for programs.
func (a *API) Operations() []OperationGroup { return a.operations }

func operations(described *huma.OpenAPI) []OperationGroup {
	byTag := map[string][]Operation{}
	for path, item := range described.Paths {
		for method, op := range map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodDelete: item.Delete} {
			if op == nil {
				continue
			}
			o := Operation{Method: method, Path: path, Summary: op.Summary, Description: op.Description, Params: params(op, described.Components.Schemas)}
			for status := range op.Responses {
				o.Statuses = append(o.Statuses, strings.Replace(status, "default", "problem", 1))
			}
			slices.Sort(o.Statuses)
			byTag[op.Tags[0]] = append(byTag[op.Tags[0]], o)
		}
	}
	first := []string{tagDocuments, tagJobs, tagAdmin}
	tags := slices.SortedFunc(maps.Keys(byTag), func(a, b string) int {
		return cmp.Or(cmp.Compare(place(first, a), place(first, b)), cmp.Compare(a, b))
	})
	var groups []OperationGroup
	for _, tag := range tags {
		slices.SortFunc(byTag[tag], func(a, b Operation) int {
			return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
		})
		groups = append(groups, OperationGroup{tag, byTag[tag]})
	}
	return groups
}

// place is where a word stands in a list: behind it, where it does not.
func place(list []string, word string) int {
	if i := slices.Index(list, word); i >= 0 {
		return i
	}
	return len(list)
}

func params(op *huma.Operation, registry huma.Registry) []OperationParam {
	var out []OperationParam
	for _, p := range op.Parameters {
		out = append(out, OperationParam{Name: p.Name, In: p.In, Type: typeOf(p.Schema), Doc: cmp.Or(p.Description, p.Schema.Description), Required: p.Required})
	}
	if op.RequestBody == nil {
		return out
	}
	form, in := bodyOf(op, registry)
	for _, name := range slices.Sorted(maps.Keys(form.Properties)) {
		p := form.Properties[name]
		f := OperationParam{Name: name, In: in, Type: typeOf(p), Doc: p.Description, Required: slices.Contains(form.Required, name)}
		// What may stand in the address as well is one line.
		if i := slices.IndexFunc(out, func(o OperationParam) bool { return o.Name == name }); i >= 0 {
			f.In = in + " or " + out[i].In
			out = slices.Delete(out, i, i+1)
		}
		out = append(out, f)
	}
	return out
}

// bodyOf returns what a body holds, and what kind of body it is.
func bodyOf(op *huma.Operation, registry huma.Registry) (schema *huma.Schema, in string) {
	media, in := op.RequestBody.Content["multipart/form-data"], "form"
	if media == nil {
		media, in = op.RequestBody.Content["application/json"], "body"
	}
	if media == nil || media.Schema == nil {
		return &huma.Schema{}, in
	}
	if media.Schema.Ref != "" {
		return registry.SchemaFromRef(media.Schema.Ref), in
	}
	return media.Schema, in
}

func typeOf(s *huma.Schema) string {
	t := s.Type
	if s.Ref != "" {
		t = "object"
	}
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

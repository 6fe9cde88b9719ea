package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/mivaa/mivaa/jobs"
)

// routes makes the router. Literal segments win over {id} (which is chi's
// doing, and why it is here), and {id} is a UUID: job/{id} and {id}/content
// live side by side.
func (a *API) routes(c Config) (http.Handler, error) {
	r := chi.NewRouter()
	r.Use(noteRoute, middleware.GetHead)
	r.NotFound(a.notFound)
	r.MethodNotAllowed(a.methodNotAllowed(r))
	described := a.describe(r)

	a.uploadRoutes(described)
	a.jobRoutes(described)
	a.moveRoutes(described)
	a.webhookRoutes(described)
	a.documentRoutes(described)
	if err := a.schemaRoute(described); err != nil {
		return nil, err
	}
	a.adminRoutes(described)
	a.healthRoutes(described)
	a.doclingRoutes(described)
	a.metricRoutes(r, c.Metrics)
	if err := a.descriptionRoutes(r, described.OpenAPI()); err != nil {
		return nil, err
	}
	if c.Pages == nil {
		return r, nil
	}
	pages, err := c.Pages(a)
	if err != nil {
		return nil, err
	}
	r.NotFound(a.elsewhere(pages))
	return r, nil
}

// elsewhere answers what no route does: a problem below the API's addresses,
// which programs call, and a page everywhere else.
func (a *API) elsewhere(pages http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if isAPI(r.URL.Path) {
			a.notFound(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	}
}

// describe returns the part of the router that describes itself: huma, with
// everything off that is not ours.
func (a *API) describe(r chi.Router) huma.API {
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:       "MIVAA PDF Extractor",
				Version:     a.version,
				Description: "Turns PDFs into text and Markdown, in background jobs that survive restarts.",
				License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)},
		},
		Formats:       map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{ourProblem},
	}
	if config.Info.Version == "" {
		config.Info.Version = "dev"
	}
	config.AllowAdditionalPropertiesByDefault = true // answers grow
	h := huma.NewAPI(config, adapter{r})
	h.UseMiddleware(func(ctx huma.Context, next func(huma.Context)) {
		ours := new(bool)
		next(statusContext{huma.WithValue(ctx, oursKey{}, ours), ours})
	})
	return h
}

// adapter hands routes to chi. In the description {id} is {id}; for chi it is
// a UUID.
type adapter struct{ router chi.Router }

const uuidPattern = `[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`

func withUUID(path string) string { return strings.ReplaceAll(path, "{id}", "{id:"+uuidPattern+"}") }

// Handle adds a route.
func (a adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	a.router.MethodFunc(op.Method, withUUID(op.Path), func(w http.ResponseWriter, r *http.Request) {
		handler(humachi.NewContext(op, r, w))
	})
}

// ServeHTTP answers a request.
func (a adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.router.ServeHTTP(w, r) }

// jsonFormat encodes before it writes: an error while writing is a client that
// has gone, and nothing to report.
var jsonFormat = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return fmt.Errorf("encode answer: %w", err)
		}
		_, _ = w.Write(buf.Bytes())
		return nil
	},
	Unmarshal: json.Unmarshal,
}

// What huma finds wrong with a request it answers by itself, with 422 and its
// own body. Both become ours: statusContext the one, ourProblem the other.
type (
	humaContext   huma.Context // an embedded field named Context would hide the method
	statusContext struct {
		humaContext
		ours *bool // the request came as far as our handler: the status is its own
	}
	oursKey struct{}
)

// SetStatus makes a 400 of huma's 422.
func (c statusContext) SetStatus(code int) {
	if code == http.StatusUnprocessableEntity && !*c.ours {
		code = http.StatusBadRequest
	}
	c.humaContext.SetStatus(code)
}

// Unwrap returns the context within.
func (c statusContext) Unwrap() huma.Context { return c.humaContext }

func ourProblem(_ huma.Context, _ string, v any) (any, error) {
	theirs, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	status := theirs.Status
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	p := problem(status, codeInvalid, "%s", theirs.Detail)
	for i, e := range theirs.Errors {
		if i == 0 {
			p.Detail = e.Location + ": " + e.Message
		}
		p.Errors = append(p.Errors, FieldError{Location: e.Location, Message: e.Message})
	}
	return p, nil
}

// patience is how long an answer may take that does not depend on the client.
const patience = 30 * time.Second

// register adds a route that answers within patience.
func register[I, O any](a *API, h huma.API, op huma.Operation, handler func(context.Context, *I) (*O, error)) {
	registerOpen(a, h, op, func(ctx context.Context, in *I) (*O, error) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		return handler(ctx, in)
	})
}

// registerOpen adds a route that may take as long as it likes. Its errors go
// through the one table.
func registerOpen[I, O any](a *API, h huma.API, op huma.Operation, handler func(context.Context, *I) (*O, error)) {
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	op.Responses["default"] = &huma.Response{
		Description: "A problem; code says which",
		Content: map[string]*huma.MediaType{"application/problem+json": {
			Schema: h.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, ""),
		}},
	}
	if op.DefaultStatus == 0 {
		op.DefaultStatus = http.StatusOK
	}
	if op.Responses["200"] == nil { // with two, huma adds none of its own
		op.Responses["200"] = &huma.Response{Description: "OK"}
	}
	huma.Register(h, op, func(ctx context.Context, in *I) (*O, error) {
		if ours, ok := ctx.Value(oursKey{}).(*bool); ok {
			*ours = true
		}
		out, err := handler(ctx, in)
		if err != nil {
			return nil, a.Explain(ctx, err)
		}
		return out, nil
	})
}

// Explain turns an error into its problem, and logs what is the service's
// fault: here and nowhere else.
func (a *API) Explain(ctx context.Context, err error) *Problem {
	if errors.Is(context.Cause(ctx), context.Canceled) {
		if a.isStopping() {
			return stopping()
		}
		return problem(statusClientGone, "client_gone", "The client closed the connection.")
	}
	p := problemOf(err)
	switch {
	case p.Code == codeInternal:
		p.RequestID = requestID(ctx)
		a.log.LogAttrs(ctx, slog.LevelError, "request failed", slog.String(keyRequest, p.RequestID), slog.Any(keyError, err))
	case p.Status >= http.StatusInternalServerError && p.cause != nil && p.Code != codeStopping:
		a.log.LogAttrs(ctx, slog.LevelWarn, "request failed", slog.String(keyRequest, requestID(ctx)), slog.Any(keyError, err))
	}
	return p
}

// statusClientGone is nginx's: nobody sees it but the log.
const statusClientGone = 499

// fail answers with a problem, outside of huma.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := a.Explain(r.Context(), err)
	body, _ := json.Marshal(p) // a struct of words and numbers
	maps.Copy(w.Header(), p.GetHeaders())
	w.Header().Set("Content-Type", p.ContentType(""))
	w.Header().Del("Content-Disposition")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // a client that has gone
}

func (a *API) notFound(w http.ResponseWriter, r *http.Request) {
	a.fail(w, r, problem(http.StatusNotFound, codeNotFound,
		"Nothing is found at %.200q. An id is a UUID; /docs lists what there is.", r.URL.Path))
}

func (a *API) methodNotAllowed(routes chi.Routes) http.HandlerFunc {
	methods := []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	return func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, m := range methods {
			if routes.Match(chi.NewRouteContext(), m, r.URL.Path) || m == http.MethodHead && slices.Contains(allowed, http.MethodGet) {
				allowed = append(allowed, m)
			}
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		a.fail(w, r, problem(http.StatusMethodNotAllowed, codeMethod, "%s is not allowed here; allowed: %s.", r.Method, strings.Join(allowed, ", ")))
	}
}

// IDParam is the {id} of a path.
type IDParam struct {
	ID string `path:"id" format:"uuid" doc:"A UUID"`
}

// id returns the parameter; the route's pattern has seen to it that it is one.
func (p IDParam) id() jobs.ID {
	id, _ := jobs.ParseID(p.ID)
	return id
}

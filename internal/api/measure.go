package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// answered is what is known of a request once it is answered.
type answered struct {
	route  string // its pattern; "" where a page answered, or the request came no further than the guard
	status int
}

type answeredKey struct{}

// answerOf is where a request's route and status are noted.
func answerOf(ctx context.Context) *answered {
	if a, ok := ctx.Value(answeredKey{}).(*answered); ok {
		return a
	}
	return &answered{} // of a handler that a test calls by itself
}

// measure counts each request, and makes it a span of a trace where somebody
// collects them.
func (a *API) measure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &answered{}
		ctx := context.WithValue(r.Context(), answeredKey{}, seen)
		method := methodOf(r)
		ctx, span := a.span(ctx, r, method)
		defer func() {
			end(span, method, seen)
			if a.metrics != nil {
				a.metrics.requests.WithLabelValues(seen.name(), method, strconv.Itoa(seen.status/100)+"xx").Inc()
			}
		}()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// name is the route for a label: there are only so many.
func (s *answered) name() string {
	if s.route == "" {
		return "other"
	}
	return s.route
}

// noteRoute is a middleware of the router.
func noteRoute(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := answerOf(r.Context())
		defer func() {
			if c := chi.RouteContext(r.Context()); c != nil {
				seen.route = strings.ReplaceAll(c.RoutePattern(), ":"+uuidPattern, "")
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// methodOf keeps a client from making up labels.
func methodOf(r *http.Request) string {
	known := []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}
	if slices.Contains(known, r.Method) {
		return r.Method
	}
	return "other"
}

// span begins the request's, as a part of the trace that it came with. Nil: none.
func (a *API) span(ctx context.Context, r *http.Request, method string) (context.Context, trace.Span) {
	if a.tracer == nil || r.URL.Path == "/metrics" || strings.HasPrefix(r.URL.Path, "/health") { // what asks all the time is no news
		return ctx, nil
	}
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	return a.tracer.Start(ctx, method, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", method), attribute.String("url.path", r.URL.Path),
		attribute.String("mivaa.request", requestID(ctx)),
	))
}

func end(span trace.Span, method string, seen *answered) {
	if span == nil {
		return
	}
	span.SetName(method + " " + seen.name())
	span.SetAttributes(attribute.String("http.route", seen.route), attribute.Int("http.response.status_code", seen.status))
	if seen.status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, http.StatusText(seen.status))
	}
	span.End()
}

// traceParent is the trace that a request is part of, for the job that it makes:
// its own span's, or where nobody here collects spans the one it came with. "":
// none.
func traceParent(r *http.Request) string {
	ctx, w3c := r.Context(), propagation.TraceContext{}
	if !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = w3c.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	carrier := propagation.MapCarrier{}
	w3c.Inject(ctx, carrier)
	return carrier.Get("traceparent")
}

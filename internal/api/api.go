package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/ocr"
	"github.com/mivaa/mivaa/internal/webhook"
	"github.com/mivaa/mivaa/jobs"
)

// Store is what the API asks of the engine's store: both of this module are one.
type Store interface {
	jobs.Store
	jobs.Console
}

// Config is what an API is made of. Jobs, Documents and Blobs are required;
// every other zero value works.
type Config struct {
	Jobs      Store
	Documents documents.Store
	Blobs     blob.Store
	Version   string // of the program

	MaxUpload  int64         // bytes of one file; 0: 1 GiB
	MaxUploads int           // at once, each with about 400 KiB of buffers, 1.4 MiB where a database keeps the bytes; 0: 256
	MaxStreams int           // of live events, at once; 0: 2000
	Retention  time.Duration // how long finished jobs are kept: older unknown ids answer 410; 0: for ever
	Recovery   jobs.Recovery // of an upload that does not say; 0: auto

	// Hosts are the names and addresses, beside those of loopback, by which the
	// service may be called. A port is ignored.
	Hosts []string
	// Access says who may do what. Zero: whoever reaches the service may do
	// everything.
	Access Access
	// Health checks, by the name of the component, what the API cannot: it checks
	// the "store" itself. That and "blobs" make the service unhealthy, any other
	// degraded. A check may hang: nobody waits for it longer than two seconds, and
	// its component counts as unhealthy.
	Health  map[string]func(context.Context) error
	Logger  *slog.Logger // nil: silent
	Metrics *Metrics     // nil: there is no /metrics
	// Pages answers what is not the API's, behind the same guard: the dashboard.
	// Nil: there are no pages.
	Pages func(*API) (http.Handler, error)
	// Pictures makes pictures of pages, and gives those in them. Nil: asking for
	// one is answered with 501.
	Pictures *extract.Pictures
	// OCR tells which languages an upload may ask for. Nil: nobody here knows; the
	// process that reads the pages will.
	OCR *ocr.Engine
	// Callbacks says which addresses uploads may give to be told how their jobs
	// end. Nil: none, nobody sends what there is to tell.
	Callbacks *webhook.Targets
	// Tracer makes each request a span, and each upload's job a part of its
	// trace. Nil: there are no spans.
	Tracer trace.Tracer
}

// API answers HTTP requests. Its methods are safe for concurrent use.
type API struct {
	jobs      Store
	documents documents.Store
	blobs     blob.Store
	version   string
	maxUpload int64
	ocr       *ocr.Engine // nil: not known here
	retention time.Duration
	recovery  jobs.Recovery
	hosts     map[string]bool
	access    *access
	pictures  *extract.Pictures
	callbacks *webhook.Targets
	metrics   *Metrics     // nil: nobody counts
	tracer    trace.Tracer // nil: nobody collects spans
	health    *checker
	hub       *hub
	log       *slog.Logger
	now       func() time.Time

	convertWait time.Duration // patienceWithConversion, but for tests

	uploads chan struct{}   // one for each upload under way
	waiting atomic.Int64    // requests that wait for a change
	life    context.Context //nolint:containedctx // ends with Stop, as a channel would be closed: context.AfterFunc takes it
	stop    context.CancelCauseFunc
	handler http.Handler

	operations []OperationGroup
}

// errStopping is the cause of everything that Stop ends.
var errStopping = errors.New("service is stopping")

// New returns an API, or everything that is wrong with the configuration.
func New(c Config) (*API, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	a := &API{
		jobs: c.Jobs, documents: c.Documents, blobs: c.Blobs, version: c.Version, maxUpload: c.MaxUpload, ocr: c.OCR,
		retention: c.Retention, recovery: c.Recovery, hosts: hostSet(c.Hosts), pictures: c.Pictures, callbacks: c.Callbacks, metrics: c.Metrics, tracer: c.Tracer, log: c.Logger, now: time.Now,
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.maxUpload == 0 {
		a.maxUpload = 1 << 30
	}
	if a.recovery == "" {
		a.recovery = jobs.RecoveryAuto
	}
	if c.MaxUploads == 0 {
		c.MaxUploads = 256
	}
	if c.MaxStreams == 0 {
		c.MaxStreams = 2000
	}
	a.uploads = make(chan struct{}, c.MaxUploads)
	a.hub = &hub{store: c.Jobs, log: a.log, most: c.MaxStreams, beat: heartbeat}
	a.convertWait = patienceWithConversion
	a.health = newChecker(c.Jobs, c.Health, a.log)
	var err error
	if a.access, err = newAccess(c.Access, c.Pages != nil); err != nil {
		return nil, err
	}
	a.life, a.stop = context.WithCancelCause(context.Background())
	routes, err := a.routes(c)
	if err != nil {
		return nil, err
	}
	if routes, err = compress(routes); err != nil {
		return nil, err
	}
	a.handler = a.guard(routes)
	return a, nil
}

func (c Config) validate() error {
	var errs []error
	if c.Jobs == nil {
		errs = append(errs, errors.New("api: Jobs is missing"))
	}
	if c.Documents == nil {
		errs = append(errs, errors.New("api: Documents is missing"))
	}
	if c.Blobs == nil {
		errs = append(errs, errors.New("api: Blobs is missing"))
	}
	if err := c.Access.validate(); err != nil {
		errs = append(errs, err)
	}
	if c.MaxUpload < 0 || c.MaxUploads < 0 || c.MaxStreams < 0 || c.Retention < 0 {
		errs = append(errs, errors.New("api: MaxUpload, MaxUploads, MaxStreams and Retention must not be negative"))
	}
	switch c.Recovery {
	case "", jobs.RecoveryAuto, jobs.RecoveryManual:
	default:
		errs = append(errs, fmt.Errorf("api: unknown recovery %q", c.Recovery))
	}
	for _, h := range c.Hosts {
		if hostName(h) == "" || strings.ContainsAny(h, "/*@ ") {
			errs = append(errs, fmt.Errorf("api: host %q is neither a name nor an address", h))
		}
	}
	return errors.Join(errs...)
}

// Handler returns what answers the requests.
func (a *API) Handler() http.Handler { return a.handler }

// Stop begins the end: from now on uploads, those under way included, get 503
// and Retry-After, long polls answer, streams break off, and readiness is 503
// "stopping". Everything else is answered until the caller closes its server.
// Calling it again changes nothing.
func (a *API) Stop() { a.stop(errStopping) }

func (a *API) isStopping() bool { return a.life.Err() != nil }

// untilStop returns a context that ends with ctx or, with errStopping as its
// cause, when the API stops.
func (a *API) untilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	detach := context.AfterFunc(a.life, func() { cancel(errStopping) })
	return ctx, func() { detach(); cancel(nil) }
}

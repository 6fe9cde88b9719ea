package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/mivaa/mivaa/examples"
	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/internal/dashboard"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/ocr"
	"github.com/mivaa/mivaa/jobs"
)

// server is the API as the lifecycle sees it.
type server struct {
	api      *api.API
	http     *http.Server
	listener net.Listener
	closing  atomic.Bool
	served   chan struct{} // closed when nothing is accepted any more
	conns    conns
}

func newServer(ctx context.Context, s *serveSettings, d *data, watch observers, pictures *extract.Pictures, recogniser *ocr.Engine, log *slog.Logger) (*server, error) {
	pages := func(a *api.API) (http.Handler, error) {
		return dashboard.New(dashboard.Config{
			API: a, Jobs: d.jobs, Documents: d.documents, Version: version(), MaxUpload: int64(s.work.maxUpload), Pictures: pictures, Sample: examples.Sample,
		})
	}
	a, err := api.New(api.Config{
		Jobs: d.jobs, Documents: d.documents, Blobs: d.blobs, Pages: pages, Pictures: pictures,
		Version: version(), MaxUpload: int64(s.work.maxUpload), Retention: s.retention,
		Recovery: jobs.Recovery(s.work.recovery.value), Hosts: s.hosts, Health: d.health(), Logger: log, Metrics: watch.metrics, Tracer: watch.traces.Tracer(),
		Access: s.access.access(), Callbacks: s.webhooks.callbacks(), OCR: recogniser,
	})
	if err != nil {
		return nil, err
	}
	l, err := listen(ctx, s, os.Getenv)
	if err != nil {
		return nil, err
	}
	if at := l.Addr().String(); elsewhere(s.addr, at) {
		log.Warn("the address is that of the socket unit: --addr is not looked at; systemctl edit the socket to change it", keyAddr, at, keyIgnored, s.addr)
	}
	srv := &server{api: a, listener: l, served: make(chan struct{})}
	srv.http = &http.Server{
		Handler: a.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), ConnState: srv.conns.note,
	}
	return srv, nil
}

// Serve implements lifecycle.Server.
func (s *server) Serve() error {
	defer close(s.served)
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) && !s.closing.Load() {
		return err
	}
	return nil
}

// Refuse implements lifecycle.Server.
func (s *server) Refuse() { s.api.Stop() }

// Close implements lifecycle.Server. It stops listening before anything else:
// whoever comes from then on waits in the socket of systemd, if there is one, for
// the next process. Whoever came before and has asked is answered.
func (s *server) Close(ctx context.Context) error {
	s.closing.Store(true)
	err := s.listener.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil // it had failed
	}
	select {
	case <-s.served: // what was accepted last is known by now
	case <-ctx.Done():
	}
	s.http.SetKeepAlivesEnabled(false)
	s.conns.drain(ctx)
	if e := s.http.Shutdown(ctx); e != nil && !errors.Is(e, net.ErrClosed) {
		return errors.Join(err, e, s.http.Close())
	}
	return err
}

// leastFree is how little space on the disk is reported as a fault.
const leastFree = 256 << 20

// health is what the API does not check itself.
func (d *data) health() map[string]func(context.Context) error {
	checks := map[string]func(context.Context) error{"blobs": d.blobs.Check}
	if _, err := freeSpace(d.dir); !errors.Is(err, errors.ErrUnsupported) {
		checks["disk"] = func(context.Context) error { return enoughSpace(d.dir) }
	}
	return checks
}

func enoughSpace(dir string) error {
	free, err := freeSpace(dir)
	if err != nil || free >= leastFree {
		return err
	}
	return &jobs.StoreError{
		Op: "look at " + dir, Err: fmt.Errorf("%s free", sizeOf(int64(free))),
		Hint: "The disk is almost full: free some space before uploads are refused.",
	}
}

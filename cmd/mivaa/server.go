package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/mivaa/mivaa/examples"
	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/internal/dashboard"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/jobs"
)

// server is the API as the lifecycle sees it.
type server struct {
	api      *api.API
	http     *http.Server
	listener net.Listener
	silent   silentConns
}

func newServer(ctx context.Context, s *serveSettings, d *data, watch observers, pictures *extract.Pictures, log *slog.Logger) (*server, error) {
	pages := func(a *api.API) (http.Handler, error) {
		return dashboard.New(dashboard.Config{
			API: a, Jobs: d.jobs, Documents: d.documents, Version: version(), MaxUpload: int64(s.work.maxUpload), Pictures: pictures, Sample: examples.Sample,
		})
	}
	a, err := api.New(api.Config{
		Jobs: d.jobs, Documents: d.documents, Blobs: d.blobs, Pages: pages, Pictures: pictures,
		Version: version(), MaxUpload: int64(s.work.maxUpload), Retention: s.retention,
		Recovery: jobs.Recovery(s.work.recovery.value), Hosts: s.hosts, Health: d.health(), Logger: log, Metrics: watch.metrics, Tracer: watch.traces.Tracer(),
		Access: s.access.access(), Callbacks: s.webhooks.callbacks(),
	})
	if err != nil {
		return nil, err
	}
	l, err := listen(ctx, s, os.Getenv)
	if err != nil {
		return nil, err
	}
	srv := &server{api: a, listener: l}
	srv.http = &http.Server{
		Handler: a.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), ConnState: srv.silent.note,
	}
	return srv, nil
}

// Serve implements lifecycle.Server.
func (s *server) Serve() error {
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Refuse implements lifecycle.Server.
func (s *server) Refuse() { s.api.Stop() }

// Close implements lifecycle.Server.
func (s *server) Close(ctx context.Context) error {
	s.silent.close()
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(err, s.http.Close())
	}
	return nil
}

// silentConns are connections over which nothing was asked yet. Browsers open
// them in advance, and http.Server.Shutdown waits five seconds for each.
type silentConns struct {
	mu     sync.Mutex
	conns  map[net.Conn]bool
	closed bool
}

func (c *silentConns) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state != http.StateNew {
		delete(c.conns, conn)
		return
	}
	if c.conns == nil {
		c.conns = map[net.Conn]bool{}
	}
	c.conns[conn] = true
	if c.closed {
		conn.Close()
	}
}

func (c *silentConns) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for conn := range c.conns {
		conn.Close()
	}
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

package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/lifecycle"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// Keys of log attributes.
const (
	keySignal  = "signal"
	keyFile    = "file"
	keyAddr    = "addr"
	keyIgnored = "ignored"
	keyWorkers = "workers"
	keyDataDir = "data_dir"
	keyStore   = "store"
	keyVersion = "version"
	keyError   = "error"
)

// serveSettings are all that the service can be told.
type serveSettings struct {
	store             storeSettings
	work              workSettings
	log               logSettings
	access            accessSettings
	webhooks          webhookSettings
	addr              string
	hosts             []string
	drain             time.Duration
	retention         time.Duration
	documentRetention time.Duration
}

func (c *console) serveCommand() *cobra.Command {
	var s serveSettings
	cmd := &cobra.Command{
		Use: "serve", GroupID: groupWork, Args: cobra.NoArgs,
		Short: "Run the service: API, page and workers in one process",
		Long: `Run the service: API, page and workers in one process.

SIGTERM, SIGINT and SIGHUP stop it: running jobs are interrupted with their pages
kept, and go on at the next start. A second signal exits at once.`,
		Example: `  mivaa serve
  mivaa serve --data-dir /var/lib/mivaa --workers 4 --drain 30s
  mivaa serve --addr 0.0.0.0:8000 --token-file /etc/mivaa/token
  mivaa serve --addr "" --log-format json
  mivaa serve --database-url-file /etc/mivaa/database-url --max-running 40`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			errs := append(s.work.validate(), s.validate()...)
			errs = append(errs, s.access.validate(s.addr)...)
			errs = append(errs, s.webhooks.resolve(c.lookup))
			if err := errors.Join(errs...); err != nil {
				return usage(err)
			}
			return c.serve(cmd.Context(), &s)
		},
	}
	f := cmd.Flags()
	s.store.register(f)
	s.work.register(f)
	s.log.register(f)
	s.access.register(f, c.lookup)
	s.webhooks.register(f)
	f.IntVar(&s.work.workers, "workers", runtime.GOMAXPROCS(0), "jobs at once; 0: only the API")
	f.StringVar(&s.addr, "addr", usualAddr, `address of the API; any but loopback needs a token; "": only workers`)
	f.StringSliceVar(&s.hosts, "host", nil, "host names under which the API may be asked, beside loopback's; with a token every name is answered unless some are given")
	f.IntVar(&s.work.maxRunning, "max-running", 0, "jobs at once in all processes of all machines, which are to be given the same; 0: no limit")
	f.DurationVar(&s.drain, "drain", 0, "how long running jobs may go on after a signal, before they are interrupted")
	f.DurationVar(&s.retention, "retention", 7*24*time.Hour, "completed, failed and cancelled jobs older than this are removed; 0 keeps all")
	f.DurationVar(&s.documentRetention, "document-retention", 0, "documents older than this are removed, with pages and source; 0 keeps all")
	return cmd
}

func (s *serveSettings) validate() []error {
	var errs []error
	if s.addr != "" {
		if err := validAddr(s.addr); err != nil {
			errs = append(errs, err)
		}
	}
	if s.addr == "" && s.work.workers == 0 {
		errs = append(errs, errors.New(`--workers 0 and --addr "" leave nothing to do`))
	}
	if s.work.workers < 0 {
		errs = append(errs, errors.New("--workers must not be negative"))
	}
	if s.work.maxRunning < 0 {
		errs = append(errs, errors.New("--max-running must not be negative"))
	}
	if s.drain < 0 || s.retention < 0 || s.documentRetention < 0 {
		errs = append(errs, errors.New("--drain, --retention and --document-retention must not be negative"))
	}
	return errs
}

// serve puts the service together and runs it until a signal.
func (c *console) serve(ctx context.Context, s *serveSettings) (err error) {
	// Before anything is opened, so that a signal during the start stops it too.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, lifecycle.Signals()...)
	defer signal.Stop(signals)

	out := lifecycle.NewAsyncWriter(c.err) // who reads the log is not to hold up the service
	defer out.Close(time.Second)
	log := s.log.serviceLogger(c, out)
	systemd, err := lifecycle.NewSystemd(log)
	if err != nil {
		return err
	}
	d, err := s.store.open(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	c.limitHeap(s.work.memory(), int64(s.work.pageMemory), log)

	svc := &lifecycle.Service{
		Store: d.jobs, Narrator: lifecycle.NewNarrator(log), Log: log, Drain: s.drain, Grace: s.work.grace, Systemd: systemd,
		Exit:    func(code int) { out.Close(100 * time.Millisecond); os.Exit(code) }, //nolint:forbidigo // a second signal asks for it
		Cleanup: func(ctx context.Context) (int, error) { return d.cleanup(ctx, s.retention, s.documentRetention) },
	}
	watch := c.observe(ctx, d, log)
	defer watch.close()
	s.work.pageRead, s.work.ocr.recognised = watch.metrics.PageRead, watch.metrics.PageRecognised
	recognition, err := s.work.recognition(ctx, log)
	if err != nil {
		return err
	}
	defer closeRecognition(recognition)
	address := "none"
	var pool *pdf.Pool
	var extractor *extract.Extractor
	if s.work.workers > 0 {
		warming, warm := untilSignal(ctx, signals)
		pool, err = c.readers(warming, &s.work, d, log)
		if sig := warm(); sig != nil { // nothing was begun that would have to be stopped in order
			log.Warn("stopped during the start", keySignal, sig.String())
			return closePool(pool)
		}
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closePool(pool)) }()
		extractor = d.extractor(pool, recognition)
		svc.Worker = s.work.worker(d, extractor.Handle, log)
		svc.Worker.Memory = pool.Memory
		starved := func() bool { now, _ := pool.MemoryWait(); return now }
		svc.Worker.Busy, svc.Starved = starved, starved // another machine may have more
		watch.memory(s.work.memory(), pool)
	}
	watch.attach(svc, d, extractor)
	if s.webhooks.shared {
		log.Warn("others on this machine can read the webhook secret: chmod 600 "+quote(s.webhooks.file.text), keyFile, s.webhooks.file.text)
	}
	if send := s.webhooks.sender(d, watch.metrics, log); send != nil {
		svc.Beside = append(svc.Beside, send)
	}
	if s.addr != "" {
		for _, file := range s.access.shared() {
			log.Warn("others on this machine can read the token: chmod 600 "+quote(file), keyFile, file)
		}
		pictures, closePictures := s.work.pictures(d, pool, log)
		defer func() { err = errors.Join(err, closePictures()) }() // before the pool
		server, err := newServer(ctx, s, d, watch, pictures, recognition.Engine, log)
		if err != nil {
			return err
		}
		svc.Server = server
		address = server.listener.Addr().String()
	}
	svc.Ready = func() {
		watch.metrics.Ready()
		log.Info("Ready", keyAddr, address, keyWorkers, s.work.workers, keyDataDir, s.store.dataDir, keyStore, d.where, keyVersion, version())
	}
	return svc.Run(ctx, signals)
}

// untilSignal returns a context that a signal ends. The function that comes
// with it ends that watch, and returns the signal if there was one.
func untilSignal(ctx context.Context, signals <-chan os.Signal) (context.Context, func() os.Signal) {
	ctx, cancel := context.WithCancel(ctx)
	over, got := make(chan struct{}), make(chan os.Signal, 1)
	go func() {
		defer close(got)
		select {
		case sig := <-signals:
			got <- sig
			cancel()
		case <-over:
		}
	}()
	return ctx, func() os.Signal {
		close(over)
		cancel()
		return <-got
	}
}

func closePool(pool *pdf.Pool) error {
	if pool == nil {
		return nil
	}
	return pool.Close()
}

// readers starts the pool of reader processes.
func (c *console) readers(ctx context.Context, s *workSettings, d *data, log *slog.Logger) (*pdf.Pool, error) {
	pool, err := pdf.New(s.readerConfig(d, log, s.readersWithin(s.memory(), log)))
	if err != nil {
		return nil, err
	}
	if pool.Cold() {
		log.Info("⏳ Compiling the PDF engine for this machine; this takes some seconds, once")
	}
	if err := pool.Warm(ctx); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return pool, nil
}

func (s *workSettings) readerConfig(d *data, log *slog.Logger, readers int) pdf.Config {
	return pdf.Config{
		Readers: readers, PageTimeout: s.pageTimeout, PageMemory: int64(s.pageMemory), MaxPages: s.maxPages,
		CacheDir: filepath.Join(d.dir, "cache"), Logger: log, PageRead: s.pageRead, Available: s.memory().Available,
	}
}

// extractor is the handler of extraction jobs.
func (d *data) extractor(pool *pdf.Pool, recognition extract.Recognition) *extract.Extractor {
	return &extract.Extractor{
		Open: extract.FromPool(pool), Documents: d.documents, Jobs: d.jobs, Blobs: d.blobs,
		Engine: extract.Engine{Name: pdf.Engine, Version: pdf.EngineVersion()}, OCR: recognition, Stats: &extract.Stats{},
	}
}

// worker runs jobs of one kind: documents to read.
func (s *workSettings) worker(d *data, h jobs.Handler, log *slog.Logger) *jobs.Worker {
	var limits map[string]int
	if s.maxRunning > 0 {
		limits = map[string]int{extract.Kind: s.maxRunning}
	}
	return &jobs.Worker{
		Store: d.jobs, Handlers: map[string]jobs.Handler{extract.Kind: h}, Slots: s.workers, Limits: limits,
		Lease: s.lease, Grace: s.grace, Timeout: s.jobTimeout, Policy: s.policy(), Version: version(), Logger: log,
	}
}

// cleanup removes what is older than its retention (0: nothing), what a death
// left half removed, and the sources that nobody refers to.
func (d *data) cleanup(ctx context.Context, retention, documentRetention time.Duration) (int, error) {
	const slice = 500
	removed := 0
	for retention > 0 {
		n, err := d.jobs.Cleanup(ctx, time.Now().Add(-retention), slice)
		removed += n
		if err != nil {
			return removed, err
		}
		if n < slice {
			break
		}
	}
	for {
		var before time.Time
		if documentRetention > 0 {
			before = time.Now().Add(-documentRetention)
		}
		n, err := d.documents.Cleanup(ctx, before, slice)
		if err != nil {
			return removed, err
		}
		if n < slice {
			break
		}
	}
	blobs, err := d.sources(ctx)
	if err != nil {
		return removed, err
	}
	_, err = blobs.Sweep(ctx, d.documents.SourcesInUse)
	return removed, err
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/postgres"
)

func (c *console) checkCommand() *cobra.Command {
	var s storeSettings
	var environment error
	cmd := &cobra.Command{
		Use: "check", GroupID: groupOperate, Args: takes(cobra.NoArgs),
		Short: "Check store, sources, engine, text recognition, disk, clock and environment",
		Long: `Check everything that the service needs, each in a line: ok, or what to do. Nothing
is migrated or recovered, and a running service is not disturbed.

Exit codes: 0 all is well, 6 the store or the sources are out of reach, 1 anything
else is wrong.`,
		Example: `  mivaa check
  mivaa check --data-dir /var/lib/mivaa --json | jq 'select(.state != "ok")'`,
		// What is wrong with the environment is a finding here, not an end.
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			c.began = true
			environment = c.environment(cmd)
			if errs := resolve(cmd); len(errs) > 0 { // nobody knows where to look
				return usage(errors.Join(errs...))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := stoppable(cmd.Context())
			defer stop()
			k := &checker{s: &s, environment: environment, lookup: c.lookup, engine: startEngine, ocr: findOCR, free: freeSpace, now: time.Now}
			return c.check(ctx, k)
		},
	}
	s.register(cmd.Flags())
	return cmd
}

// environment reports what is wrong with the variables, for this command and
// for the service.
func (c *console) environment(cmd *cobra.Command) error {
	err := bindEnv(cmd.Root(), cmd, c.env)
	serve, _, found := cmd.Root().Find([]string{"serve"})
	if found != nil {
		return found
	}
	if of := bindEnv(cmd.Root(), serve, c.env); of != nil {
		return of // names what is unknown as well
	}
	return err
}

// What a finding is.
const (
	stateOK   = "ok"
	stateWarn = "warn" // it works, for now
	stateFail = "fail"
)

// finding is what a check found.
type finding struct {
	Check  string `json:"check"`
	State  string `json:"state"`
	Detail string `json:"detail"`
	Hint   string `json:"hint"` // what to do
	exit   int
}

// checker looks at one thing after another. What it asks of the machine can be
// replaced by a test.
type checker struct {
	s           *storeSettings
	environment error // of the variables
	lookup      func(name string) (string, bool)
	engine      func(ctx context.Context, cache string) (cold bool, err error)
	ocr         func(ctx context.Context, path, languages string) (foundOCR, error)
	free        func(path string) (uint64, error)
	now         func() time.Time

	borrowed *storeSettings // s, with a data dir for the time of this command where there is none
	d        *data          // once the store is open
	seen     *postgres.Diagnosis
	seenFail error
}

func (c *console) check(ctx context.Context, k *checker) error {
	out := c.screen(c.out)
	var failed []string
	exit := exitFailure
	var err error
	var giveBack func()
	k.borrowed, giveBack, err = k.s.borrow()
	if err != nil {
		return err
	}
	defer giveBack()
	defer k.close()
	for _, look := range k.looks() {
		f := look(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := c.tellFinding(out, f); err != nil {
			return err
		}
		if f.State == stateFail {
			failed = append(failed, f.Check)
			if f.exit == exitUnavailable {
				exit = exitUnavailable
			}
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return &exitError{exit: exit, code: "check_failed", err: fmt.Errorf("not well: %s", strings.Join(failed, ", "))}
}

// looks are what is looked at, in turn.
func (k *checker) looks() []func(context.Context) finding {
	if k.s.shared() {
		return []func(context.Context) finding{
			k.variables, k.access, k.folder, k.store, k.server, k.proof, k.notices, k.snapshots, k.sources, k.reader, k.recognition, k.disk, k.serverClock,
		}
	}
	return []func(context.Context) finding{k.variables, k.access, k.folder, k.store, k.sources, k.reader, k.recognition, k.disk, k.clock}
}

func (c *console) tellFinding(s screen, f finding) error {
	if c.json {
		return c.printJSON(f)
	}
	st := green
	switch f.State {
	case stateWarn:
		st = yellow
	case stateFail:
		st = red
	}
	line := s.paint(st, fmt.Sprintf("%-4s", f.State)) + fmt.Sprintf("  %-11s  %s", f.Check, clean(f.Detail))
	if f.Hint != "" {
		line += " -> " + clean(f.Hint)
	}
	_, err := fmt.Fprintln(s.w, line)
	return err
}

func ok(check, format string, args ...any) finding {
	return finding{Check: check, State: stateOK, Detail: fmt.Sprintf(format, args...)}
}

// bad is a finding of an error, with the hint that its class has.
func bad(check string, err error) finding {
	e := classify(err)
	return finding{Check: check, State: stateFail, Detail: e.Error(), Hint: e.hint, exit: e.exit}
}

func (k *checker) close() {
	if k.d != nil {
		_ = k.d.close() // it was only looked at
	}
}

func (k *checker) variables(context.Context) finding {
	if k.environment == nil {
		return ok("environment", "every MIVAA_ variable is known and well formed")
	}
	return finding{
		Check: "environment", State: stateFail, Detail: strings.ReplaceAll(k.environment.Error(), "\n", "; "),
		Hint: "mend or unset it: every other command refuses to start",
	}
}

func (k *checker) folder(context.Context) finding {
	info, err := os.Stat(k.s.dataDir)
	if errors.Is(err, os.ErrNotExist) && k.s.shared() {
		return ok("data-dir", "%s is not there: mivaa serve makes it, for caches and temporary copies", k.s.dataDir)
	}
	if err != nil {
		return finding{
			Check: "data-dir", State: stateFail, Detail: err.Error(), exit: exitUnavailable,
			Hint: "give the folder of the service with --data-dir or MIVAA_DATA_DIR; mivaa serve or mivaa migrate makes a new one",
		}
	}
	path, err := filepath.Abs(k.s.dataDir)
	if err != nil {
		path = k.s.dataDir
	}
	if !info.IsDir() {
		return finding{Check: "data-dir", State: stateFail, Detail: path + " is not a folder", Hint: "name another one with --data-dir", exit: exitUnavailable}
	}
	if mode := info.Mode().Perm(); tooOpen(mode) {
		return finding{
			Check: "data-dir", State: stateFail, Detail: fmt.Sprintf("%s has mode %04o: others can look into it", path, mode),
			Hint: "chmod 700 " + quote(path),
		}
	}
	return ok("data-dir", "%s, for its owner alone", path)
}

// store opens the store only if that does not migrate it.
func (k *checker) store(ctx context.Context) finding {
	began := k.now()
	schemas, err := k.s.schemas(ctx)
	if err != nil {
		return unavailable(bad("store", err))
	}
	words := make([]string, len(schemas))
	behind := false
	for i, s := range schemas {
		words[i] = fmt.Sprintf("%s %d", s.Component, s.Version)
		behind = behind || s.Pending > 0
	}
	if behind && k.s.exists(ctx) == nil {
		return finding{
			Check: "store", State: stateWarn, Detail: "schema is behind: " + strings.Join(words, ", "),
			Hint: "mivaa migrate; until then the store is not looked into",
		}
	}
	d, err := k.borrowed.openExisting(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return unavailable(bad("store", err))
	}
	k.d = d
	if file := d.embedded(); file != nil {
		if err := file.Check(ctx); err != nil {
			return unavailable(bad("store", err))
		}
		return ok("store", "opens, sound, schema %s (%s)", strings.Join(words, ", "), took(k.now().Sub(began)))
	}
	return ok("store", "%s opens, schema %s (%s)", k.s.where(), strings.Join(words, ", "), took(k.now().Sub(began)))
}

func unavailable(f finding) finding {
	f.exit = exitUnavailable
	return f
}

func (k *checker) sources(ctx context.Context) finding {
	if k.d == nil {
		return finding{Check: "sources", State: stateWarn, Detail: "not looked at: the store is not open"}
	}
	began := k.now()
	blobs, err := k.d.sources(ctx)
	if err == nil {
		err = blobs.Probe(ctx)
	}
	if err != nil {
		return unavailable(bad("sources", err))
	}
	return ok("sources", "written, read and deleted in %s (%s)", blobs.Location(), took(k.now().Sub(began)))
}

func (k *checker) reader(ctx context.Context) finding {
	cache := ""
	if info, err := os.Stat(k.s.dataDir); err == nil && info.IsDir() {
		cache = filepath.Join(k.s.dataDir, "cache")
	}
	began := k.now()
	cold, err := k.engine(ctx, cache)
	if err != nil {
		f := bad("engine", err)
		f.Hint = cmp.Or(f.Hint, "the readers are processes of this program: look at its limits (ulimit -a), memory and temporary folder")
		return f
	}
	what := "a reader starts and stops"
	if cold {
		what = "compiled, a reader starts and stops"
	}
	return ok("engine", "%s (%s)", what, took(k.now().Sub(began)))
}

// startEngine starts one reader and stops it. A cache of "" is thrown away.
func startEngine(ctx context.Context, cache string) (cold bool, err error) {
	pool, err := pdf.New(pdf.Config{Readers: 1, CacheDir: cache})
	if err != nil {
		return false, err
	}
	cold = pool.Cold()
	return cold, errors.Join(pool.Warm(ctx), pool.Close())
}

// littleFree is how much disk space is little.
const littleFree = 1 << 30

func (k *checker) disk(context.Context) finding {
	dir := k.s.dataDir
	for {
		if _, err := os.Stat(dir); err == nil || filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	free, err := k.free(dir)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return finding{Check: "disk", State: stateWarn, Detail: "how much space is left is not known on this system"}
	case err != nil:
		return finding{Check: "disk", State: stateFail, Detail: err.Error()}
	case free < littleFree:
		return finding{
			Check: "disk", State: stateWarn, Detail: sizeOf(int64(free)) + " left",
			Hint: "make room, or shorten --retention and --document-retention",
		}
	}
	return ok("disk", "%s left", sizeOf(int64(free)))
}

// clockSlack is how far two readings of one clock may lie apart.
const clockSlack = 2 * time.Second

func (k *checker) clock(ctx context.Context) finding {
	now := k.now()
	stamp := now.UTC().Format(time.RFC3339)
	if k.d == nil {
		return ok("clock", "%s; not compared with the store", stamp)
	}
	newest, err := k.d.jobs.List(ctx, jobs.Filter{Order: jobs.UpdatedFirst, Limit: 1})
	if err != nil {
		return unavailable(bad("clock", err))
	}
	if len(newest) > 0 && newest[0].UpdatedAt.After(now.Add(clockSlack)) {
		return finding{
			Check: "clock", State: stateFail,
			Detail: fmt.Sprintf("%s is before the newest job's last change, %s", stamp, newest[0].UpdatedAt.UTC().Format(time.RFC3339)),
			Hint:   "set the clock (timedatectl); while it is behind, jobs wait that are due, and ages are wrong",
		}
	}
	return ok("clock", "%s", stamp)
}

// took is a length of time for people.
func took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "<1ms"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

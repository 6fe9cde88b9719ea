package ocr

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mivaa/mivaa/internal/child"
)

// Name is how an engine is called in records.
const Name = "tesseract"

// Config says how an Engine recognises. Its zero value works.
type Config struct {
	Path      string        // of the program; empty: tesseract, wherever PATH has it
	Languages string        // where a document does not say: eng+deu; empty: eng, or the first that is installed
	AtOnce    int           // processes at the same time; 0: one a CPU that may be used
	Timeout   time.Duration // for a page; 0: 60 s
	Memory    int64         // resident bytes of a process; 0: 512 MiB

	// Available returns how many bytes of memory can be had before the kernel begins
	// to end processes; not ok: nobody knows. Where it is too little for one more
	// process, that one waits for others to end. Nil: none waits.
	Available func() (bytes int64, ok bool)

	Logger *slog.Logger // nil: none

	// Recognised is told of each page: how long it took, and the code of its
	// failure, "" where it was recognised. Nil: nobody is told.
	Recognised func(took time.Duration, code string)

	// addressSpace is how many bytes a process may reserve; 0: four times Memory,
	// since models are mapped and stacks reserved without ever being used whole,
	// but at least 1 GiB; below 0: any.
	addressSpace int64
}

// Engine is an installed Tesseract. It is safe for concurrent use.
type Engine struct {
	config    Config
	path      string
	version   string
	installed []string
	languages string // of pages whose document does not say
	starter   *child.Starter
	slots     chan struct{}
	room      room

	mu      sync.RWMutex
	closed  bool
	closing chan struct{}
	running sync.WaitGroup // processes
}

// oldest is the oldest Tesseract that reads standard input and answers as we
// read it.
const oldest = 4

// New finds Tesseract and asks it what it is. The caller closes the engine.
// Errors: ErrNotInstalled where Path is empty and PATH has none; an *Error of
// CodeLanguages; what else is wrong with the program.
func New(ctx context.Context, config Config) (*Engine, error) {
	config = config.withDefaults()
	path, err := find(config.Path)
	if err != nil {
		return nil, err
	}
	e := &Engine{config: config, path: path, starter: child.NewStarter(), slots: make(chan struct{}, config.AtOnce), closing: make(chan struct{})}
	if err := e.introduce(ctx); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

func (c Config) withDefaults() Config {
	if c.AtOnce <= 0 {
		c.AtOnce = runtime.GOMAXPROCS(0) // which follows the control group
	}
	if c.Timeout <= 0 {
		c.Timeout = time.Minute
	}
	if c.Memory <= 0 {
		c.Memory = 512 << 20
	}
	if c.addressSpace == 0 {
		c.addressSpace = max(4*c.Memory, 1<<30)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func find(path string) (string, error) {
	if path != "" {
		found, err := exec.LookPath(path)
		if err != nil {
			return "", fmt.Errorf("find tesseract: %w", err)
		}
		return found, nil
	}
	found, err := exec.LookPath(Name)
	if errors.Is(err, exec.ErrNotFound) {
		return "", ErrNotInstalled
	}
	if err != nil {
		return "", fmt.Errorf("find tesseract: %w", err)
	}
	return found, nil
}

// Close kills what runs and waits for its end; whoever recognises fails with
// ErrClosed. A second Close does nothing.
func (e *Engine) Close() {
	e.mu.Lock()
	first := !e.closed
	e.closed = true
	e.mu.Unlock()
	if first {
		close(e.closing)
		e.running.Wait()
		e.starter.Close()
	}
}

// Version is the program's own, such as 5.3.0.
func (e *Engine) Version() string { return e.version }

// Installed are the languages that pages may ask for, sorted.
func (e *Engine) Installed() []string { return slices.Clone(e.installed) }

// Languages are those of pages whose document does not say.
func (e *Engine) Languages() string { return e.languages }

// Check reports languages that are malformed or not installed: an *Error of
// CodeLanguages that names those that are.
func (e *Engine) Check(languages string) error {
	names, err := ParseLanguages(languages)
	if err != nil {
		return &Error{CodeLanguages, err}
	}
	return missing(names, e.installed)
}

var versionLine = regexp.MustCompile(`(?m)^tesseract v?([0-9]{1,3})((?:\.[0-9]{1,5}){0,3}[A-Za-z0-9.-]{0,20})`)

// introduce learns version and languages.
func (e *Engine) introduce(ctx context.Context) error {
	out, err := e.run(ctx, []string{"--version"}, nil, e.limits())
	if err != nil {
		return fmt.Errorf("ask %s for its version: %w", e.path, err)
	}
	m := versionLine.FindSubmatch(out)
	if m == nil {
		return fmt.Errorf("ask %s for its version: it does not answer as Tesseract does", e.path)
	}
	e.version = string(m[1]) + string(m[2])
	if major, _ := strconv.Atoi(string(m[1])); major < oldest {
		return fmt.Errorf("%s is version %s: %d or newer is needed", e.path, e.version, oldest)
	}
	if out, err = e.run(ctx, []string{"--list-langs"}, nil, e.limits()); err != nil {
		return fmt.Errorf("ask %s for its languages: %w", e.path, err)
	}
	e.installed = installed(string(out))
	if len(e.installed) == 0 {
		return fmt.Errorf("%s has no languages: install one, such as tesseract-ocr-eng", e.path)
	}
	return e.choose()
}

// installed reads the list of languages: a line each, after one that is for people.
func installed(list string) []string {
	const most = 1000
	names := []string{}
	for line := range strings.Lines(list) {
		name := strings.TrimSpace(line)
		if languageName.MatchString(name) && name != orientation && len(names) < most {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// choose settles the languages of documents that do not say.
func (e *Engine) choose() error {
	const usual = "eng"
	names, err := ParseLanguages(e.config.Languages)
	if err != nil {
		return &Error{CodeLanguages, err}
	}
	if len(names) == 0 {
		names = []string{usual}
		if !slices.Contains(e.installed, usual) {
			names = e.installed[:1]
		}
	}
	e.languages = strings.Join(names, "+")
	return missing(names, e.installed)
}

func (e *Engine) limits() limits { return limits{time: e.config.Timeout, memory: e.config.Memory} }

// environment is all that Tesseract is told: where its models are, if somewhere
// else, and to use one thread. More of them make a page slower, and what comes
// out could depend on how many there are.
func environment() []string {
	env := []string{"OMP_THREAD_LIMIT=1", "LC_ALL=C"}
	for _, name := range []string{"TESSDATA_PREFIX", "LD_LIBRARY_PATH", "SYSTEMROOT"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

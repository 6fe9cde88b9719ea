package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"github.com/mivaa/mivaa/internal/host"
	"github.com/mivaa/mivaa/internal/lifecycle"
	"github.com/mivaa/mivaa/jobs"
)

// workSettings say how jobs are run.
type workSettings struct {
	workers     int
	maxRunning  int
	recovery    choice
	maxCrashes  int
	maxFailures int
	lease       time.Duration
	grace       time.Duration
	jobTimeout  time.Duration
	pageTimeout time.Duration
	pageMemory  size
	maxUpload   size
	maxPages    int
	ocr         ocrSettings

	machine  *host.Memory                          // found when it is first asked for
	pageRead func(took time.Duration, code string) // told of each page; nil: nobody is
}

func (s *workSettings) register(f *pflag.FlagSet) {
	s.recovery = choice{value: string(jobs.RecoveryAuto), of: []string{string(jobs.RecoveryAuto), string(jobs.RecoveryManual)}}
	s.pageMemory, s.maxUpload = 512<<20, 1<<30
	f.Var(&s.recovery, "recovery", "of interrupted jobs: auto goes on by itself, manual waits for a person")
	f.IntVar(&s.maxCrashes, "max-crashes", 3, "deaths of its process in a row that fail a job")
	f.IntVar(&s.maxFailures, "max-failures", 4, "errors that fail a job")
	f.DurationVar(&s.lease, "lease", 15*time.Second, "how long an instance may be silent where its death cannot be proved")
	f.DurationVar(&s.grace, "shutdown-grace", 20*time.Second, "how long stopping may take")
	f.DurationVar(&s.jobTimeout, "job-timeout", 0, "how long a job may take; 0: no limit")
	f.DurationVar(&s.pageTimeout, "page-timeout", time.Minute, "how long a page may take; a slower one is recorded as failed")
	f.Var(&s.pageMemory, "page-memory", "memory a reader process may use; a page that needs more is recorded as failed")
	f.Var(&s.maxUpload, "max-upload", "largest file that is accepted")
	f.IntVar(&s.maxPages, "max-pages", 20000, "longest document that is accepted, in pages")
	s.ocr.register(f)
}

// usualWork are the settings where a command has no flags for them.
func usualWork() *workSettings {
	s := new(workSettings)
	s.register(pflag.NewFlagSet("", pflag.ContinueOnError))
	return s
}

func (s *workSettings) validate() []error {
	var errs []error
	positive := func(name string, ok bool) {
		if !ok {
			errs = append(errs, fmt.Errorf("--%s must be positive", name))
		}
	}
	if err := s.ocr.validate(); err != nil {
		errs = append(errs, err)
	}
	positive("max-crashes", s.maxCrashes > 0)
	positive("max-failures", s.maxFailures > 0)
	positive("page-timeout", s.pageTimeout > 0)
	positive("shutdown-grace", s.grace > 0)
	positive("max-pages", s.maxPages > 0)
	positive("max-upload", s.maxUpload > 0)
	if s.lease < 100*time.Millisecond {
		errs = append(errs, errors.New("--lease must be at least 100ms"))
	}
	if s.pageMemory < 64<<20 {
		errs = append(errs, errors.New("--page-memory must be at least 64MiB"))
	}
	if s.jobTimeout < 0 {
		errs = append(errs, errors.New("--job-timeout must not be negative"))
	}
	return errs
}

func (s *workSettings) policy() jobs.Policy {
	return jobs.Policy{Recovery: jobs.Recovery(s.recovery.value), MaxCrashes: s.maxCrashes, MaxFailures: s.maxFailures}
}

// logSettings say how the log looks.
type logSettings struct{ format, level choice }

func (s *logSettings) register(f *pflag.FlagSet) {
	s.format = choice{value: lifecycle.FormatText, of: []string{lifecycle.FormatText, lifecycle.FormatJSON}}
	s.level = choice{value: "info", of: []string{"debug", "info", "warn", "error"}}
	f.Var(&s.format, "log-format", "text for people, json for machines")
	f.Var(&s.level, "log-level", "least level that is logged")
}

func (s *logSettings) least() slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.level.value)); err != nil {
		level = slog.LevelInfo // cannot be: the flag's choices are slog's words
	}
	return level
}

func (s *logSettings) logger(c *console, w io.Writer) *slog.Logger {
	return lifecycle.NewLogger(w, s.format.value, s.least(), isTerminal(c.err), c.colour())
}

func (s *logSettings) serviceLogger(c *console, out *lifecycle.AsyncWriter) *slog.Logger {
	return lifecycle.NewServiceLogger(out, s.format.value, s.least(), isTerminal(c.err), c.colour())
}

// loopback reports whether nobody but this machine can reach an address.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// validAddr reports what is wrong with an address to listen on.
func validAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("--addr %s is not HOST:PORT, such as 127.0.0.1:8000", clean(addr))
	}
	return nil
}

// folder is a flag that names one: not "", which would be whichever folder the
// command is given in.
type folder string

func (p *folder) String() string { return string(*p) }
func (p *folder) Type() string   { return "string" }

func (p *folder) Set(v string) error {
	if v == "" {
		return errors.New("the name of a folder is missing")
	}
	*p = folder(v)
	return nil
}

// choice is a flag that takes one of a few words.
type choice struct {
	value string
	of    []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return strings.Join(c.of, "|") }

func (c *choice) Set(v string) error {
	if !slices.Contains(c.of, v) {
		return fmt.Errorf("%q is none of %s", v, strings.Join(c.of, ", "))
	}
	c.value = v
	return nil
}

// size is a flag in bytes: 512MiB, 1GiB, 2000000.
type size int64

func (s *size) String() string { return strings.ReplaceAll(humanize.IBytes(uint64(*s)), " ", "") }
func (s *size) Type() string   { return "size" }

func (s *size) Set(v string) error {
	n, err := humanize.ParseBytes(v)
	if err != nil || n > 1<<50 {
		return fmt.Errorf("%q is not a size such as 512MiB", v)
	}
	*s = size(n)
	return nil
}

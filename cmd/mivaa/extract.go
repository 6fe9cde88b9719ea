package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/lifecycle"
)

// extractSettings are all that the extract command can be told.
type extractSettings struct {
	store        storeSettings
	work         workSettings
	log          logSettings
	content      contentFlags
	output       string
	pages        string
	passwordFile string
	fresh        bool
	quiet        bool
}

func (c *console) extractCommand() *cobra.Command {
	var s extractSettings
	cmd := &cobra.Command{
		Use: "extract FILE...|-", GroupID: groupWork, Args: cobra.MinimumNArgs(1),
		Short: "Read PDFs, PNGs, JPEGs and TIFFs to standard output or a folder",
		Long: `Read PDFs, PNGs, JPEGs and TIFFs, one after another, as the same durable jobs that
the service runs, on the same store. It needs no running service and disturbs none.

Killed at any moment and given again, the same command continues at the first
page that is not recorded. Given again after success, it answers from the store.

A PNG or JPEG is a document of one page, a TIFF one of as many as it has pictures.
Pages that are pictures of text are recognised where Tesseract is installed (--ocr);
those that need it and got none are named on standard error, and in --json as
needs_ocr.

Exit codes: 0 done, 3 refused (none of those files, encrypted, damaged, over a limit),
7 some pages failed, 75 interrupted: run the same command again to continue.`,
		Example: `  mivaa extract report.pdf > report.md
  mivaa extract --format json -o out/ *.pdf
  mivaa extract --format zip -o report.zip report.pdf
  mivaa extract --ocr-languages deu+eng scan.tif > scan.md
  curl -s https://example.org/a.pdf | mivaa extract --pages 1-5,9 -`,
		RunE: func(cmd *cobra.Command, files []string) error {
			if err := s.check(files); err != nil {
				return usage(err)
			}
			if err := s.content.writable(c, s.output); err != nil {
				return err
			}
			return c.extract(cmd.Context(), &s, files)
		},
	}
	f := cmd.Flags()
	s.store.register(f)
	s.work.register(f)
	s.log.register(f)
	s.log.level.value = "warn"
	f.StringVarP(&s.output, "output", "o", "", "file, or folder where it ends in / or there are several files; default: standard output")
	f.StringVar(&s.pages, "pages", "", "only these, from 1: 1-5,9,20-")
	f.StringVar(&s.passwordFile, "password-file", "", "file with the password of encrypted PDFs, on its first line; also MIVAA_PASSWORD")
	f.BoolVar(&s.fresh, "fresh", false, "forget what is stored and read again")
	f.BoolVarP(&s.quiet, "quiet", "q", false, "no progress")
	s.content.register(cmd)
	return cmd
}

func (s *extractSettings) check(files []string) error {
	errs := s.work.validate()
	if _, err := extract.ParsePages(s.pages); err != nil {
		errs = append(errs, fmt.Errorf("--pages: %w", err))
	}
	if _, err := s.content.request(); err != nil {
		errs = append(errs, err)
	}
	stdin := 0
	for _, f := range files {
		if f == "-" {
			stdin++
		}
	}
	if stdin > 1 {
		errs = append(errs, errors.New("- (standard input) was given twice"))
	}
	errs = append(errs, folders(files)...)
	return errors.Join(append(errs, s.collisions(files)...)...)
}

// folders reports files that are none.
func folders(files []string) (errs []error) {
	for _, f := range files {
		if info, err := os.Stat(f); err == nil && info.IsDir() {
			errs = append(errs, fmt.Errorf("%s is a folder: give the files in it, such as %s", clean(f), filepath.Join(clean(f), "*.pdf")))
		}
	}
	return errs
}

// collisions reports files whose results would overwrite each other.
func (s *extractSettings) collisions(files []string) []error {
	var errs []error
	from := map[string]string{}
	for _, f := range files {
		target := s.target(f, len(files) > 1)
		if target == "" {
			continue
		}
		if first, taken := from[target]; taken && filepath.Clean(first) != filepath.Clean(f) {
			errs = append(errs, fmt.Errorf("%s and %s would both be written to %s: give them in two commands, with a folder each", first, f, target))
			continue
		}
		from[target] = f
	}
	return errs
}

// extract reads the files in turn. A file that fails does not keep the others
// from being read; an interruption does.
func (c *console) extract(ctx context.Context, s *extractSettings, files []string) (err error) {
	ctx, stop := interruptible(ctx, os.Exit) //nolint:forbidigo // this is what a second signal asks for
	defer stop()
	log := s.log.logger(c, c.err)
	d, err := s.store.open(ctx, log)
	if err != nil {
		return err
	}
	x := &extraction{console: c, s: s, data: d, log: log, several: len(files) > 1}
	defer func() { err = errors.Join(err, x.close()) }()
	if x.password, err = c.password(s.passwordFile); err != nil {
		return err
	}
	if s.work.ocr.asked() { // a mistake in it is told before a job is made
		if _, err := x.recognition.get(func() (extract.Recognition, error) { return x.recogniser(ctx) }); err != nil {
			return err
		}
	}
	var worst *exitError
	for _, name := range files {
		err := x.file(ctx, name)
		if err == nil {
			continue
		}
		e := classify(err)
		if e.exit == exitInterrupted || e.exit == exitUnavailable || c.unread(err) || len(files) == 1 {
			return e
		}
		c.exit(&exitError{exit: e.exit, code: e.code, err: fmt.Errorf("%s: %w", name, e.err), hint: e.hint})
		if worst == nil || severity(e.exit) > severity(worst.exit) {
			worst = e
		}
	}
	if worst != nil {
		return &exitError{exit: worst.exit, code: worst.code, err: errors.New("not all files could be read whole; see above")}
	}
	return nil
}

// severity orders exit codes, where several files end differently.
func severity(exit int) int {
	switch exit {
	case exitFailure:
		return 3
	case exitRefused:
		return 2
	}
	return 1
}

// interruptible returns a context that the first stop signal cancels. A second
// one exits at once; those that come with the first are part of it.
func interruptible(ctx context.Context, exit func(int)) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, lifecycle.Signals()...)
	over := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		var first time.Time
		for {
			select {
			case sig := <-signals:
				switch {
				case first.IsZero():
					first = time.Now()
					cancel()
				case time.Since(first) > lifecycle.Settle:
					exit(128 + int(sig.(syscall.Signal)))
				}
			case <-over:
				return
			}
		}
	})
	return ctx, func() {
		signal.Stop(signals)
		close(over)
		cancel()
		done.Wait()
	}
}

func (c *console) password(file string) (string, error) {
	if file == "" {
		return c.environ("MIVAA_PASSWORD"), nil
	}
	line, err := firstLine(file)
	if err != nil {
		return "", usagef("read password: %w", err)
	}
	return line, nil
}

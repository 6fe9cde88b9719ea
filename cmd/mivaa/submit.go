package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/client"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/ocr"
	"github.com/mivaa/mivaa/jobs"
)

// submitSettings are all that the submit command can be told.
type submitSettings struct {
	serviceSettings
	upload       client.Upload
	passwordFile string
	recovery     choice
	name         string
	wait         bool
	timeout      time.Duration
	quiet        bool
}

// defaultServer is where mivaa serve listens unless it is told otherwise.
const defaultServer = "http://127.0.0.1:8000"

func (c *console) submitCommand() *cobra.Command {
	var s submitSettings
	cmd := &cobra.Command{
		Use: "submit FILE...|-", GroupID: groupWork, Args: takes(cobra.MinimumNArgs(1)),
		Short: "Upload PDFs, PNGs, JPEGs and TIFFs to a running service",
		Long: `Upload PDFs, PNGs, JPEGs and TIFFs to a running service and print their jobs. What
is printed is stored durably: the service reads it whatever happens from then on.
Bytes that it has already are answered with the job that read them, unless --anew.

Pages that are pictures of text are recognised where the service finds Tesseract
(--ocr, --ocr-languages); mivaa documents show names those that need it and got none.

--wait follows the jobs to their ends. It takes no time: for how long at most is
said by --timeout. Ctrl-C stops the following and no job.

Exit codes: 0 accepted, with --wait: completed; 3 refused (none of those files, over
a limit), 6 no service there.
With --wait as those of mivaa jobs watch: 7 some pages failed, 1 or 3 failed,
5 interrupted, 8 still running when --timeout ran out, 75 no longer followed.`,
		Example: `  mivaa submit report.pdf
  mivaa submit --wait *.pdf && mivaa documents list --server http://127.0.0.1:8000
  mivaa submit --ocr-languages deu+eng scan.tif
  curl -s https://example.org/a.pdf | mivaa submit --name a.pdf --server https://pdf.example.org -`,
		RunE: func(cmd *cobra.Command, files []string) error {
			if err := s.check(files); err != nil {
				return usage(err)
			}
			ctx, stop := stoppable(cmd.Context())
			defer stop()
			return c.submit(ctx, &s, files)
		},
	}
	f := cmd.Flags()
	s.serviceSettings.register(f)
	f.Lookup("server").Usage = "URL of the service. Default: " + defaultServer
	s.recovery = choice{of: []string{string(jobs.RecoveryAuto), string(jobs.RecoveryManual)}}
	f.StringVar(&s.upload.Title, "title", "", "kept in the document's metadata")
	f.StringVar(&s.upload.Description, "description", "", "kept in the document's metadata")
	f.StringSliceVar(&s.upload.Tags, "tags", nil, "kept in the document's metadata: a,b")
	f.StringVar(&s.upload.Pages, "pages", "", "only these, from 1: 1-5,9,20-")
	f.StringVar(&s.upload.OCR, "ocr", "", "pages that are recognised from their picture: auto those that are pictures of text, off none, force all. Default: the service's")
	f.StringVar(&s.upload.OCRLanguages, "ocr-languages", "", "languages in which they are: eng+deu. Default: the service's")
	f.IntVar(&s.upload.Priority, "priority", 0, "-1000 to 1000; higher runs first")
	f.StringVar(&s.upload.Owner, "owner", "", "whose it is; owners take turns")
	f.Var(&s.recovery, "recovery", "after an interruption: auto goes on by itself, manual waits for a person. Default: the service's")
	f.StringVar(&s.passwordFile, "password-file", "", "file with the password of encrypted PDFs, on its first line; also MIVAA_PASSWORD")
	f.StringVar(&s.upload.Callback, "callback", "", "URL that the service tells how the job ends")
	f.BoolVar(&s.upload.Anew, "anew", false, "make a document of its own of bytes that the service has already")
	f.StringVar(&s.name, "name", "", "filename of the document. Default: the file's; needed for -")
	f.BoolVarP(&s.wait, "wait", "w", false, "follow the jobs to their ends; for how long at most: --timeout")
	f.DurationVar(&s.timeout, "timeout", 0, "with --wait: for how long at most; exit code 8 when it ran out. 0: as long as it takes")
	f.BoolVarP(&s.quiet, "quiet", "q", false, "no progress")
	offer(cmd, "recovery", &s.recovery)
	cmd.ValidArgsFunction = cobra.FixedCompletions([]string{"pdf", "png", "jpg", "jpeg", "tif", "tiff"}, cobra.ShellCompDirectiveFilterFileExt)
	return cmd
}

func (s *submitSettings) check(files []string) error {
	var errs []error
	if _, err := extract.ParsePages(s.upload.Pages); err != nil {
		errs = append(errs, fmt.Errorf("--pages: %w", err))
	}
	if s.upload.OCR != "" && !slices.Contains(ocrModes(), s.upload.OCR) {
		errs = append(errs, fmt.Errorf("--ocr: %q is none of %s", s.upload.OCR, strings.Join(ocrModes(), ", ")))
	}
	if _, err := ocr.Normal(s.upload.OCRLanguages); err != nil {
		errs = append(errs, fmt.Errorf("--ocr-languages: %w", err))
	}
	if s.timeout < 0 || s.timeout > 0 && !s.wait {
		errs = append(errs, errors.New("--timeout is a time, and stands beside --wait"))
	}
	if len(files) > 1 && s.name != "" {
		errs = append(errs, errors.New("--name is of one file"))
	}
	for _, file := range files {
		if _, err := time.ParseDuration(file); err == nil && s.wait && !exists(file) {
			errs = append(errs, fmt.Errorf("there is no file %s: --wait takes no time here, write --wait --timeout %[1]s", file))
		}
		if file == "-" && s.name == "" {
			errs = append(errs, errors.New("standard input has no name: give one by --name"))
		}
	}
	return errors.Join(append(errs, folders(files)...)...)
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// submitRow is what --json prints of a file.
type submitRow struct {
	client.Submitted
	JobID    *string `json:"job_id"`
	Filename string  `json:"filename"`
}

func (c *console) submit(ctx context.Context, s *submitSettings, files []string) error {
	password, err := c.password(s.passwordFile)
	if err != nil {
		return err
	}
	if s.server.text == "" {
		s.server.text = defaultServer
	}
	service, err := s.client(c)
	if err != nil {
		return err
	}
	s.upload.Password, s.upload.Recovery = password, s.recovery.value
	var made []client.Submitted
	var errs []error
	for _, file := range files {
		done, err := c.submitFile(ctx, service, s, file)
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			errs = append(errs, named(err, file))
			if errors.Is(err, client.ErrUnreachable) {
				break // the others would fare the same
			}
			continue
		}
		if err := c.tellSubmitted(done, cmp.Or(s.name, filepath.Base(file))); err != nil {
			return err
		}
		made = append(made, done)
	}
	if s.wait {
		errs = append(errs, c.awaitAll(ctx, newRemote(service).desk(), s, made)...)
	}
	return together(errs)
}

// named is an error that says which file it is about.
func named(err error, file string) error {
	e := *classify(err)
	e.err = fmt.Errorf("%s: %w", clean(file), e.err)
	return &e
}

func (c *console) submitFile(ctx context.Context, service *client.Client, s *submitSettings, file string) (client.Submitted, error) {
	u := s.upload
	u.Filename = cmp.Or(s.name, filepath.Base(file))
	if file == "-" {
		return service.Submit(ctx, c.in, u)
	}
	f, err := openSource(file)
	if err != nil {
		return client.Submitted{}, err
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return service.Submit(ctx, io.MultiReader(f), u) // a pipe: its size is not known
	}
	sending := c.sending(s, f, info.Size(), u.Filename)
	defer sending.over()
	return service.Submit(ctx, sending, u)
}

func (c *console) tellSubmitted(done client.Submitted, name string) error {
	if c.json {
		return c.printJSON(submitRow{done, null(done.JobID), name})
	}
	word := "accepted"
	if done.Deduplicated {
		word = "known already:"
	}
	_, err := fmt.Fprintf(c.out, "%s %s %s\n", word, cmp.Or(done.JobID, "document "+done.DocumentID), clean(name))
	return err
}

// awaitAll follows jobs to their ends, one after the other.
func (c *console) awaitAll(ctx context.Context, d *desk, s *submitSettings, made []client.Submitted) []error {
	ctx, cancel := waiting(ctx, s.timeout)
	defer cancel()
	var errs []error
	for _, done := range made {
		if done.JobID == "" {
			continue // complete, and its job no longer kept
		}
		j, err := d.job(ctx, done.JobID)
		switch {
		case err == nil:
			err = d.follow(ctx, c.submitView(s), j)
		case errors.Is(err, context.Canceled):
			err = letGo(done.JobID, jobs.Status(done.Status))
		}
		if err == nil {
			err = c.tellEnd(j)
		}
		if err != nil {
			errs = append(errs, err)
		}
		if ctx.Err() != nil && !errors.Is(context.Cause(ctx), errWaited) {
			break // Ctrl-C: nothing more is followed
		}
	}
	return errs
}

// submitView shows progress beside the result.
func (c *console) submitView(s *submitSettings) *view {
	if s.quiet || c.json {
		return viewOn(screen{w: io.Discard})
	}
	return viewOn(c.screen(c.err))
}

func (c *console) tellEnd(j jobs.Job) error {
	if c.json {
		return c.printJSON(map[string]any{"job_id": j.ID, "document_id": j.DocumentID, "filename": j.Filename, "status": jobs.Completed})
	}
	_, err := fmt.Fprintf(c.out, "completed %s %s\n", j.ID, clean(j.Filename))
	return err
}

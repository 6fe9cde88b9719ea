package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// extraction is one run of the extract command.
type extraction struct {
	*console
	s        *extractSettings
	data     *data
	log      *slog.Logger
	password string
	several  bool

	pool *pdf.Pool // started with the first document that has to be read
}

func (x *extraction) close() error {
	var err error
	if x.pool != nil {
		err = x.pool.Close()
	}
	return errors.Join(err, x.data.close())
}

// file reads one document and writes its content.
func (x *extraction) file(ctx context.Context, name string) error {
	ref, err := x.store(ctx, name)
	if err != nil {
		return err
	}
	w := x.worker()
	instance, err := w.Join(ctx)
	if err != nil {
		return err
	}
	sub, err := x.submit(ctx, name, ref, instance)
	if err != nil {
		return errors.Join(err, w.Leave())
	}
	doc, err := x.finish(ctx, w, sub)
	if err != nil {
		return err
	}
	return x.write(ctx, name, doc)
}

// store makes the source durable, before any job exists.
func (x *extraction) store(ctx context.Context, name string) (blob.Ref, error) {
	in := x.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return blob.Ref{}, &exitError{exit: exitNotFound, code: "source_missing", err: err, hint: "give the path of a PDF, or - for standard input"}
		}
		defer f.Close()
		in = f
	}
	in, err := pdf.Sniff(in)
	if err != nil {
		return blob.Ref{}, err
	}
	return x.data.blobs.Put(ctx, in, int64(x.s.work.maxUpload))
}

func (x *extraction) submit(ctx context.Context, name string, ref blob.Ref, instance string) (documents.Submitted, error) {
	if name == "-" {
		name = "stdin.pdf"
	}
	sub := documents.Submission{
		Source: ref, Filename: filepath.Base(name), Password: x.password,
		Fresh: x.s.fresh, Recovery: jobs.Recovery(x.s.work.recovery.value), Instance: instance,
	}
	if err := (extract.Options{Pages: x.s.pages}).Apply(&sub); err != nil {
		return documents.Submitted{}, usage(err)
	}
	return x.data.documents.Submit(ctx, sub)
}

// finish brings the document's job to its end: by running it, by following
// another process that does, or by finding that nothing is left to do.
func (x *extraction) finish(ctx context.Context, w *jobs.Worker, sub documents.Submitted) (documents.Document, error) {
	id := sub.Job.ID
	if !sub.Document.ContentJobID.IsZero() && sub.Job.Status != jobs.Pending && sub.Job.Status != jobs.Processing {
		return sub.Document, w.Leave()
	}
	if sub.Job.Status == jobs.Interrupted && sub.Job.Ended() { // given again by a person: that is a resume
		if _, err := x.data.jobs.Move(ctx, id, jobs.Resume, x.person()); err != nil {
			return documents.Document{}, errors.Join(err, w.Leave())
		}
	}
	show := x.progress(ctx, id, sub.Document.Filename)
	j, err := w.Do(ctx, id)
	if err == nil && !j.Ended() && ctx.Err() == nil { // another living process has it
		j, err = x.follow(ctx, id)
	}
	show()
	if err != nil {
		return documents.Document{}, err
	}
	if err := outcome(ctx, j); err != nil {
		return documents.Document{}, err
	}
	return x.data.documents.Get(ctx, sub.Document.ID)
}

// outcome is the error that a job's end is for the command.
func outcome(ctx context.Context, j jobs.Job) error {
	switch {
	case j.Status == jobs.Completed:
		return nil
	case j.Status == jobs.Failed && extract.Refused(j.ErrorCode):
		e := &exitError{exit: exitRefused, code: j.ErrorCode, err: errors.New(j.Error)}
		if j.ErrorCode == pdf.CodePasswordRequired || j.ErrorCode == pdf.CodePasswordWrong {
			e.hint = "give the password with --password-file"
		}
		return e
	case j.Status == jobs.Failed:
		return &exitError{exit: exitFailure, code: j.ErrorCode, err: errors.New(j.Error), hint: "mivaa jobs show " + j.ID.String() + " tells its history"}
	case j.Cause == jobs.CauseCancelled:
		return &exitError{exit: exitState, code: "cancelled", err: errors.New("the job was cancelled"), hint: "run the same command again to continue"}
	}
	kept := fmt.Sprintf("interrupted; %d pages are kept", j.StepsDone)
	if ctx.Err() == nil {
		kept += ": " + j.Error
	}
	return &exitError{exit: exitInterrupted, code: "interrupted", err: errors.New(kept), hint: "run the same command again to continue"}
}

// follow waits for the end of a job that another process runs.
func (x *extraction) follow(ctx context.Context, id jobs.ID) (jobs.Job, error) {
	changes := x.data.jobs.Watch(ctx)
	for {
		j, err := jobs.Get(ctx, x.data.jobs, id)
		if err != nil || j.Ended() {
			return j, err
		}
		if _, open := <-changes; !open {
			return jobs.Job{}, &exitError{exit: exitInterrupted, code: "interrupted", err: errors.New("interrupted; another process goes on with the job"), hint: "run the same command again to continue"}
		}
	}
}

// worker runs the one job. Its readers start when the handler needs them.
func (x *extraction) worker() *jobs.Worker {
	s := x.s.work
	s.workers = 1
	return s.worker(x.data, func(ctx context.Context, a *jobs.Attempt) error {
		if x.pool == nil {
			pool, err := x.readers(ctx, &s, x.data, x.log)
			if err != nil {
				return err
			}
			x.pool = pool
		}
		return x.data.extractor(x.pool).Handle(ctx, a)
	}, x.log)
}

func (x *extraction) person() string {
	for _, name := range []string{"USER", "LOGNAME", "USERNAME"} {
		if u := x.environ(name); u != "" {
			return "cli:" + u
		}
	}
	return "cli"
}

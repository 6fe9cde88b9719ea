package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/ocr"
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

	recognition lateRecognition // found with it
	pool        latePool        // started with the first document that has to be read
}

func (x *extraction) close() error {
	x.recognition.close()
	return errors.Join(x.pool.close(), x.data.close())
}

// file reads one document and writes its content.
func (x *extraction) file(ctx context.Context, name string) error {
	ref, media, err := x.store(ctx, name)
	if err != nil {
		return err
	}
	w := x.worker()
	instance, err := w.Join(ctx)
	if err != nil {
		return err
	}
	sub, err := x.submit(ctx, name, ref, media, instance)
	if err != nil {
		return errors.Join(err, w.Leave())
	}
	doc, err := x.finish(ctx, w, sub)
	if err != nil {
		return err
	}
	return x.write(ctx, name, doc)
}

// openSource opens a file that is to be read, which may be a pipe.
func openSource(name string) (*os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, &exitError{exit: exitNotFound, code: "source_missing", err: err, hint: "give the path of a PDF, or - for standard input"}
	}
	return f, nil
}

// store makes the source durable, before any job exists.
func (x *extraction) store(ctx context.Context, name string) (ref blob.Ref, media string, err error) {
	in := x.in
	if name != "-" {
		f, err := openSource(name)
		if err != nil {
			return ref, "", err
		}
		defer f.Close()
		in = f
	}
	if in, media, err = pdf.Sniff(in); err != nil {
		return ref, "", err
	}
	ref, err = x.data.blobs.Put(ctx, in, int64(x.s.work.maxUpload))
	return ref, media, err
}

func (x *extraction) submit(ctx context.Context, name string, ref blob.Ref, media, instance string) (documents.Submitted, error) {
	if name == "-" {
		name = "stdin." + ending(media)
	}
	sub := documents.Submission{
		Source: ref, Filename: filepath.Base(name), MediaType: media, Password: x.password,
		Fresh: x.s.fresh, Recovery: jobs.Recovery(x.s.work.recovery.value), Instance: instance,
	}
	options := extract.Options{Pages: x.s.pages, OCRLanguages: x.s.work.ocr.languages}
	if x.s.work.ocr.mode.value != string(ocr.Auto) {
		options.OCR = ocr.Mode(x.s.work.ocr.mode.value)
	}
	if err := options.Apply(&sub); err != nil {
		return documents.Submitted{}, usage(err)
	}
	// A signal between commit and answer must not hide a job that is claimed:
	// the worker is told of it, and stops in order.
	return x.data.documents.Submit(context.WithoutCancel(ctx), sub)
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
	for err == nil && !j.Ended() && ctx.Err() == nil { // another living process has it
		if j, err = x.follow(ctx, id); err == nil && !j.Ended() {
			j, err = w.Do(ctx, id) // it may have died, or was told to stop
		}
	}
	show()
	if err != nil {
		return documents.Document{}, err
	}
	if err := outcome(ctx, sub.Document, j); err != nil {
		return documents.Document{}, err
	}
	return x.data.documents.Get(ctx, sub.Document.ID)
}

// outcome is the error that a job's end is for the command. The document is as
// it was before the job ran.
func outcome(ctx context.Context, doc documents.Document, j jobs.Job) error {
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
		return &exitError{exit: exitState, code: "cancelled", err: errors.New("the job was cancelled"), hint: hintCancelled(doc, j)}
	}
	kept := fmt.Sprintf("interrupted; %d pages are kept", j.StepsDone)
	if ctx.Err() == nil {
		kept += ": " + j.Error
	}
	return &exitError{exit: exitInterrupted, code: "interrupted", err: errors.New(kept), hint: "run the same command again to continue"}
}

// hintCancelled says how to go on. A document that was cancelled before it had
// content does not answer for its bytes any more.
func hintCancelled(doc documents.Document, j jobs.Job) string {
	again := "the file given again is read anew"
	if !doc.ContentJobID.IsZero() {
		again = "the file given again is answered with what was read before"
	}
	return "mivaa jobs resume " + j.ID.String() + " has the service go on behind the pages that are kept; " + again
}

// follow waits while another process runs a job, but not long: that one may
// have died, of which nothing tells.
func (x *extraction) follow(ctx context.Context, id jobs.ID) (jobs.Job, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changes := x.data.jobs.Watch(ctx)
	look := time.NewTimer(2 * time.Second)
	defer look.Stop()
	for {
		j, err := jobs.Get(context.WithoutCancel(ctx), x.data.jobs, id)
		if err != nil || j.Status != jobs.Processing || ctx.Err() != nil {
			return j, err
		}
		select {
		case <-changes:
		case <-look.C:
			return j, nil
		case <-ctx.Done():
		}
	}
}

// worker runs the one job. Its readers start when the handler needs them.
func (x *extraction) worker() *jobs.Worker {
	s := x.s.work
	s.workers = 1
	return s.worker(x.data, func(ctx context.Context, a *jobs.Attempt) error {
		pool, err := x.pool.get(func() (pool *pdf.Pool, err error) {
			err = whileGoing(ctx, a, func(ctx context.Context) (err error) {
				pool, err = x.readers(ctx, &s, x.data, x.log)
				return err
			})
			return pool, err
		})
		if err != nil {
			return err
		}
		recognition, err := x.recognition.get(func() (r extract.Recognition, err error) {
			err = whileGoing(ctx, a, func(ctx context.Context) (err error) { r, err = x.recogniser(ctx); return err })
			return r, err
		})
		if err != nil {
			return err
		}
		return x.data.extractor(pool, recognition).Handle(ctx, a)
	}, x.log)
}

func (x *extraction) recogniser(ctx context.Context) (extract.Recognition, error) {
	return x.s.work.recognition(ctx, x.log)
}

// ending is what the name of a file ends in, by its media type.
func ending(media string) string {
	switch media {
	case pdf.PNG:
		return "png"
	case pdf.JPEG:
		return "jpg"
	case pdf.TIFF:
		return "tif"
	}
	return "pdf"
}

func (x *extraction) person() string {
	for _, name := range []string{"USER", "LOGNAME", "USERNAME"} {
		if u := x.environ(name); u != "" {
			return "cli:" + u
		}
	}
	return "cli"
}

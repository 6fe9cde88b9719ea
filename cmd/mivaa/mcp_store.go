package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"syscall"

	"github.com/mivaa/mivaa/client"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/lifecycle"
	"github.com/mivaa/mivaa/internal/ocr"
	"github.com/mivaa/mivaa/internal/pdf"
)

// keep submits to a store: the job waits there for a process that runs jobs.
func (d *data) keep(most int64) submitFunc {
	return func(ctx context.Context, in io.Reader, u client.Upload) (client.Submitted, error) {
		in, media, err := pdf.Sniff(in)
		if err != nil {
			return client.Submitted{}, err
		}
		blobs, err := d.sources(ctx)
		if err != nil {
			return client.Submitted{}, err
		}
		ref, err := blobs.Put(ctx, in, most)
		if err != nil {
			return client.Submitted{}, err
		}
		sub := documents.Submission{Source: ref, Filename: u.Filename, MediaType: media, Password: u.Password}
		if u.Title != "" {
			if sub.Metadata, err = json.Marshal(map[string]string{"title": u.Title}); err != nil {
				return client.Submitted{}, fmt.Errorf("encode metadata: %w", err)
			}
		}
		if err := (extract.Options{Pages: u.Pages, OCR: ocr.Mode(u.OCR), OCRLanguages: u.OCRLanguages}).Apply(&sub); err != nil {
			return client.Submitted{}, err
		}
		made, err := d.documents.Submit(ctx, sub)
		if err != nil {
			return client.Submitted{}, err
		}
		return client.Submitted{
			JobID: made.Job.ID.String(), DocumentID: made.Document.ID.String(), Status: client.Status(made.Job.Status), Deduplicated: made.Deduplicated,
		}, nil
	}
}

// workBeside runs jobs in this process, with a service's order of starting and
// stopping but without its API. The function that it returns stops them.
func (c *console) workBeside(ctx context.Context, s *mcpSettings, d *data) (stop func() error, err error) {
	log := lifecycle.NewLogger(c.err, lifecycle.FormatText, slog.LevelWarn, false, false)
	pool, err := c.readers(ctx, &s.work, d, log)
	if err != nil {
		return nil, err
	}
	recognition, err := s.work.recognition(ctx, log)
	if err != nil {
		return nil, errors.Join(err, closePool(pool))
	}
	svc := &lifecycle.Service{
		Store: d.jobs, Narrator: lifecycle.NewNarrator(log), Log: log, Grace: s.work.grace,
		Worker: s.work.worker(d, d.extractor(pool, recognition).Handle, log),
		Exit:   func(int) {},
	}
	signals := make(chan os.Signal, 1)
	ended := make(chan error, 1)
	ready := make(chan struct{})
	svc.Ready = func() { close(ready) }
	go func() { ended <- svc.Run(context.WithoutCancel(ctx), signals) }()
	select {
	case <-ready:
	case err := <-ended:
		closeRecognition(recognition)
		return nil, errors.Join(err, closePool(pool))
	}
	return func() error {
		signals <- syscall.SIGTERM
		defer closeRecognition(recognition)
		return errors.Join(<-ended, closePool(pool))
	}, nil
}

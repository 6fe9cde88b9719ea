package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/mivaa/mivaa/client"
	"github.com/mivaa/mivaa/jobs"
)

// submitFunc stores a document and its job.
type submitFunc func(ctx context.Context, in io.Reader, u client.Upload) (client.Submitted, error)

type submitInput struct {
	Path         string `json:"path" jsonschema:"path of the PDF, PNG, JPEG or TIFF on this machine"`
	Pages        string `json:"pages,omitempty" jsonschema:"only these pages, such as 1-5,9,20-; all if empty"`
	Title        string `json:"title,omitempty" jsonschema:"kept with the document"`
	Password     string `json:"password,omitempty" jsonschema:"opens an encrypted PDF"`
	OCR          string `json:"ocr,omitempty" jsonschema:"pages that are recognised from their picture: auto (those that are pictures of text, or whose text is garbage), off or force (all); if empty, as whoever reads it is set"`
	OCRLanguages string `json:"ocr_languages,omitempty" jsonschema:"languages in which they are, as Tesseract names them: eng+deu; if empty, as whoever reads it is set"`
}

type submitOutput struct {
	JobID      string `json:"job_id,omitempty"`
	DocumentID string `json:"document_id"`
	Status     string `json:"status"`
	Known      bool   `json:"known" jsonschema:"it was submitted before in the same way: its first document answers"`
	Note       string `json:"note,omitempty"`
}

func (t *tools) submit(ctx context.Context, in submitInput) (submitOutput, error) {
	mode, languages, err := askedOCR(in.OCR, in.OCRLanguages)
	if err != nil {
		return submitOutput{}, err
	}
	f, err := t.open(in.Path)
	if err != nil {
		return submitOutput{}, err
	}
	defer func() { _ = f.Close() }() // it was only read
	done, err := t.store(ctx, f, client.Upload{
		Filename: filepath.Base(in.Path), Pages: in.Pages, Title: in.Title, Password: in.Password, OCR: mode, OCRLanguages: languages,
	})
	if err != nil {
		return submitOutput{}, err
	}
	out := submitOutput{JobID: done.JobID, DocumentID: done.DocumentID, Status: string(done.Status), Known: done.Deduplicated}
	if done.JobID == "" {
		out.Status = string(jobs.Completed)
	}
	if out.Status == string(jobs.Pending) {
		out.Note, err = t.idle(ctx)
	}
	return out, err
}

// open opens a file that may be submitted.
func (t *tools) open(path string) (*os.File, error) {
	if scheme, _, ok := strings.Cut(path, "://"); ok {
		return nil, usagef("%s addresses are not fetched: save the document to a file and give its path", clean(scheme))
	}
	stat, open, name := os.Stat, os.Open, path
	if t.root != nil {
		stat, open = t.root.Stat, t.root.Open
		if filepath.IsAbs(path) {
			var err error
			if name, err = filepath.Rel(t.root.Name(), path); err != nil {
				return nil, usagef("%s is not below %s", clean(path), t.root.Name())
			}
		}
	}
	info, err := stat(name) // before it is opened: a pipe would wait for somebody who writes
	if err != nil {
		return nil, usagef("open file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, usagef("%s is not a file", clean(path))
	}
	f, err := open(name)
	if err != nil {
		return nil, usagef("open file: %w", err)
	}
	return f, nil
}

// idle says that nothing will run a job, where that is so.
func (t *tools) idle(ctx context.Context) (string, error) {
	found, err := t.desk.jobs.Instances(ctx, 0)
	if err != nil {
		return "", err
	}
	for _, in := range found {
		if in.State == jobs.InstanceLive && in.DrainingSince.IsZero() {
			return "", nil
		}
	}
	return "It is stored, but no process runs jobs now: somebody has to start mivaa serve (or mivaa mcp with --work).", nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/ocr"
	"github.com/mivaa/mivaa/jobs"
)

// write writes the content where it was asked for.
func (x *extraction) write(ctx context.Context, name string, doc documents.Document) error {
	summary, err := x.writeTo(ctx, name, doc)
	if err != nil {
		return err
	}
	x.tellPictures(name, doc, summary.NeedsOCR)
	if n := len(summary.Failed); n > 0 {
		return &exitError{exit: exitPartly, code: "partial", err: fmt.Errorf("%d of %d pages could not be read: %s", n, summary.Pages, failedPages(summary.Failed))}
	}
	return nil
}

func (x *extraction) writeTo(ctx context.Context, name string, doc documents.Document) (extract.Summary, error) {
	path := x.s.target(name, x.several)
	if path == "" && !x.json {
		return x.content(ctx, doc, x.out)
	}
	if path == "" {
		var text strings.Builder
		summary, err := x.content(ctx, doc, &text)
		if err != nil {
			return summary, err
		}
		return summary, x.printJSON(x.result(doc, summary, "", text.String()))
	}
	var summary extract.Summary
	err := writeFile(path, func(w io.Writer) (err error) {
		summary, err = x.content(ctx, doc, w)
		return err
	})
	if err != nil || !x.json {
		return summary, err
	}
	return summary, x.printJSON(x.result(doc, summary, path, ""))
}

func (x *extraction) content(ctx context.Context, doc documents.Document, w io.Writer) (extract.Summary, error) {
	req, err := x.s.content.request()
	if err != nil {
		return extract.Summary{}, err
	}
	req.Document = doc.ID
	results := extract.Results{Documents: x.data.documents, Jobs: x.data.jobs}
	if req.Format != extract.Zip {
		return results.Write(ctx, w, req)
	}
	pool, err := x.pool.started()
	if err != nil {
		return extract.Summary{}, err
	}
	pictures, end := x.s.work.pictures(x.data, pool, x.log)
	results.Pictures = pictures
	summary, err := results.Write(ctx, w, req)
	return summary, errors.Join(err, end())
}

// tellPictures names the pages whose text is missing because they are pictures.
func (x *extraction) tellPictures(name string, doc documents.Document, needed string) {
	facts, err := extract.FactsOf(doc)
	if err != nil || facts.OCR == nil || needed == "" {
		return
	}
	what := "install Tesseract (apt-get install tesseract-ocr) and give --fresh"
	switch {
	case facts.OCR.Mode == ocr.Off:
		what = "give --ocr auto"
	case facts.OCR.Failed != "":
		what = "each page's record says why; --fresh tries again"
	}
	fmt.Fprintf(x.err, "%s: not recognised, and pictures of text: pages %s (%s)\n", clean(name), needed, what)
}

// extractResult is what --json prints for a file.
type extractResult struct {
	DocumentID  jobs.ID                `json:"document_id"`
	JobID       jobs.ID                `json:"job_id"`
	Filename    string                 `json:"filename"`
	SHA256      string                 `json:"source_sha256"`
	Pages       int                    `json:"page_count"`
	Partial     bool                   `json:"partial"`
	PagesFailed []documents.FailedPage `json:"pages_failed"`
	NeedsOCR    string                 `json:"needs_ocr"` // pages that are pictures and were not recognised: 1-3,7
	Output      string                 `json:"output,omitempty"`
	Format      string                 `json:"format"`
	Content     string                 `json:"content,omitempty"`
}

func (x *extraction) result(doc documents.Document, s extract.Summary, path, content string) extractResult {
	r := extractResult{
		DocumentID: doc.ID, JobID: s.JobID, Filename: doc.Filename, SHA256: doc.SourceSHA256, Pages: s.Pages,
		Partial: s.Partial, PagesFailed: s.Failed, NeedsOCR: s.NeedsOCR, Output: path, Format: x.s.content.format.value, Content: content,
	}
	if r.PagesFailed == nil {
		r.PagesFailed = []documents.FailedPage{}
	}
	return r
}

func failedPages(failed []documents.FailedPage) string {
	const most = 10
	words := make([]string, 0, most+1)
	for i, f := range failed {
		if i == most {
			words = append(words, "...")
			break
		}
		words = append(words, fmt.Sprintf("%d (%s)", f.PageNumber, f.Code))
	}
	return strings.Join(words, ", ")
}

// target is the file that the content of name, alone or one of several, goes
// to; "" is standard output.
func (s *extractSettings) target(name string, several bool) string {
	if s.output == "" {
		return ""
	}
	info, err := os.Stat(s.output)
	isDir := err == nil && info.IsDir()
	if !isDir && !several && !strings.HasSuffix(s.output, "/") && !strings.HasSuffix(s.output, string(filepath.Separator)) {
		return s.output
	}
	base := filepath.Base(name)
	if name == "-" {
		base = "stdin"
	}
	return filepath.Join(s.output, strings.TrimSuffix(base, filepath.Ext(base))+extension(s.content.format.value))
}

func extension(format string) string {
	switch extract.Format(format) {
	case extract.Text:
		return ".txt"
	case extract.JSON:
		return ".json"
	case extract.Chunks:
		return ".chunks.json"
	case extract.CSV:
		return ".csv"
	case extract.Zip:
		return ".zip"
	case extract.Markdown:
	}
	return ".md"
}

// writeFile writes a file whole or not at all.
func writeFile(path string, write func(io.Writer) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".mivaa-*")
	if err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreClosed(f.Close()), os.Remove(f.Name()))
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

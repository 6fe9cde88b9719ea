package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/jobs"
)

type exportSettings struct {
	store   deskSettings
	content contentFlags
	output  string
	pages   string
}

func (c *console) documentsExportCommand() *cobra.Command {
	var s exportSettings
	cmd := &cobra.Command{
		Use: "export ID", Args: takes(cobra.ExactArgs(1)),
		Short: "Write a document's content",
		Long: `Write a document's content to standard output or to a file, which appears whole or
not at all. While the document is being read its finished pages are written.

Exit codes: 0 all of it, 7 some pages could not be read, 8 it is still being read:
the pages so far were written.`,
		Example: `  mivaa documents export 019a > report.md
  mivaa documents export 019a --format json -o report.json
  mivaa documents export 019a --pages 1-5,9 --format text
  mivaa documents export 019a --format csv --table p12t1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			pages, err := extract.ParsePages(s.pages)
			if err != nil {
				return usagef("--pages: %w", err)
			}
			req, err := s.content.request()
			if err != nil {
				return usage(err)
			}
			if err := s.content.writable(c, s.output); err != nil {
				return err
			}
			req.Pages = pages
			ctx, stop := stoppable(cmd.Context())
			defer stop()
			return c.at(ctx, &s.store, func(d *desk) error { return c.documentsExport(ctx, d, &s, args[0], req) })
		},
	}
	f := cmd.Flags()
	s.store.register(f)
	s.content.register(cmd)
	f.StringVarP(&s.output, "output", "o", "", "file; default: standard output")
	f.StringVar(&s.pages, "pages", "", "only these, from 1: 1-5,9,20-")
	cmd.ValidArgsFunction = c.completeDocuments(&s.store)
	return cmd
}

// exportResult is what --json prints.
type exportResult struct {
	DocumentID  jobs.ID                `json:"document_id"`
	JobID       jobs.ID                `json:"job_id"`
	Filename    string                 `json:"filename"`
	SHA256      string                 `json:"source_sha256"`
	PageCount   int                    `json:"page_count"`
	Pages       int                    `json:"pages"` // in the content
	Complete    bool                   `json:"complete"`
	Partial     bool                   `json:"partial"`
	PagesFailed []documents.FailedPage `json:"pages_failed"`
	Output      string                 `json:"output,omitempty"`
	Format      string                 `json:"format"`
	Content     string                 `json:"content,omitempty"`
}

func (c *console) documentsExport(ctx context.Context, d *desk, s *exportSettings, arg string, req extract.Request) error {
	doc, err := d.document(ctx, arg)
	if err != nil {
		return err
	}
	req.Document = doc.ID
	result, err := d.content(ctx, req)
	if err != nil {
		return err
	}
	if err := c.export(ctx, s, doc, result); err != nil {
		return err
	}
	return d.shortfall(ctx, result.Summary)
}

func (c *console) export(ctx context.Context, s *exportSettings, doc documents.Document, result content) error {
	var text strings.Builder
	var err error
	switch {
	case s.output != "":
		err = writeFile(s.output, func(w io.Writer) error { return result.write(ctx, w) })
	case c.json:
		err = result.write(ctx, &text)
	default:
		err = result.write(ctx, c.out)
	}
	if err != nil || !c.json {
		return err
	}
	return c.printJSON(exportResult{
		DocumentID: doc.ID, JobID: result.JobID, Filename: doc.Filename, SHA256: doc.SourceSHA256,
		PageCount: result.PageCount, Pages: result.Pages, Complete: result.Complete, Partial: result.Partial,
		PagesFailed: append([]documents.FailedPage{}, result.Failed...),
		Output:      s.output, Format: s.content.format.value, Content: text.String(),
	})
}

// shortfall is the error that what was written is not the whole document.
func (d *desk) shortfall(ctx context.Context, r extract.Summary) error {
	if r.Partial {
		return &exitError{
			exit: exitPartly, code: "partial",
			err: fmt.Errorf("%d of %d pages could not be read: %s", len(r.Failed), r.Pages, failedPages(r.Failed)),
		}
	}
	if r.Complete {
		return nil
	}
	j, err := d.get(ctx, r.JobID)
	if err != nil {
		return err
	}
	e := &exitError{
		exit: exitRunning, code: "running",
		err:  fmt.Errorf("the document is not complete: its job is %s; %s written", j.Status, counted(r.Pages, "page")),
		hint: "mivaa jobs watch " + j.ID.String() + " follows it to its end",
	}
	if j.Ended() {
		e.exit, e.code, e.hint = exitPartly, "partial", "mivaa jobs show "+j.ID.String()+" says why, and what can be done"
	}
	return e
}

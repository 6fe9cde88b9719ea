package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/jobs"
)

func (c *console) documentsShowCommand() *cobra.Command {
	var s deskSettings
	cmd := &cobra.Command{
		Use: "show ID", Args: takes(cobra.ExactArgs(1)),
		Short: "Show what is known of a document",
		Example: `  mivaa documents show 019a
  mivaa documents show --json 019a | jq .facts.page_count`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.at(cmd.Context(), &s, func(d *desk) error { return c.documentsShow(cmd.Context(), d, args[0]) })
		},
	}
	s.register(cmd.Flags())
	cmd.ValidArgsFunction = c.completeDocuments(&s)
	return cmd
}

// documentDetail is a document with what stands in other tables.
type documentDetail struct {
	documentRow
	Facts       json.RawMessage        `json:"facts"`
	Profile     json.RawMessage        `json:"profile"`    // null before the content is complete
	Complete    bool                   `json:"complete"`   // false: its pages are those of a job that has not come to its end
	StepsDone   int                    `json:"steps_done"` // pages recorded
	PagesFailed []documents.FailedPage `json:"pages_failed"`
	Jobs        []jobRow               `json:"jobs"` // the newest first
}

func (c *console) documentsShow(ctx context.Context, d *desk, arg string) error {
	doc, err := d.document(ctx, arg)
	if err != nil {
		return err
	}
	st, err := d.standing(ctx, doc)
	if err != nil {
		return err
	}
	detail := documentDetail{
		documentRow: documentRowOf(doc), Facts: doc.Facts, Profile: doc.Profile, Complete: st.complete, StepsDone: st.pages,
		PagesFailed: []documents.FailedPage{}, Jobs: []jobRow{},
	}
	content := doc.ContentJobID
	if content.IsZero() {
		content = st.job.ID
	}
	failed, err := d.documents.FailedPages(ctx, doc.ID, content)
	if err != nil {
		return err
	}
	detail.PagesFailed = append(detail.PagesFailed, failed...)
	err = d.every(ctx, jobs.Filter{DocumentID: doc.ID}, func(j jobs.Job) (bool, error) {
		detail.Jobs = append(detail.Jobs, rowOf(j))
		return true, nil
	})
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(detail)
	}
	facts, err := extract.FactsOf(doc)
	if err != nil {
		return err
	}
	return detail.write(c.screen(c.out), facts, st, time.Now())
}

// write shows the document to a person.
func (d *documentDetail) write(s screen, known extract.Facts, st standing, now time.Time) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n\n", s.paint(bold, d.ID.String()), s.paintStatus(st.status()))
	var f facts
	f.add("file", clean(d.Filename))
	f.add("title", clean(known.Title))
	f.add("author", clean(known.Author))
	f.add("pages", d.pages(known))
	f.add("pages failed", failedPages(d.PagesFailed))
	if o := known.OCR; o != nil {
		if o.Recognised > 0 {
			f.add("recognised", fmt.Sprintf("%d pages, by %s %s in %s", o.Recognised, clean(o.Engine), clean(o.Version), clean(o.Languages)))
		}
		f.add("needs ocr", o.Needed)
	}
	if d.SourceSize > 0 {
		f.add("size", sizeOf(d.SourceSize))
	}
	f.add("sha256", d.Document.SourceSHA256)
	f.add("format", format(known))
	f.add("producer", clean(known.Producer))
	f.add("outline", outline(known))
	f.add("attachments", clean(strings.Join(known.Attachments, ", ")))
	f.add("owner", clean(d.Owner))
	if m := string(d.Metadata); m != "{}" {
		f.add("metadata", clean(m))
	}
	if o := string(d.Options); o != "{}" {
		f.add("options", clean(o))
	}
	if known.Engine.Name != "" {
		f.add("read by", known.Engine.Name+" "+known.Engine.Version)
	}
	f.add("created", exact(d.CreatedAt, now))
	f.add("updated", exact(d.UpdatedAt, now))
	f.write(&b, s)
	if len(d.Jobs) > 0 {
		fmt.Fprintf(&b, "\n%s\n", s.paint(bold, "jobs"))
		for _, j := range d.Jobs {
			line := "  " + j.ID.String() + gap + s.paintStatus(j.Status) + gap + age(j.CreatedAt, now)
			if j.ID == d.Document.ContentJobID {
				line += gap + s.paint(dim, "its content")
			}
			fmt.Fprintln(&b, line)
		}
	}
	_, err := io.WriteString(s.w, b.String())
	return err
}

func (d *documentDetail) pages(known extract.Facts) string {
	all := known.SelectedPages
	line := strconv.Itoa(d.StepsDone) + " recorded"
	if all > 0 && !d.Complete {
		line = fmt.Sprintf("%d of %d recorded", d.StepsDone, all)
	}
	if known.PageCount > all {
		line += fmt.Sprintf("; the document has %d", known.PageCount)
	}
	return line
}

func format(known extract.Facts) string {
	if known.Version == "" {
		return ""
	}
	line := "PDF " + clean(known.Version)
	if known.Tagged {
		line += ", tagged"
	}
	if known.Encrypted {
		line += ", encrypted"
	}
	return line
}

func outline(known extract.Facts) string {
	switch n := len(known.Outline); n {
	case 0:
		return ""
	case 1:
		return "1 entry"
	default:
		return strconv.Itoa(n) + " entries"
	}
}

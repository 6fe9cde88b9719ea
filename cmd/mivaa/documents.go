package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

func (c *console) documentsCommand() *cobra.Command {
	cmd := parent(&cobra.Command{
		Use: "documents", Aliases: []string{"docs"}, GroupID: groupOperate,
		Short: "List, read and delete documents",
		Long: `List, read and delete documents, straight on the store, with or without a
running service, or on a service (--server). A document stays when the job that read it is long gone.

A document is named by its id or by the beginning of it, of four characters or
more, as long as no other document's id begins the same way.`,
		Example: `  mivaa documents list
  mivaa documents export 019a > report.md
  mivaa documents delete 019a`,
	})
	cmd.AddCommand(c.documentsListCommand(), c.documentsShowCommand(), c.documentsExportCommand(), c.documentsDeleteCommand())
	return cmd
}

// document finds the document that an argument names.
func (d *desk) document(ctx context.Context, arg string) (documents.Document, error) {
	id, err := parseID(arg)
	if err != nil {
		return documents.Document{}, err
	}
	whole := id.whole
	if whole.IsZero() {
		ids, err := d.documents.ByPrefix(ctx, id.prefix, mostCandidates+1)
		switch {
		case err != nil:
			return documents.Document{}, err
		case len(ids) == 0:
			return documents.Document{}, fmt.Errorf("%s: %w", clean(arg), documents.ErrNotFound)
		case len(ids) > 1:
			candidates := make([]string, len(ids))
			for i, id := range ids {
				candidates[i] = id.String()
			}
			return documents.Document{}, ambiguous("document", arg, candidates)
		}
		whole = ids[0]
	}
	return d.documents.Get(ctx, whole)
}

// documentRow is a row of documents with every column as a key, null where the
// column is. Facts and profile are long: a list leaves them out.
type documentRow struct {
	documents.Document
	ContentJobID *jobs.ID `json:"content_job_id"`
	Owner        string   `json:"owner"`
	SourceSHA256 *string  `json:"source_sha256"`
}

func documentRowOf(d documents.Document) documentRow {
	return documentRow{Document: d, ContentJobID: null(d.ContentJobID), Owner: d.Owner, SourceSHA256: null(d.SourceSHA256)}
}

// standing is how a document stands: whose steps are its pages, and how many
// there are.
type standing struct {
	job      jobs.Job // zero: it is gone, or there never was one
	complete bool
	pages    int // recorded
}

func (d *desk) standing(ctx context.Context, doc documents.Document) (standing, error) {
	st := standing{complete: !doc.ContentJobID.IsZero()}
	found, err := d.jobs.List(ctx, jobs.Filter{DocumentID: doc.ID, Limit: 1})
	if err != nil {
		return st, err
	}
	if len(found) > 0 {
		st.job = found[0]
	}
	from := doc.ContentJobID
	if from.IsZero() {
		from = st.job.ID
	}
	switch {
	case from.IsZero():
	case from == st.job.ID:
		st.pages = st.job.StepsDone
	default:
		st.pages, err = d.documents.Recorded(ctx, doc.ID, from)
	}
	return st, err
}

// status is the word for it: that of the job, as long as there is no content.
func (st standing) status() jobs.Status {
	if st.complete {
		return jobs.Completed
	}
	return st.job.Status
}

// completeDocuments offers the ids of documents.
func (c *console) completeDocuments(s *deskSettings) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		var offers []string
		if err := c.bind(cmd); err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		err := c.at(cmd.Context(), s, func(d *desk) error {
			ids, err := d.documents.ByPrefix(cmd.Context(), begun, 100)
			for _, id := range ids {
				doc, err := d.documents.Get(cmd.Context(), id)
				if err == nil {
					offers = append(offers, id.String()+"\t"+clean(doc.Filename))
				}
			}
			return err
		})
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return offers, cobra.ShellCompDirectiveNoFileComp
	}
}

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

func (c *console) documentsDeleteCommand() *cobra.Command {
	var s deskSettings
	var a consent
	cmd := &cobra.Command{
		Use: "delete ID...", Aliases: []string{"rm"}, Args: takes(cobra.MinimumNArgs(1)),
		Short: "Delete documents with their pages and jobs",
		Long: `Delete documents for good, with their pages, their jobs and the history of these. A
job that is still alive is cancelled first. The source goes with the next cleanup,
unless another document has the same.`,
		Example: `  mivaa documents delete 019a 019b
  mivaa documents delete 019a --dry-run
  mivaa documents delete 019a --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.at(cmd.Context(), &s, func(d *desk) error { return c.documentsDelete(cmd, d, a, args) })
		},
	}
	s.register(cmd.Flags())
	a.register(cmd.Flags())
	cmd.ValidArgsFunction = c.completeDocuments(&s)
	return cmd
}

func (c *console) documentsDelete(cmd *cobra.Command, d *desk, a consent, args []string) error {
	ctx := cmd.Context()
	list, alive, err := d.documentList(ctx, args)
	if err != nil {
		return err
	}
	if a.dryRun {
		for _, doc := range list {
			if err := c.tellDocument("would delete", doc); err != nil {
				return err
			}
		}
		return nil
	}
	question := "Delete " + counted(len(list), "document") + " with their pages and jobs?"
	if len(list) == 1 {
		question = "Delete 1 document with its pages and jobs?"
	}
	if alive > 0 {
		question = fmt.Sprintf("%s %s still alive.", question, isAre(alive, "job"))
	}
	if err := c.ask(cmd, a, question); err != nil {
		return err
	}
	by := operator()
	for _, doc := range list {
		err := d.documents.Delete(ctx, doc.ID, by)
		if errors.Is(err, documents.ErrNotFound) {
			c.note("%s is gone already", doc.ID)
			continue
		}
		if err != nil {
			return err
		}
		if err := c.tellDocument("deleted", doc); err != nil {
			return err
		}
	}
	return nil
}

func isAre(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return counted(n, noun) + " are"
}

func (c *console) tellDocument(word string, doc documents.Document) error {
	if c.json {
		return c.printJSON(documentRowOf(doc))
	}
	_, err := fmt.Fprintf(c.out, "%s %s %s\n", word, doc.ID, clean(doc.Filename))
	return err
}

// documentList finds all the documents that the arguments name, each once, or
// none, and counts their jobs that are not at their end.
func (d *desk) documentList(ctx context.Context, args []string) (list []documents.Document, alive int, err error) {
	var errs []error
	seen := map[jobs.ID]bool{}
	for _, arg := range args {
		doc, err := d.document(ctx, arg)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if seen[doc.ID] {
			continue
		}
		seen[doc.ID] = true
		list = append(list, doc)
		st, err := d.standing(ctx, doc)
		if err != nil {
			return nil, 0, err
		}
		if !st.job.ID.IsZero() && !st.job.Ended() {
			alive++
		}
	}
	return list, alive, together(errs)
}

package main

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/internal/documents"
)

type documentsListSettings struct {
	store deskSettings
	limit int
	owner string
	after string
}

func (c *console) documentsListCommand() *cobra.Command {
	var s documentsListSettings
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Args: takes(cobra.NoArgs),
		Short: "List documents, the newest first",
		Long: `List documents, the newest first. Their facts and profile may be long: mivaa
documents show has them.`,
		Example: `  mivaa documents list --limit 20
  mivaa documents list --json --limit 0 | jq -r .filename`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.limit < 0 {
				return usagef("--limit must not be negative")
			}
			return c.at(cmd.Context(), &s.store, func(d *desk) error { return c.documentsList(cmd, &s, d) })
		},
	}
	f := cmd.Flags()
	s.store.register(f)
	f.IntVar(&s.limit, "limit", 50, "how many at most; 0: all")
	f.StringVar(&s.owner, "owner", "", "only documents of this owner")
	f.StringVar(&s.after, "after", "", "only what is older than this document: the next page")
	return cmd
}

func (c *console) documentsList(cmd *cobra.Command, s *documentsListSettings, d *desk) error {
	ctx := cmd.Context()
	f := documents.Filter{Owner: s.owner}
	if s.after != "" {
		after, err := d.document(ctx, s.after)
		if err != nil {
			return err
		}
		f.After = &after
	}
	var list []documents.Document
	more := false
	err := d.everyDocument(ctx, f, func(doc documents.Document) (bool, error) {
		if s.limit > 0 && len(list) == s.limit {
			more = true
			return false, nil
		}
		if c.json && s.limit == 0 { // any number of them: one at a time
			return true, c.printJSON(documentRowOf(doc))
		}
		list = append(list, doc)
		return true, nil
	})
	if err != nil {
		return err
	}
	if c.json {
		for _, doc := range list {
			if err := c.printJSON(documentRowOf(doc)); err != nil {
				return err
			}
		}
		return nil
	}
	if len(list) == 0 {
		c.note("no documents")
		return nil
	}
	ids, err := c.documentTable(ctx, d, list)
	if err == nil && more {
		c.note("more: %s", c.again(cmd, "--after "+ids[len(ids)-1]))
	}
	return err
}

// everyDocument calls visit with all documents that match, a page at a time,
// until it returns false.
func (d *desk) everyDocument(ctx context.Context, f documents.Filter, visit func(documents.Document) (bool, error)) error {
	f.Limit = 500
	for {
		page, err := d.documents.List(ctx, f)
		if err != nil {
			return err
		}
		for _, doc := range page {
			if more, err := visit(doc); err != nil || !more {
				return err
			}
		}
		if len(page) < f.Limit {
			return nil
		}
		f.After = &page[len(page)-1]
	}
}

// documentTable shows documents to a person and returns the ids as shown.
func (c *console) documentTable(ctx context.Context, d *desk, list []documents.Document) ([]string, error) {
	out, now := c.screen(c.out), time.Now()
	ids := make([]string, len(list))
	for i, doc := range list {
		ids[i] = doc.ID.String()
	}
	if out.tty {
		n, err := uniqueLength(ids, func(prefix string) (int, error) {
			found, err := d.documents.ByPrefix(ctx, prefix, 2)
			return len(found), err
		})
		if err != nil {
			return nil, err
		}
		for i := range ids {
			ids[i] = ids[i][:n]
		}
	}
	t := &table{columns: []column{
		{head: "ID"}, {head: "STATUS"}, {head: "PAGES", right: true}, {head: "SIZE", right: true}, {head: "AGE", right: true},
		{head: "FILE", shrink: screen.squeeze},
	}}
	for i, doc := range list {
		st, err := d.standing(ctx, doc)
		if err != nil {
			return nil, err
		}
		status := out.status(st.status())
		if status.text == "" {
			status = cell{"no job", dim}
		}
		pages := "-"
		if st.pages > 0 {
			pages = strconv.Itoa(st.pages)
		}
		if !st.complete && st.job.StepsTotal > st.pages {
			pages += "/" + strconv.Itoa(st.job.StepsTotal)
		}
		t.add(text(ids[i]), status, text(pages), text(sizeOf(doc.SourceSize)), text(age(doc.CreatedAt, now)), text(cmp.Or(clean(doc.Filename), "-")))
	}
	return ids, t.write(out)
}

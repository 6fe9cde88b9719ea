package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/mivaa/mivaa/jobs"
)

// defaultList and mostList bound List.
const (
	defaultList = 100
	mostList    = 1000
)

// List implements jobs.Store. Where no status is given it merges five streams,
// one a status, so that the same two indexes serve lists with and without one.
func (s *Store) List(ctx context.Context, f jobs.Filter) ([]jobs.Job, error) {
	const op = "list jobs"
	limit := f.Limit
	if limit <= 0 {
		limit = defaultList
	}
	limit = min(limit, mostList)
	for skipped := 0; ; {
		query, args, err := listQuery(f, limit+skipped)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		found, rows, err := s.list(ctx, query, args, len(f.IDs) == 1)
		if err != nil {
			return nil, s.fail(op, err)
		}
		if len(found) >= limit || rows < limit+skipped {
			return found[:min(len(found), limit)], nil
		}
		skipped = rows - len(found) // others take the place of those that cannot be read
	}
}

// list returns the jobs of a query that can be read, and how many rows there
// were. Where strict, one that cannot be is an error.
func (s *Store) list(ctx context.Context, query string, args []any, strict bool) (found []jobs.Job, n int, err error) {
	r := newRow()
	err = s.each(ctx, query, args, func(rows *sql.Rows) error {
		n++
		j, err := r.scan(rows)
		if !strict && s.skip(err) {
			return nil
		}
		found = append(found, j)
		return err
	})
	return found, n, err
}

func listQuery(f jobs.Filter, limit int) (string, []any, error) {
	column, direction, ok := strings.Cut(string(f.Order), ":")
	switch f.Order {
	case "":
		column, direction = "created_at", "desc"
	case jobs.NewestFirst, jobs.OldestFirst, jobs.UpdatedFirst, jobs.UpdatedLast:
	default:
		ok = false
	}
	if !ok && f.Order != "" {
		return "", nil, fmt.Errorf("unknown order %q", f.Order)
	}
	offset := max(f.Offset, 0)

	where, args := listWhere(f)
	if f.After != nil {
		w, a := listAfter(f.After, column, direction)
		where, args = append(where, w), append(args, a...)
	}
	statuses := jobs.Statuses()
	if f.Status != "" {
		statuses = []jobs.Status{f.Status}
	}
	if selective(f) {
		// A few rows, found by another index: no order to be had from ours.
		if f.Status != "" {
			where, args = append(where, `status = ?`), append(args, string(f.Status))
		}
		q := `SELECT ` + jobColumns + ` FROM background_jobs WHERE ` + strings.Join(where, ` AND `) +
			fmt.Sprintf(` ORDER BY %s %s, id %s LIMIT ? OFFSET ?`, column, direction, direction)
		return q, append(args, limit, offset), nil
	}
	// Each stream is a subquery, so that it is ordered by its index; a plain
	// UNION ALL sorts them all where one has no index to offer.
	var q strings.Builder
	var all []any
	for i, st := range statuses {
		if i > 0 {
			q.WriteString(` UNION ALL `)
		}
		guard := `status <> 'processing' AND ` // literally the condition of the index
		if st == jobs.Processing {
			guard = ``
		}
		fmt.Fprintf(&q, `SELECT * FROM (SELECT %s FROM background_jobs WHERE %sstatus = '%s'`, jobColumns, guard, st)
		for _, w := range where {
			q.WriteString(` AND ` + w)
		}
		fmt.Fprintf(&q, ` ORDER BY %s %s, id %s LIMIT ?)`, column, direction, direction)
		all = append(append(all, args...), limit+offset)
	}
	fmt.Fprintf(&q, ` ORDER BY %s %s, id %s LIMIT ? OFFSET ?`, column, direction, direction)
	return q.String(), append(all, limit, offset), nil
}

// selective reports whether the filter names few rows by itself.
func selective(f jobs.Filter) bool {
	return len(f.IDs) > 0 || f.IDPrefix != "" || !f.DocumentID.IsZero() || f.Key != ""
}

func listWhere(f jobs.Filter) (where []string, args []any) {
	add := func(w string, a ...any) { where, args = append(where, w), append(args, a...) }
	if len(f.IDs) > 0 {
		add(`id IN (SELECT value FROM json_each(?))`, idList(f.IDs))
	}
	if f.IDPrefix != "" {
		prefix := strings.ToLower(f.IDPrefix)
		add(`id >= ? AND id < ?`, prefix, prefix+"g") // behind every hexadecimal digit
	}
	if f.Kind != "" {
		add(`kind = ?`, f.Kind)
	}
	if !f.DocumentID.IsZero() {
		add(`document_id = ?`, f.DocumentID.String())
	}
	if f.Owner != "" {
		add(`coalesce(owner, '') = ?`, f.Owner)
	}
	if f.Key != "" {
		add(`idempotency_key = ? AND idempotency_key IS NOT NULL`, f.Key)
	}
	return where, args
}

// listAfter is the keyset condition. A created_at never changes, and a row by
// hand may have it in a form of its own: the row is asked while it is there.
func listAfter(j *jobs.Job, column, direction string) (string, []any) {
	than := `<`
	if direction == "asc" {
		than = `>`
	}
	if column == "updated_at" {
		return fmt.Sprintf(`(updated_at, id) %s (?, ?)`, than), []any{FormatTime(j.UpdatedAt), j.ID.String()}
	}
	return fmt.Sprintf(`(created_at, id) %s (coalesce((SELECT created_at FROM background_jobs WHERE id = ?), ?), ?)`, than),
		[]any{j.ID.String(), FormatTime(j.CreatedAt), j.ID.String()}
}

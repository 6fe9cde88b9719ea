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
// one a status, so that the same indexes serve lists with and without one. A
// filter that few jobs match passes over the others in the index: 100,000 of
// them take some tens of milliseconds.
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
		if query == "" {
			return nil, nil
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

// listQuery returns no query where nothing can match.
func listQuery(f jobs.Filter, limit int) (string, []any, error) {
	column, direction, _ := strings.Cut(string(f.Order), ":")
	switch f.Order {
	case "":
		column, direction = "created_at", "desc"
	case jobs.NewestFirst, jobs.OldestFirst, jobs.UpdatedFirst, jobs.UpdatedLast:
	default:
		return "", nil, fmt.Errorf("unknown order %q", f.Order)
	}
	where, args, err := listWhere(f)
	statuses := statusesOf(f)
	if err != nil || len(statuses) == 0 {
		return "", nil, err
	}
	offset := max(f.Offset, 0)
	if f.After != nil {
		w, a := listAfter(f.After, column, direction)
		where, args = append(where, w), append(args, a...)
	}
	if selective(f) {
		// A few rows, found by another index: no order to be had from ours.
		where = append(where, ofStatuses(statuses))
		q := `SELECT ` + jobColumns + ` FROM background_jobs WHERE ` + strings.Join(where, ` AND `) +
			fmt.Sprintf(` ORDER BY %s %s, id %s LIMIT ? OFFSET ?`, column, direction, direction)
		return q, append(args, limit, offset), nil
	}
	// Each stream comes in the order of its index, so SQLite merges them and
	// stops at the limit. A stream reads its index alone: rows are read once it
	// is known which.
	var streams []string
	var all []any
	for _, st := range statuses {
		streams = append(streams, fmt.Sprintf(`SELECT rowid AS row, %s AS at, id AS key FROM %s`, column, streamOf(f, st, column, where)))
		all = append(all, args...)
	}
	q := `SELECT ` + jobColumns + ` FROM (` + strings.Join(streams, ` UNION ALL `) +
		fmt.Sprintf(` ORDER BY at %s, key %s LIMIT ? OFFSET ?)`, direction, direction) +
		fmt.Sprintf(` AS listed CROSS JOIN background_jobs ON background_jobs.rowid = listed.row ORDER BY at %s, key %s`, direction, direction)
	return q, append(all, limit, offset), nil
}

// streamOf is the table, its index and the conditions of the jobs of one status
// that a filter selects. Conditions are literally those of the index.
func streamOf(f jobs.Filter, st jobs.Status, column string, where []string) string {
	by := strings.TrimSuffix(column, "_at")
	index, guard := "jobs_by_"+by, `status <> 'processing' AND `
	switch {
	case st == jobs.Processing:
		index, guard = "jobs_processing", ``
	case f.Cause != "":
		index, guard = "jobs_interrupted_by_"+by, ``
	case f.ErrorCode != "":
		index, guard = "jobs_failed_by_"+by, ``
	}
	conditions := append([]string{guard + `status = '` + string(st) + `'`}, where...)
	return `background_jobs INDEXED BY ` + index + ` WHERE ` + strings.Join(conditions, ` AND `)
}

// statusesOf returns the statuses that jobs may have which a filter selects.
func statusesOf(f jobs.Filter) []jobs.Status {
	var statuses []jobs.Status
	for _, st := range jobs.Statuses() {
		if (f.Status == "" || f.Status == st) && (f.Cause == "" || st == jobs.Interrupted) && (f.ErrorCode == "" || st == jobs.Failed) {
			statuses = append(statuses, st)
		}
	}
	return statuses
}

func ofStatuses(statuses []jobs.Status) string {
	if len(statuses) == len(jobs.Statuses()) {
		return `TRUE`
	}
	words := make([]string, len(statuses))
	for i, st := range statuses {
		words[i] = `'` + string(st) + `'`
	}
	return `status IN (` + strings.Join(words, `, `) + `)`
}

// selective reports whether the filter names few rows by itself.
func selective(f jobs.Filter) bool {
	return len(f.IDs) > 0 || f.IDPrefix != "" || !f.DocumentID.IsZero() || f.Key != ""
}

func listWhere(f jobs.Filter) (where []string, args []any, err error) {
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
	if f.Cause != "" {
		add(`cause = ?`, string(f.Cause))
	}
	if f.ErrorCode != "" {
		add(`error_code = ?`, f.ErrorCode)
	}
	if f.Instance != "" {
		add(`instance_id = ?`, f.Instance)
	}
	if f.Search != "" {
		w, a, err := searchWhere(f.Search)
		if err != nil {
			return nil, nil, err
		}
		add(w, a...)
	}
	return where, args, nil
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

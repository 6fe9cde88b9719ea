package postgres

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// defaultList and mostList bound List.
const (
	defaultList = 100
	mostList    = 1000
)

// List implements jobs.Store. Where no status is given it merges five streams,
// one a status, so that the same indexes serve lists with and without one. A
// filter that few jobs match passes over the others: 100,000 of them take some
// tens of milliseconds.
func (s *Store) List(ctx context.Context, f jobs.Filter) ([]jobs.Job, error) {
	const op = "list jobs"
	query, args, err := listQuery(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	if query == "" {
		return nil, nil
	}
	var found []jobs.Job
	err = s.call(ctx, op, func(ctx context.Context, q querier) error {
		rows, err := q.Query(ctx, s.SQL(query), args...)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, scanJob)
		return err
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found, nil
}

// listQuery returns no query where nothing can match.
func listQuery(f jobs.Filter) (string, []any, error) {
	column, direction, _ := strings.Cut(string(f.Order), ":")
	switch f.Order {
	case "":
		column, direction = "created_at", "desc"
	case jobs.NewestFirst, jobs.OldestFirst, jobs.UpdatedFirst, jobs.UpdatedLast:
	default:
		return "", nil, fmt.Errorf("unknown order %q", f.Order)
	}
	limit := f.Limit
	if limit <= 0 {
		limit = defaultList
	}
	c, ok, err := where(f)
	if err != nil || !ok {
		return "", nil, err
	}
	last := fmt.Sprintf(` ORDER BY %s %s, id %s LIMIT %s OFFSET %s`, column, direction, direction,
		c.arg(min(limit, mostList), "bigint"), c.arg(max(f.Offset, 0), "bigint"))
	if selective(f) {
		// A few rows, found by another index: no order to be had from ours.
		c = c.of(statusesOf(f))
		if f.After != nil {
			c.add(c.behind(f.After, column, column, direction))
		}
		return `SELECT ` + jobColumns + ` FROM jobs_schema.background_jobs` + c.where() + last, c.args, nil
	}
	all := c.arg(min(limit, mostList)+max(f.Offset, 0), "bigint")
	var streams []string
	for _, st := range statusesOf(f) {
		if st == jobs.Pending && column == "updated_at" {
			// What nothing happened to since it was inserted, and what something did.
			streams = append(streams, c.stream(f, st, column, "created_at", direction, all, `status_at = created_at`),
				c.stream(f, st, column, "status_at", direction, all, `(status <> 'pending' OR status_at <> created_at)`))
			continue
		}
		by := column
		if st != jobs.Processing && column == "updated_at" {
			by = "status_at" // the same, and checkpoints leave it alone
		}
		streams = append(streams, c.stream(f, st, column, by, direction, all))
	}
	order := fmt.Sprintf(` ORDER BY %s %s, id %s`, column, direction, direction)
	return `SELECT ` + jobColumns + ` FROM jobs_schema.background_jobs WHERE id = ANY(ARRAY(SELECT id FROM (` +
		strings.Join(streams, ` UNION ALL `) + `) AS streams` + last + `))` + order, c.args, nil
}

// stream is the query of the ids of one status, ordered by an index. Its conditions are
// literally those of the index. Processing rows are few, and in no index of an
// order.
func (c *conditions) stream(f jobs.Filter, st jobs.Status, column, by, direction, limit string, more ...string) string {
	common := c.list
	defer func() { c.list = common }()
	c.list = c.in(st).list
	c.add(more...)
	if f.After != nil {
		c.add(c.behind(f.After, column, by, direction))
	}
	return fmt.Sprintf(`(SELECT id, %s AS %s FROM jobs_schema.background_jobs%s ORDER BY %s %s, id %s LIMIT %s)`, by, column, c.where(), by, direction, direction, limit)
}

// selective reports whether the filter names few rows by itself.
func selective(f jobs.Filter) bool {
	return len(f.IDs) > 0 || f.IDPrefix != "" || !f.DocumentID.IsZero() || f.Key != ""
}

// conditions are those of a WHERE, with the parameters of the whole query.
type conditions struct {
	list []string
	args []any
	last [2]string // the parameters of behind, once they are there
}

// arg adds a parameter and returns its name with its type.
func (c *conditions) arg(v any, kind string) string {
	c.args = append(c.args, v)
	return fmt.Sprintf("$%d::%s", len(c.args), kind)
}

func (c *conditions) add(list ...string) { c.list = append(slices.Clip(c.list), list...) }

func (c *conditions) where() string {
	if len(c.list) == 0 {
		return ""
	}
	return ` WHERE ` + strings.Join(c.list, ` AND `)
}

// in returns the conditions of one status, literally those of its indexes.
func (c *conditions) in(st jobs.Status) *conditions {
	of := *c
	if st != jobs.Processing && st != jobs.Completed {
		of.add(`status <> 'processing'`, `status <> 'completed'`)
	}
	of.add(`status = '` + string(st) + `'`)
	return &of
}

// of returns the conditions of some statuses.
func (c *conditions) of(statuses []jobs.Status) *conditions {
	of := *c
	if len(statuses) < len(jobs.Statuses()) {
		words := make([]string, len(statuses))
		for i, st := range statuses {
			words[i] = `'` + string(st) + `'`
		}
		of.add(`status IN (` + strings.Join(words, `, `) + `)`)
	}
	return &of
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

// where reports false where nothing can match.
func where(f jobs.Filter) (*conditions, bool, error) {
	c := &conditions{}
	for _, text := range []string{f.Kind, f.Owner, f.Key, string(f.Cause), f.ErrorCode, f.Instance, f.Search} {
		if !storable(text) {
			return nil, false, nil
		}
	}
	if len(statusesOf(f)) == 0 {
		return nil, false, nil
	}
	if len(f.IDs) > 0 {
		c.add(`id = ANY(` + c.arg(uuids(f.IDs), "uuid[]") + `)`)
	}
	if f.IDPrefix != "" {
		from, to, ok := prefixed(f.IDPrefix)
		if !ok {
			return nil, false, nil
		}
		c.add(`id BETWEEN ` + c.arg(from, "uuid") + ` AND ` + c.arg(to, "uuid"))
	}
	if f.Kind != "" {
		c.add(`kind = ` + c.arg(f.Kind, "text"))
	}
	if !f.DocumentID.IsZero() {
		c.add(`document_id = ` + c.arg(uuidOf(f.DocumentID), "uuid"))
	}
	if f.Owner != "" {
		c.add(`owner = ` + c.arg(f.Owner, "text"))
	}
	if f.Key != "" {
		c.add(`idempotency_key = ` + c.arg(f.Key, "text"))
	}
	if f.Cause != "" {
		c.add(`cause = ` + c.arg(string(f.Cause), "text"))
	}
	if f.ErrorCode != "" {
		c.add(`error_code = ` + c.arg(f.ErrorCode, "text"))
	}
	if f.Instance != "" {
		c.add(`instance_id = ` + c.arg(f.Instance, "text"))
	}
	if f.Search != "" {
		if err := c.addSearch(f.Search); err != nil {
			return nil, false, err
		}
	}
	return c, true, nil
}

// prefixed returns the first and the last UUID whose text begins so, and false
// where none does.
func prefixed(prefix string) (from, to [16]byte, ok bool) {
	const shape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
	if len(prefix) > len(shape) {
		return from, to, false
	}
	var digits []byte
	for i := range len(prefix) {
		if (prefix[i] == '-') != (shape[i] == '-') {
			return from, to, false
		}
		if prefix[i] != '-' {
			digits = append(digits, prefix[i])
		}
	}
	fill := func(id *[16]byte, with string) error {
		_, err := hex.Decode(id[:], append(slices.Clip(digits), strings.Repeat(with, 32-len(digits))...))
		return err
	}
	ok = fill(&from, "0") == nil && fill(&to, "f") == nil
	return from, to, ok
}

// behind is the keyset condition.
func (c *conditions) behind(j *jobs.Job, column, by, direction string) string {
	than := `<`
	if direction == "asc" {
		than = `>`
	}
	at := j.CreatedAt
	if column == "updated_at" {
		at = j.UpdatedAt
	}
	if c.last[0] == "" {
		c.last = [2]string{c.arg(at, "timestamptz"), c.arg(uuidOf(j.ID), "uuid")}
	}
	return fmt.Sprintf(`(%s, id) %s (%s, %s)`, by, than, c.last[0], c.last[1])
}

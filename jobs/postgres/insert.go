package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/mivaa/mivaa/jobs"
)

// What one statement inserts at most, so that its message stays of a size that
// a server takes with ease.
const (
	mostInserted      = 2000
	mostInsertedBytes = 8 << 20
)

// Insert implements jobs.Store.
func (s *Store) Insert(ctx context.Context, list ...jobs.NewJob) ([]jobs.Job, error) {
	rows, err := checkNew(list)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	var inserted []jobs.Job
	var isNew bool
	if len(rows) == 1 { // as a rule: one statement, one round trip
		err = s.call(ctx, "insert job", func(ctx context.Context, q querier) (err error) {
			inserted, err = s.insertRows(ctx, q, rows)
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(inserted) == 1 {
			s.changed(jobs.HintChanged)
			return inserted, nil
		}
	}
	err = s.inTx(ctx, "insert jobs", func(ctx context.Context, tx pgx.Tx) (err error) {
		inserted, isNew, err = s.insert(ctx, tx, rows)
		return err
	})
	if err != nil {
		return nil, err
	}
	if isNew {
		s.changed(jobs.HintChanged)
	}
	return inserted, nil
}

// InsertTx is Insert in a transaction of the caller's, on the store's database,
// so that jobs and what they are about appear together. The jobs are durable
// when it is committed; watchers are told then. An error must end the
// transaction.
func (s *Store) InsertTx(ctx context.Context, tx pgx.Tx, list ...jobs.NewJob) ([]jobs.Job, error) {
	const op = "insert jobs"
	rows, err := checkNew(list)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	inserted, isNew, err := s.insert(ctx, tx, rows)
	if err == nil && isNew {
		err = s.notifyTx(ctx, tx, jobs.HintChanged)
	}
	if err != nil {
		return nil, s.fail(op, err)
	}
	return inserted, nil
}

// insert writes those of the rows that are not there, and finds the others. It
// reports whether it wrote any.
func (s *Store) insert(ctx context.Context, tx pgx.Tx, rows []newRow) ([]jobs.Job, bool, error) {
	first, err := firstOf(rows)
	if err != nil {
		return nil, false, err
	}
	if err := s.place(ctx, tx, rows, first); err != nil {
		return nil, false, err
	}
	byID := map[jobs.ID]jobs.Job{}
	for from := 0; from < len(rows); {
		to := slice(rows, from)
		var own []newRow
		for i := from; i < to; i++ {
			if first[i] == i {
				own = append(own, rows[i])
			}
		}
		born, err := s.insertRows(ctx, tx, own)
		if err != nil {
			return nil, false, err
		}
		for _, j := range born {
			byID[j.ID] = j
		}
		from = to
	}
	out := make([]jobs.Job, len(rows))
	for i, n := range rows {
		if first[i] != i {
			out[i] = out[first[i]]
			continue
		}
		j, born := byID[n.ID]
		if !born {
			if j, err = s.existing(ctx, tx, n); err != nil {
				return nil, false, err
			}
			if j.Kind != n.Kind || !bytes.Equal(j.Payload, n.Payload) {
				return nil, false, refuse(fmt.Errorf("insert job %d: %w (job %s)", i, jobs.ErrKeyReused, j.ID))
			}
		}
		out[i] = j
	}
	return out, len(byID) > 0, nil
}

// firstOf returns for each row the first in the list that it repeats: itself, as
// a rule.
func firstOf(rows []newRow) ([]int, error) {
	first := make([]int, len(rows))
	byID := make(map[jobs.ID]int, len(rows))
	byKey := map[[2]string]int{}
	for i, n := range rows {
		key := [2]string{n.Owner, n.IdempotencyKey}
		at, found := byID[n.ID]
		if !found && n.IdempotencyKey != "" {
			at, found = byKey[key]
		}
		if !found {
			first[i], byID[n.ID] = i, i
			if n.IdempotencyKey != "" {
				byKey[key] = i
			}
			continue
		}
		if f := rows[at]; f.Kind != n.Kind || !bytes.Equal(f.Payload, n.Payload) {
			return nil, refuse(fmt.Errorf("insert job %d: %w (job %d of the same call)", i, jobs.ErrKeyReused, at))
		}
		first[i] = at
	}
	return first, nil
}

// slice returns where the statement that begins at a row ends.
func slice(rows []newRow, from int) int {
	size, to := 0, from
	for to < len(rows) && to-from < mostInserted && (to == from || size < mostInsertedBytes) {
		size += len(rows[to].Payload) + len(rows[to].Metadata) + len(rows[to].Filename)
		to++
	}
	return to
}

// place gives the rows that are due their places in the queue. The statement
// that inserts a row alone does it by itself.
func (s *Store) place(ctx context.Context, tx pgx.Tx, rows []newRow, first []int) error {
	if len(rows) == 1 {
		return nil
	}
	now, err := clock(ctx, tx, rows)
	if err != nil {
		return err
	}
	var lines []line
	var due []int
	for i, n := range rows {
		if first[i] == i && n.Instance == "" && !n.RunAt.After(now) {
			lines, due = append(lines, line{n.Kind, n.Priority, n.Owner}), append(due, i)
		}
	}
	places, err := s.places(ctx, tx, lines)
	if err != nil {
		return err
	}
	for k, i := range due {
		rows[i].position = places[k]
	}
	return nil
}

// clock returns the server's time where a row's RunAt has to be compared with it.
func clock(ctx context.Context, q querier, rows []newRow) (now time.Time, err error) {
	for _, n := range rows {
		if !n.RunAt.IsZero() {
			err = q.QueryRow(ctx, `SELECT statement_timestamp()`).Scan(&now)
			break
		}
	}
	return now, err
}

// insertRows inserts those rows that are not there, with their history, in one
// statement, and returns them. A row alone gets its place in the queue by it.
// Where none of them can be there it does not say what to do then: that would
// cost a look and a record of the log for each.
func (s *Store) insertRows(ctx context.Context, q querier, rows []newRow) ([]jobs.Job, error) {
	var c columns
	fresh := true
	for _, n := range rows {
		c.add(n)
		fresh = fresh && n.fresh
	}
	statement, args := manyStatement(fresh), c.all()
	if len(rows) == 1 {
		statement, args = oneStatement(fresh), c.first()
	}
	sent, err := q.Query(ctx, s.SQL(statement), args...)
	if err != nil {
		return nil, err
	}
	born, err := pgx.CollectRows(sent, scanJob)
	if code(err) == codeForeignKey {
		return nil, fmt.Errorf("a document does not exist: %w", err)
	}
	return born, err
}

func manyStatement(fresh bool) string {
	if fresh {
		return insertManyFresh
	}
	return insertManyMissing
}

func oneStatement(fresh bool) string {
	if fresh {
		return insertOneFresh
	}
	return insertOneMissing
}

// A row alone has a statement of its own, with values in the place of arrays:
// the server sees that it need not plan it again for each.
var (
	insertManyFresh   = insertStatement(manyGiven, `position`, ``)
	insertManyMissing = insertStatement(manyGiven, `position`, `ON CONFLICT DO NOTHING`)
	insertOneFresh    = insertStatement(oneGiven, nextPlace, ``)
	insertOneMissing  = insertStatement(oneGiven, nextPlace, `ON CONFLICT DO NOTHING`)
)

const (
	manyGiven = `SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::timestamptz[],
			$9::text[], $10::text[], $11::text[], $12::integer[], $13::integer[], $14::integer[], $15::text[], $16::bigint[])
			WITH ORDINALITY AS g (id, document_id, filename, metadata, kind, payload, priority, run_at,
			idempotency_key, recovery, owner, max_failures, max_crashes, retry_delay_ms, instance_id, position, n)`
	oneGiven = `SELECT $1::uuid AS id, $2::uuid AS document_id, $3::text AS filename, $4::text AS metadata, $5::text AS kind, $6::text AS payload,
			$7::integer AS priority, $8::timestamptz AS run_at, $9::text AS idempotency_key, $10::text AS recovery, $11::text AS owner,
			$12::integer AS max_failures, $13::integer AS max_crashes, $14::integer AS retry_delay_ms, $15::text AS instance_id, 1 AS n`
	nextPlace = `CASE WHEN instance_id IS NULL AND coalesce(run_at <= statement_timestamp(), true)
			THEN (SELECT p.place FROM jobs_schema.job_places(kind, priority, owner, 1) AS p (place)) END`
)

func insertStatement(given, position, conflict string) string {
	return `
	WITH given AS (
		` + given + `),
	born AS (
		INSERT INTO jobs_schema.background_jobs (id, document_id, filename, status, metadata, created_at, updated_at, status_at, started_at,
			kind, payload, priority, run_at, attempt, instance_id, idempotency_key, recovery, owner, position, max_failures, max_crashes, retry_delay_ms)
		SELECT id, document_id, filename, CASE WHEN instance_id IS NULL THEN 'pending' ELSE 'processing' END, metadata::jsonb,
			statement_timestamp(), statement_timestamp(), statement_timestamp(), CASE WHEN instance_id IS NOT NULL THEN statement_timestamp() END,
			kind, payload::json, priority, coalesce(run_at, statement_timestamp()), CASE WHEN instance_id IS NULL THEN 0 ELSE 1 END, instance_id,
			idempotency_key, recovery, owner, ` + position + `, max_failures, max_crashes, retry_delay_ms
		FROM given ORDER BY n
		` + conflict + `
		RETURNING ` + jobColumns + `),
	told AS (
		INSERT INTO jobs_schema.job_events (job_id, at, event, from_status, to_status, instance_id, attempt)
		SELECT born.id, statement_timestamp(), e.event, e.from_status, e.to_status, CASE WHEN e.attempt > 0 THEN born.instance_id END, e.attempt
		FROM born JOIN given USING (id),
			(VALUES ('accepted', NULL, 'pending', 0), ('started', 'pending', 'processing', 1)) AS e (event, from_status, to_status, attempt)
		WHERE e.attempt <= born.attempt
		ORDER BY given.n, e.attempt)
	SELECT ` + jobColumns + ` FROM born`
}

// columns are the parameters of insertStatement.
type columns struct {
	ids, documents                       []pgtype.UUID
	filenames, metadata, kinds, payloads []string
	priorities                           []int32
	runAts                               []pgtype.Timestamptz
	keys, owners, instances              []pgtype.Text
	recoveries                           []string
	positions                            []pgtype.Int8
	maxFailures, maxCrashes, retryDelays []pgtype.Int4
}

func (c *columns) add(n newRow) {
	c.ids, c.documents = append(c.ids, uuidOf(n.ID)), append(c.documents, uuidOf(n.DocumentID))
	c.filenames, c.metadata = append(c.filenames, n.Filename), append(c.metadata, string(n.Metadata))
	c.kinds, c.payloads = append(c.kinds, n.Kind), append(c.payloads, string(n.Payload))
	c.priorities, c.runAts = append(c.priorities, int32(n.Priority)), append(c.runAts, timestamp(n.RunAt))
	c.keys, c.owners, c.instances = append(c.keys, null(n.IdempotencyKey)), append(c.owners, null(n.Owner)), append(c.instances, null(n.Instance))
	c.recoveries = append(c.recoveries, string(n.Recovery))
	c.positions = append(c.positions, pgtype.Int8{Int64: n.position, Valid: n.position != 0})
	c.maxFailures, c.maxCrashes = append(c.maxFailures, budget(n.MaxFailures)), append(c.maxCrashes, budget(n.MaxCrashes))
	c.retryDelays = append(c.retryDelays, budget(int(n.RetryDelay.Milliseconds())))
}

// all are those of many rows.
func (c *columns) all() []any {
	return []any{c.ids, c.documents, c.filenames, c.metadata, c.kinds, c.payloads, c.priorities, c.runAts, c.keys, c.recoveries, c.owners,
		c.maxFailures, c.maxCrashes, c.retryDelays, c.instances, c.positions}
}

// first are those of one row, which gets its position by the statement.
func (c *columns) first() []any {
	return []any{c.ids[0], c.documents[0], c.filenames[0], c.metadata[0], c.kinds[0], c.payloads[0], c.priorities[0], c.runAts[0], c.keys[0],
		c.recoveries[0], c.owners[0], c.maxFailures[0], c.maxCrashes[0], c.retryDelays[0], c.instances[0]}
}

// budget is NULL for zero.
func budget(n int) pgtype.Int4 { return pgtype.Int4{Int32: int32(n), Valid: n != 0} }

// existing finds the job that a repeated Insert means.
func (s *Store) existing(ctx context.Context, tx pgx.Tx, n newRow) (jobs.Job, error) {
	const byID = `SELECT ` + jobColumns + ` FROM jobs_schema.background_jobs WHERE id = $1::uuid`
	const byKey = `SELECT ` + jobColumns + ` FROM jobs_schema.background_jobs
		WHERE idempotency_key = $1::text AND coalesce(owner, '') = $2::text AND idempotency_key IS NOT NULL`
	j, err := s.one(ctx, tx, byID, uuidOf(n.ID))
	if errors.Is(err, pgx.ErrNoRows) && n.IdempotencyKey != "" {
		j, err = s.one(ctx, tx, byKey, n.IdempotencyKey, n.Owner)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return jobs.Job{}, errVanished
	}
	return j, err
}

// errVanished: a row stood in the way of an insert, and was deleted before it
// could be read. The whole Insert runs again.
var errVanished = errors.New("the job of the same id or key was deleted meanwhile")

// one runs a query of jobColumns that finds at most one row.
func (s *Store) one(ctx context.Context, q querier, query string, args ...any) (jobs.Job, error) {
	rows, err := q.Query(ctx, s.SQL(query), args...)
	if err != nil {
		return jobs.Job{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanJob)
}

package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// Claim implements jobs.Store.
func (s *Store) Claim(ctx context.Context, p jobs.ClaimParams) (jobs.Claimed, error) {
	dead, err := s.probe(ctx, p.Instance)
	if err != nil {
		return jobs.Claimed{}, err
	}
	var out jobs.Claimed
	var buried []string
	err = s.do(ctx, "claim jobs", func(b *batch) (err error) {
		out, buried, err = b.claim(p, dead)
		return err
	})
	if err != nil {
		return jobs.Claimed{}, err
	}
	for _, id := range buried {
		if err := s.removeLock(id); err != nil {
			s.log.Warn("cannot remove the lock of a dead instance", jobs.KeyInstance, id, jobs.KeyError, err)
		}
	}
	return out, nil
}

func (b *batch) claim(p jobs.ClaimParams, dead []verdict) (out jobs.Claimed, buried []string, err error) {
	const self = `SELECT state, boot, draining_since IS NOT NULL FROM job_instances WHERE id = ?`
	var state, boot string
	found, err := b.get(self, []any{p.Instance}, &state, &boot, &out.Draining)
	if err != nil {
		return out, nil, err
	}
	if !found || state == stateStopped || state == stateDead {
		return out, nil, refuse(jobs.ErrInstanceGone)
	}
	if state == stateStopping {
		return out, nil, nil // what it put back now would be lost time for whoever could run it
	}
	r := recovery{b: b, p: p, boot: boot}
	if err := r.run(dead); err != nil {
		return out, nil, err
	}
	out.Recovered = r.events
	if out.Draining || p.Limit <= 0 {
		out.NextDue, err = b.nextDue()
		return out, r.buried, err
	}
	if err := b.promote(); err != nil {
		return out, nil, err
	}
	chosen, err := b.candidates(p)
	if err != nil {
		return out, nil, err
	}
	if out.Jobs, err = b.take(chosen, p); err != nil {
		return out, nil, err
	}
	if len(out.Jobs) < p.Limit {
		if out.UnknownKinds, err = b.unknownKinds(p.Kinds); err != nil {
			return out, nil, err
		}
		if out.NextDue, err = b.nextDue(); err != nil {
			return out, nil, err
		}
	}
	return out, r.buried, nil
}

// mostPromoted bounds the work of one claim where very many jobs come due, or
// are inserted by hand, at once.
const mostPromoted = 2000

// promote gives the jobs that came due a place in the queue, in the order in
// which they did.
func (b *batch) promote() error {
	const due = `SELECT rowid, kind, priority, coalesce(owner, '') FROM background_jobs INDEXED BY jobs_scheduled
		WHERE status = 'pending' AND position IS NULL AND run_at <= ? ORDER BY run_at, created_at LIMIT ?`
	const place = `UPDATE background_jobs SET position = ?1 + d.key FROM json_each(?2) AS d WHERE background_jobs.rowid = d.value`
	var turns turns[int64]
	err := b.each(due, []any{b.at, mostPromoted}, func(rows *sql.Rows) error {
		var id int64
		var t turn
		err := rows.Scan(&id, &t.kind, &t.priority, &t.owner)
		turns.add(t, id)
		return err
	})
	if err != nil {
		return err
	}
	return turns.each(func(t turn, ids []int64) error {
		first, err := b.places(t, len(ids))
		if err != nil {
			return err
		}
		b.changed = true
		_, err = b.exec(place, first, rowidList(ids))
		return err
	})
}

// A candidate is a job that may be claimed.
type candidate struct {
	rowid int64
	job   jobs.Job
}

// candidates returns the jobs to claim, first in line first.
func (b *batch) candidates(p jobs.ClaimParams) ([]candidate, error) {
	const innocent = `SELECT ` + jobColumns + `, rowid FROM background_jobs INDEXED BY jobs_by_position
		WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NULL AND kind = ?
		ORDER BY priority DESC, position`
	const owned = `SELECT ` + jobColumns + `, rowid FROM background_jobs INDEXED BY jobs_owned
		WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NOT NULL AND kind = ?
		ORDER BY priority DESC, position`
	const suspect = `SELECT ` + jobColumns + `, rowid FROM background_jobs INDEXED BY jobs_suspect
		WHERE status = 'pending' AND position IS NOT NULL AND crashes > 0 AND kind = ?
		ORDER BY priority DESC, position`
	const only = `SELECT ` + jobColumns + `, rowid FROM background_jobs
		WHERE id IN (SELECT value FROM json_each(?)) AND status = 'pending' AND position IS NOT NULL AND kind = ?`
	var all []candidate
	var err error
	room := make(map[string]int, len(p.Kinds))
	for _, kind := range p.Kinds {
		if room[kind], err = b.room(kind, p); err != nil {
			return nil, err
		}
		if room[kind] == 0 {
			continue
		}
		if len(p.Only) > 0 {
			if all, err = b.collect(all, len(p.Only), only, idList(p.Only), kind); err != nil {
				return nil, err
			}
			continue
		}
		if all, err = b.collect(all, room[kind], innocent, kind); err != nil {
			return nil, err
		}
		if all, err = b.collect(all, room[kind], owned, kind); err != nil {
			return nil, err
		}
		if p.Suspects > 0 {
			if all, err = b.collect(all, p.Suspects, suspect, kind); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(all, func(x, y candidate) int {
		return cmp.Or(cmp.Compare(y.job.Priority, x.job.Priority), cmp.Compare(x.job.Position, y.job.Position), cmp.Compare(x.rowid, y.rowid))
	})
	suspects := 0
	chosen := all[:0]
	for _, c := range all {
		if room[c.job.Kind] == 0 {
			continue
		}
		if c.job.Crashes > 0 {
			if suspects++; suspects > p.Suspects {
				continue
			}
		}
		room[c.job.Kind]--
		if chosen = append(chosen, c); len(chosen) == p.Limit {
			break
		}
	}
	return chosen, nil
}

// room is how many jobs of a kind may be claimed.
func (b *batch) room(kind string, p jobs.ClaimParams) (int, error) {
	const running = `SELECT count(*) FROM background_jobs INDEXED BY jobs_processing WHERE status = 'processing' AND kind = ?`
	limit, limited := p.Limits[kind]
	if !limited {
		return p.Limit, nil
	}
	var n int
	_, err := b.get(running, []any{kind}, &n)
	return min(p.Limit, max(0, limit-n)), err
}

// collect appends the first most jobs of a query. It has no LIMIT: jobs that
// cannot be read do not count.
func (b *batch) collect(into []candidate, most int, query string, args ...any) ([]candidate, error) {
	var rowid int64
	most += len(into)
	err := b.readable(query, args, func(j jobs.Job) bool {
		into = append(into, candidate{rowid, j})
		return len(into) < most
	}, &rowid)
	return into, err
}

// take marks the chosen jobs as processing: two statements, however many. The
// answer is made here, from what was read and what the statement writes: to
// have the rows returned takes a third of a claim.
func (b *batch) take(chosen []candidate, p jobs.ClaimParams) ([]jobs.Job, error) {
	const claim = `UPDATE background_jobs SET status = 'processing', attempt = attempt + 1, instance_id = ?1,
			started_at = ?2, updated_at = ?2, recovery = coalesce(recovery, CASE WHEN rowid IN (SELECT value FROM json_each(?3)) THEN 'manual' ELSE 'auto' END), error = NULL, error_code = NULL, cause = NULL,
			progress = CASE WHEN steps_done = 0 THEN 0 ELSE min(progress, 99) END
		WHERE rowid IN (SELECT value FROM json_each(?4))`
	const started = `INSERT INTO job_events (job_id, at, event, from_status, to_status, instance_id, attempt, steps_done)
		SELECT id, ?1, 'started', 'pending', 'processing', instance_id, attempt, steps_done FROM background_jobs
		WHERE rowid IN (SELECT value FROM json_each(?2))`
	if len(chosen) == 0 {
		return nil, nil
	}
	now := b.now.UTC().Truncate(timeUnit)
	ids := make([]int64, len(chosen))
	var manual []int64 // of those that have no stamp yet
	taken := make([]jobs.Job, len(chosen))
	for i, c := range chosen {
		ids[i] = c.rowid
		j := c.job
		j.Status, j.InstanceID, j.StartedAt, j.UpdatedAt = jobs.Processing, p.Instance, now, now
		j.Attempt++
		if j.Recovery == "" {
			if j.Recovery = p.PolicyFor(j).Recovery; j.Recovery == jobs.RecoveryManual {
				manual = append(manual, c.rowid)
			}
		}
		j.Error, j.ErrorCode, j.Cause = "", "", ""
		if j.StepsDone == 0 {
			j.Progress = 0
		}
		j.Progress = min(j.Progress, 99)
		taken[i] = j
	}
	list := rowidList(ids)
	if _, err := b.exec(claim, p.Instance, b.at, rowidList(manual), list); err != nil {
		return nil, err
	}
	b.changed = true
	_, err := b.exec(started, b.at, list)
	return taken, err
}

// unknownKinds returns the kinds of jobs in the queue that are not among
// those given. Each step is one look into an index, however many jobs wait.
func (b *batch) unknownKinds(known []string) ([]string, error) {
	kinds, err := column[string](b, pendingKinds)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(kinds, func(k string) bool { return slices.Contains(known, k) }), nil
}

const pendingKinds = `
	WITH RECURSIVE free (kind) AS (
		SELECT min(kind) FROM background_jobs INDEXED BY jobs_by_position
			WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NULL
		UNION ALL
		SELECT (SELECT min(kind) FROM background_jobs INDEXED BY jobs_by_position
			WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NULL AND kind > free.kind)
		FROM free WHERE kind IS NOT NULL),
	owned (kind) AS (
		SELECT min(kind) FROM background_jobs INDEXED BY jobs_owned
			WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NOT NULL
		UNION ALL
		SELECT (SELECT min(kind) FROM background_jobs INDEXED BY jobs_owned
			WHERE status = 'pending' AND position IS NOT NULL AND crashes = 0 AND owner IS NOT NULL AND kind > owned.kind)
		FROM owned WHERE kind IS NOT NULL),
	suspect (kind) AS (
		SELECT min(kind) FROM background_jobs INDEXED BY jobs_suspect WHERE status = 'pending' AND position IS NOT NULL AND crashes > 0
		UNION ALL
		SELECT (SELECT min(kind) FROM background_jobs INDEXED BY jobs_suspect
			WHERE status = 'pending' AND position IS NOT NULL AND crashes > 0 AND kind > suspect.kind)
		FROM suspect WHERE kind IS NOT NULL)
	SELECT kind FROM free WHERE kind IS NOT NULL UNION SELECT kind FROM owned WHERE kind IS NOT NULL
	UNION SELECT kind FROM suspect WHERE kind IS NOT NULL`

// nextDue returns how long until the next job comes due, 0 where none is
// known.
func (b *batch) nextDue() (due time.Duration, err error) {
	const query = `SELECT run_at, id FROM background_jobs INDEXED BY jobs_scheduled
		WHERE status = 'pending' AND position IS NULL AND run_at > ? ORDER BY run_at`
	err = b.each(query, []any{b.at}, func(rows *sql.Rows) error {
		var runAt, id string
		if err := rows.Scan(&runAt, &id); err != nil {
			return err
		}
		at, err := ParseTime(runAt)
		if err != nil {
			b.s.skip(unreadable(id, "run_at", err))
			return nil
		}
		due = max(at.Sub(b.now), timeUnit)
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return due, err
}

// rowidList is the JSON array that json_each takes.
func rowidList(ids []int64) string {
	b := make([]byte, 0, 8*len(ids)+2)
	b = append(b, '[')
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, id, 10)
	}
	return string(append(b, ']'))
}

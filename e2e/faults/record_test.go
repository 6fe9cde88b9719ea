//go:build unix

package faults

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/mivaa/mivaa/jobs"
)

// record is all that store and journals say about one job.
type record struct {
	job  jobs.Job
	task task
	data []string // of the steps, by seq-1

	history history
	written []writing             // from fault_steps, in the order they were written
	acked   []writing             // from the journals
	started map[int64]string      // by attempt: the journal of who began it
	ended   map[int64]jobs.Status // by attempt: what a worker was told to have written
}

// A writing is a step, and the attempt that recorded it.
type writing struct {
	seq     int
	attempt int64
}

// records is everything that is known after a run.
type records struct {
	run      *run
	jobs     map[jobs.ID]*record
	stopping map[string]bool // instances whose row says so
	crashed  map[string]bool // instances of which a process was said to have died
}

// collect reads the store and the journals.
func (r *run) collect(ctx context.Context) (*records, error) {
	all := &records{run: r, jobs: map[jobs.ID]*record{}, stopping: map[string]bool{}, crashed: map[string]bool{}}
	for _, read := range []func(context.Context) error{
		all.readJobs, all.readSteps, all.readStopping, all.readEvents, all.readGuards, all.readJournals,
	} {
		if err := read(ctx); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (a *records) readJobs(ctx context.Context) error {
	for after := (*jobs.Job)(nil); ; {
		found, err := a.run.store.List(ctx, jobs.Filter{Order: jobs.OldestFirst, After: after, Limit: 1000})
		if err != nil || len(found) == 0 {
			return err
		}
		for _, j := range found {
			if a.jobs[j.ID] != nil {
				a.run.problem("job %s is listed twice", j.ID)
			}
			rec := &record{job: j, started: map[int64]string{}, ended: map[int64]jobs.Status{}}
			if err := json.Unmarshal(j.Payload, &rec.task); err != nil {
				return fmt.Errorf("job %s: %w", j.ID, err)
			}
			a.jobs[j.ID] = rec
		}
		after = &found[len(found)-1]
	}
}

func (a *records) readSteps(ctx context.Context) error {
	rows, err := a.run.backend.sql().QueryContext(ctx, `SELECT CAST(job_id AS TEXT), seq, CAST(data AS TEXT) FROM job_steps ORDER BY job_id, seq`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, data string
		var seq int
		if err := rows.Scan(&id, &seq, &data); err != nil {
			return err
		}
		rec := a.of(id, "a step")
		if rec == nil {
			continue
		}
		if seq != len(rec.data)+1 {
			a.run.problem("job %s: step %d stands behind %d steps", id, seq, len(rec.data))
		}
		rec.data = append(rec.data, data)
	}
	return rows.Err()
}

// of returns the record of an id that something refers to.
func (a *records) of(id, what string) *record {
	parsed, err := jobs.ParseID(id)
	if err != nil {
		a.run.problem("%s of job %q: %v", what, id, err)
		return nil
	}
	rec := a.jobs[parsed]
	if rec == nil {
		a.run.problem("%s of job %s, which is not there", what, id)
	}
	return rec
}

func (a *records) readEvents(ctx context.Context) error {
	for after := int64(0); ; {
		found, err := a.run.store.Events(ctx, jobs.ID{}, after, 1000)
		if err != nil || len(found) == 0 {
			return err
		}
		for _, e := range found {
			if rec := a.of(e.JobID.String(), "an event"); rec != nil {
				rec.history.add(e)
			}
			if ofDeath(e) {
				a.crashed[e.Instance] = a.crashed[e.Instance] || e.Cause == jobs.CauseCrash
				if a.stopping[e.Instance] {
					a.run.problem("job %s: event %d charges the death of an instance that was stopping", e.JobID, e.ID)
				}
			}
			after = e.ID
		}
	}
}

func (a *records) readGuards(ctx context.Context) error {
	db := a.run.backend.sql()
	bad, err := db.QueryContext(ctx, `SELECT job_id, from_status, to_status, attempt FROM fault_violations`)
	if err != nil {
		return err
	}
	defer bad.Close()
	for bad.Next() {
		var id, from, to string
		var attempt int64
		if err := bad.Scan(&id, &from, &to, &attempt); err != nil {
			return err
		}
		a.run.problem("job %s, attempt %d: %s -> %s is not legal, or has no timestamp", id, attempt, from, to)
	}
	if err := bad.Err(); err != nil {
		return err
	}
	steps, err := db.QueryContext(ctx, `SELECT job_id, seq, attempt, status FROM fault_steps ORDER BY job_id, attempt, seq`)
	if err != nil {
		return err
	}
	defer steps.Close()
	for steps.Next() {
		var id, status string
		var w writing
		if err := steps.Scan(&id, &w.seq, &w.attempt, &status); err != nil {
			return err
		}
		if status != string(jobs.Processing) {
			a.run.problem("job %s: step %d was recorded while the job was %s", id, w.seq, status)
		}
		if rec := a.of(id, "a step"); rec != nil {
			rec.written = append(rec.written, w)
		}
	}
	return steps.Err()
}

// readStopping comes before the events: whose death is charged to nobody.
func (a *records) readStopping(context.Context) error {
	return a.eachEntry(func(_ string, e entry) {
		if e.what == wroteStopping {
			a.stopping[e.text] = true
		}
	})
}

func (a *records) readJournals(context.Context) error { return a.eachEntry(a.note) }

func (a *records) eachEntry(fn func(path string, e entry)) error {
	for _, n := range a.run.nodes {
		for _, path := range n.journals {
			if err := readJournal(path, func(e entry) { fn(path, e) }); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *records) note(path string, e entry) {
	if e.what == wroteGone {
		a.noteGone(path, e)
	}
	if e.fence.Job.IsZero() {
		return
	}
	rec := a.jobs[e.fence.Job]
	if rec == nil {
		a.run.problem("%s tells of job %s, which is not there", path, e.fence.Job)
		return
	}
	switch e.what {
	case wroteStart:
		if by, twice := rec.started[e.fence.Attempt]; twice {
			a.run.problem("job %s: attempt %d was begun twice, by %s and %s", e.fence.Job, e.fence.Attempt, by, path)
		}
		rec.started[e.fence.Attempt] = path
	case wroteRecord:
		for seq := e.first; seq <= e.last; seq++ {
			rec.acked = append(rec.acked, writing{seq, e.fence.Attempt})
		}
	case wroteEnd:
		rec.ended[e.fence.Attempt] = jobs.Status(e.text)
	case wroteLate:
		a.run.refused++
	}
}

// noteGone judges the word of a living process that it was declared dead.
func (a *records) noteGone(path string, e entry) {
	var instance string
	var silent int64
	if _, err := fmt.Sscan(e.text, &instance, &silent); err != nil {
		a.run.problem("%s: %v", path, err)
		return
	}
	a.run.gone++
	if a.crashed[instance] || silent < a.run.backend.lease().Milliseconds() {
		a.run.mistaken = append(a.run.mistaken, fmt.Sprintf("instance %s was declared dead %d ms after it renewed its lease, and lives (%s)", instance, silent, path))
	}
}

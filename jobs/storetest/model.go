package storetest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// model is the contract of jobs.Store written down as plainly as code can: a
// few maps, one mutex, nothing durable and nothing fast. Random operations
// compare a store with it, and the suite is tested on it.
type model struct {
	mu        sync.Mutex
	jobs      map[jobs.ID]*jobs.Job
	keys      map[[2]string]*jobs.Job // by owner and idempotency key
	steps     map[jobs.ID][]jobs.Step
	instances map[string]*member
	documents map[jobs.ID]jobs.ID // to the content job
	events    []jobs.Event
	ended     map[jobs.Fence]jobs.Outcome // how the latest attempt of a job ended
	byHand    map[jobs.ID]bool            // pending because a person put it back
	stoppedBy map[jobs.ID]string          // the instance that gave it up because it stops
	first     []jobs.ID                   // of jobs at the same place, these in this order
	position  int64
	moved     bool // a job that was running, by a person
	watchers  map[chan jobs.Hint]bool
}

// member is an instance and whether anyone still believes that it lives.
type member struct {
	jobs.Instance
	until                          time.Time
	dead, gone, stopping, draining bool
}

func newModel() *model {
	return &model{
		jobs: map[jobs.ID]*jobs.Job{}, keys: map[[2]string]*jobs.Job{}, steps: map[jobs.ID][]jobs.Step{}, instances: map[string]*member{},
		documents: map[jobs.ID]jobs.ID{}, ended: map[jobs.Fence]jobs.Outcome{}, byHand: map[jobs.ID]bool{}, stoppedBy: map[jobs.ID]string{},
		watchers: map[chan jobs.Hint]bool{},
	}
}

var errModel = errors.New("refused by the model")

func (m *model) now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// closer lets a func be an io.Closer.
type closer func()

func (c closer) Close() error { c(); return nil }

func (m *model) join(in jobs.Instance) (io.Closer, error) {
	if m.instances[in.ID] != nil {
		return nil, errModel
	}
	m.instances[in.ID] = &member{Instance: in, until: m.now().Add(in.Lease)}
	return closer(func() { m.kill(in.ID) }), nil
}

func (m *model) kill(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.instances[id].dead = true
}

// alive reports whether the instance may claim and renew.
func (m *model) alive(id string) bool {
	in := m.instances[id]
	return in != nil && !in.gone && !in.dead
}

// held returns the job of a fence that holds, or nil.
func (m *model) held(f jobs.Fence) *jobs.Job {
	j := m.jobs[f.Job]
	if j == nil || j.Status != jobs.Processing || j.Attempt != f.Attempt {
		return nil
	}
	return j
}

func (m *model) renew(r jobs.Renewal) (lost []jobs.Fence, err error) {
	if !m.alive(r.Instance) {
		return r.Held, jobs.ErrInstanceGone
	}
	in := m.instances[r.Instance]
	in.until, in.stopping = m.now().Add(in.Lease), in.stopping || r.Stopping
	for _, f := range r.Held {
		if j := m.held(f); j == nil || j.InstanceID != r.Instance {
			lost = append(lost, f)
		}
	}
	return lost, nil
}

// change moves a job to a status: the one place that does.
func (m *model) change(j *jobs.Job, to jobs.Status, ev jobs.Event) jobs.Event {
	now := m.now()
	ev.ID, ev.JobID, ev.At, ev.From, ev.To, ev.Attempt, ev.Steps = int64(len(m.events)+1), j.ID, now, j.Status, to, j.Attempt, j.StepsDone
	if ev.Instance == "" {
		ev.Instance = j.InstanceID
	}
	m.events = append(m.events, ev)
	j.Status, j.UpdatedAt = to, now
	j.Error, j.ErrorCode, j.Cause = "", "", ""
	delete(m.byHand, j.ID)
	delete(m.stoppedBy, j.ID)
	if ev.Cause == jobs.CauseShutdown {
		m.stoppedBy[j.ID] = ev.Instance
	}
	switch to {
	case jobs.Processing:
		j.StartedAt = now
	case jobs.Completed:
		j.CompletedAt = now
	case jobs.Failed:
		j.FailedAt = now
	case jobs.Interrupted:
		j.InterruptedAt, j.Cause, j.Error = now, ev.Cause, ev.Cause.Reason()
	}
	if to != jobs.Processing {
		j.InstanceID = ""
	}
	if to == jobs.Pending {
		m.queue(j, now)
	}
	return ev
}

// queue gives a job its place, unless it is not due.
func (m *model) queue(j *jobs.Job, due time.Time) {
	j.RunAt, j.Position = due, 0
	if !due.After(m.now()) {
		j.Position = m.place(j)
	}
}

// place is the end of the queue or, where a job in the line has an owner,
// beside its head or behind what the owner has waiting there.
func (m *model) place(j *jobs.Job) int64 {
	m.position++
	shared := j.Owner != ""
	var head, last int64
	for _, o := range m.jobs {
		if o.ID == j.ID || o.Status != jobs.Pending || o.Kind != j.Kind || o.Priority != j.Priority || o.Position == 0 {
			continue
		}
		shared = shared || o.Owner != ""
		if o.Crashes == 0 && (head == 0 || o.Position < head) {
			head = o.Position
		}
		if o.Owner == j.Owner {
			last = max(last, o.Position)
		}
	}
	if !shared || head == 0 {
		return m.position
	}
	return max(head, last+1)
}

func (m *model) claim(p jobs.ClaimParams) (jobs.Claimed, error) {
	if !m.alive(p.Instance) {
		return jobs.Claimed{}, jobs.ErrInstanceGone
	}
	in := m.instances[p.Instance]
	in.until = m.now().Add(in.Lease)
	got := jobs.Claimed{Recovered: m.recover(p), Draining: in.draining}
	now := m.now()
	suspects := 0
	running := map[string]int{}
	for _, j := range m.jobs {
		if j.Status == jobs.Processing {
			running[j.Kind]++
		}
	}
	for _, j := range m.pending() {
		limit, limited := p.Limits[j.Kind]
		switch {
		case j.RunAt.After(now):
			if wait := j.RunAt.Sub(now); got.NextDue == 0 || wait < got.NextDue {
				got.NextDue = wait
			}
		case !slices.Contains(p.Kinds, j.Kind):
			if !slices.Contains(got.UnknownKinds, j.Kind) {
				got.UnknownKinds = append(got.UnknownKinds, j.Kind)
			}
		case len(got.Jobs) >= p.Limit || in.draining || p.Only != nil && !slices.Contains(p.Only, j.ID):
		case j.Crashes > 0 && suspects >= p.Suspects:
		case limited && running[j.Kind] >= limit:
		default:
			if j.Crashes > 0 {
				suspects++
			}
			running[j.Kind]++
			j.Attempt++
			j.Recovery = cmp.Or(j.Recovery, p.PolicyFor(*j).Recovery)
			m.change(j, jobs.Processing, jobs.Event{Event: jobs.EventStarted, Instance: p.Instance})
			j.InstanceID = p.Instance
			got.Jobs = append(got.Jobs, *j)
		}
	}
	return got, nil
}

// pending returns the pending jobs in the order in which they are claimed.
func (m *model) pending() []*jobs.Job {
	var list []*jobs.Job
	for _, j := range m.jobs {
		if j.Status == jobs.Pending {
			if j.Position == 0 && !j.RunAt.After(m.now()) {
				m.queue(j, j.RunAt)
			}
			list = append(list, j)
		}
	}
	slices.SortFunc(list, func(a, b *jobs.Job) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Position, b.Position),
			cmp.Compare(uint(slices.Index(m.first, a.ID)), uint(slices.Index(m.first, b.ID))), // -1 is last
			cmp.Compare(a.ID.String(), b.ID.String()))
	})
	return list
}

func (m *model) recover(p jobs.ClaimParams) (told []jobs.Event) {
	me := m.instances[p.Instance]
	alone := true
	for id, in := range m.instances {
		if id != p.Instance && !in.dead && in.until.Before(m.now()) {
			in.gone = true
		}
		alone = alone && (id == p.Instance || in.dead || in.gone)
	}
	order := slices.SortedFunc(maps.Values(m.jobs), func(a, b *jobs.Job) int { return cmp.Compare(a.ID.String(), b.ID.String()) })
	for _, j := range order {
		if p.Only != nil && !slices.Contains(p.Only, j.ID) {
			continue
		}
		in := m.instances[j.InstanceID]
		cause := jobs.CauseCrash
		switch {
		case j.Status == jobs.Processing && (in == nil || in.dead || in.gone):
			switch {
			case in != nil && in.stopping:
				cause = jobs.CauseShutdown
			case in != nil && !in.dead:
				cause = jobs.CauseLeaseLost
			}
			if in != nil && !in.stopping && in.Boot == me.Boot {
				j.Crashes++
			}
			j.Recovery = cmp.Or(j.Recovery, p.PolicyFor(*j).Recovery)
		case j.Status == jobs.Pending && p.Starting && alone && j.Recovery == jobs.RecoveryManual && !m.byHand[j.ID] && !j.RunAt.After(m.now()):
		default:
			continue
		}
		told = append(told, m.change(j, jobs.Interrupted, jobs.Event{Event: jobs.EventInterrupted, Cause: cause}))
		if j.Crashes >= p.PolicyFor(*j).MaxCrashes {
			told = append(told, m.change(j, jobs.Failed, jobs.Event{Event: jobs.EventFailed}))
			j.Error, j.ErrorCode = "its process died too often in a row", jobs.CodeCrashed
		}
	}
	for _, j := range order {
		own := j.Cause == jobs.CauseShutdown && m.stoppedBy[j.ID] == p.Instance
		if j.Status == jobs.Interrupted && j.Cause != jobs.CauseCancelled && !own && j.Recovery == jobs.RecoveryAuto && (p.Only == nil || slices.Contains(p.Only, j.ID)) {
			m.change(j, jobs.Pending, jobs.Event{Event: jobs.EventResumed})
		}
	}
	return told
}

func (m *model) checkpoint(f jobs.Fence, total int, steps []jobs.Step) error {
	j := m.held(f)
	if j == nil {
		return jobs.ErrLeaseLost
	}
	recorded := m.steps[f.Job]
	for _, s := range steps {
		switch {
		case s.Seq < 1 || s.Seq > len(recorded)+1:
			return jobs.ErrStepGap
		case s.Seq == len(recorded)+1:
			recorded = append(slices.Clip(recorded), s)
		case !bytes.Equal(recorded[s.Seq-1].Data, s.Data):
			return jobs.ErrStepGap
		}
	}
	if len(recorded) == j.StepsDone && (total == 0 || total == j.StepsTotal) {
		return nil
	}
	if len(recorded) > j.StepsDone {
		j.Crashes = 0
	}
	m.steps[f.Job], j.StepsDone, j.StepsTotal, j.UpdatedAt = recorded, len(recorded), cmp.Or(total, j.StepsTotal), m.now()
	if j.StepsTotal > 0 {
		j.Progress = max(j.Progress, min(99, 100*j.StepsDone/j.StepsTotal))
	}
	return nil
}

func (m *model) finish(outcomes []jobs.Outcome) (lost []jobs.Fence) {
	for _, out := range outcomes {
		j := m.held(out.Fence)
		if j == nil {
			if done, ok := m.ended[out.Fence]; !ok || done.Status != out.Status || done.Cause != out.Cause {
				lost = append(lost, out.Fence)
			}
			continue
		}
		m.ended[out.Fence] = out
		switch out.Status {
		case jobs.Completed:
			j.Progress, j.Crashes = 100, 0
			m.change(j, out.Status, jobs.Event{Event: jobs.EventCompleted})
		case jobs.Failed:
			j.Failures++
			m.change(j, out.Status, jobs.Event{Event: jobs.EventFailed, Detail: out.Error})
			j.Error, j.ErrorCode = out.Error, out.Code
		case jobs.Interrupted:
			j.Interruptions++
			m.change(j, out.Status, jobs.Event{Event: jobs.EventInterrupted, Cause: out.Cause, Detail: out.Error})
			j.Error = out.Error
		case jobs.Pending:
			if !out.Free {
				j.Failures++
			}
			m.change(j, out.Status, jobs.Event{Event: jobs.EventRetrying, Detail: out.Error})
			if out.Delay > 0 {
				m.queue(j, m.now().Add(out.Delay))
			}
		}
	}
	return lost
}

func (m *model) insert(list []jobs.NewJob) ([]jobs.Job, error) {
	var out, fresh []*jobs.Job
	ids, keys := maps.Clone(m.jobs), maps.Clone(m.keys)
	for _, in := range list {
		in.Payload, in.Metadata = either(in.Payload), either(in.Metadata)
		var object map[string]any
		if in.Kind == "" || !json.Valid(in.Payload) || json.Unmarshal(in.Metadata, &object) != nil || object == nil ||
			in.MaxFailures < 0 || in.MaxCrashes < 0 || in.RetryDelay < 0 {
			return nil, errModel
		}
		if _, ok := m.documents[in.DocumentID]; !ok && !in.DocumentID.IsZero() {
			return nil, errModel
		}
		key := [2]string{in.Owner, in.IdempotencyKey}
		there := ids[in.ID]
		if there == nil && in.IdempotencyKey != "" {
			there = keys[key]
		}
		if there != nil {
			if there.Kind != in.Kind || !sameJSON(there.Payload, in.Payload) {
				return nil, jobs.ErrKeyReused
			}
			out = append(out, there)
			continue
		}
		j := &jobs.Job{
			ID: in.ID, DocumentID: in.DocumentID, Filename: in.Filename, Metadata: in.Metadata, Kind: in.Kind, Payload: in.Payload,
			Priority: in.Priority, RunAt: in.RunAt, IdempotencyKey: in.IdempotencyKey, Owner: in.Owner,
			MaxFailures: in.MaxFailures, MaxCrashes: in.MaxCrashes, RetryDelayMS: int(in.RetryDelay.Milliseconds()),
			Recovery: cmp.Or(in.Recovery, jobs.RecoveryAuto), InstanceID: in.Instance,
		}
		if j.ID.IsZero() {
			j.ID = jobs.NewID()
		}
		ids[j.ID], keys[key] = j, j
		fresh, out = append(fresh, j), append(out, j)
	}
	m.jobs, m.keys = ids, keys
	for _, j := range fresh {
		m.add(j)
	}
	answer := make([]jobs.Job, len(out))
	for k, j := range out {
		answer[k] = *j
	}
	return answer, nil
}

// add makes the row and its first events.
func (m *model) add(j *jobs.Job) {
	instance, due := j.InstanceID, j.RunAt
	j.InstanceID = ""
	m.change(j, jobs.Pending, jobs.Event{Event: jobs.EventAccepted})
	j.CreatedAt = j.UpdatedAt
	if due.After(j.CreatedAt) {
		m.queue(j, due.UTC())
	}
	if instance != "" {
		j.Attempt = 1
		m.change(j, jobs.Processing, jobs.Event{Event: jobs.EventStarted, Instance: instance})
		j.InstanceID = instance
		j.CreatedAt = j.UpdatedAt
	}
}

func either(text json.RawMessage) json.RawMessage {
	if text == nil {
		return json.RawMessage(`{}`)
	}
	return text
}

func (m *model) move(id jobs.ID, move jobs.Move, by string) (jobs.Job, error) {
	j := m.jobs[id]
	if j == nil {
		return jobs.Job{}, jobs.ErrNotFound
	}
	to, legal := move.Target(j.Status)
	if !legal {
		return jobs.Job{}, &jobs.MoveError{ID: id, Move: move, Status: j.Status, Allowed: jobs.Allowed(j.Status)}
	}
	ev := jobs.Event{Event: jobs.EventInterrupted, Cause: jobs.CauseOperator, Detail: by}
	switch move {
	case jobs.Cancel:
		if j.Cause == jobs.CauseCancelled {
			return *j, nil
		}
		ev.Cause = jobs.CauseCancelled
	case jobs.Interrupt:
	case jobs.Resume:
		ev.Event = jobs.EventResumed
	case jobs.Restart:
		ev.Event = jobs.EventRestarted
		delete(m.steps, id)
		j.StepsDone, j.StepsTotal, j.Progress = 0, 0, 0
	}
	if j.Status == jobs.Processing {
		j.Attempt++
		m.moved = true
	}
	m.change(j, to, ev)
	if to == jobs.Pending {
		j.Failures, j.Crashes, m.byHand[id] = 0, 0, true
	}
	return *j, nil
}

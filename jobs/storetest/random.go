package storetest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// randomTests do a few hundred random operations by several instances, on the
// store and on the model, and compare after each. A failure prints its seed;
// STORETEST_SEED in the environment runs that one again.
var randomTests = []test{
	{"operations do to the store what they do to the model, seed 1", func(e *env) { walkOf(e, 1) }},
	{"operations do to the store what they do to the model, seed 2", func(e *env) { walkOf(e, 2) }},
	{"operations do to the store what they do to the model, seed 3", func(e *env) { walkOf(e, 3) }},
	{"operations do to the store what they do to the model, another seed each time", func(e *env) {
		seed := uint64(time.Now().UnixNano())
		if text := os.Getenv("STORETEST_SEED"); text != "" {
			var err error
			seed, err = strconv.ParseUint(text, 10, 64)
			e.ok(err)
		}
		walkOf(e, seed)
	}},
}

const operations = 300

// walk is one random walk: the same calls to the store and to the model.
type walk struct {
	*env
	rnd    *rand.Rand
	m      *model
	model  *modelStore
	live   []*instance
	joins  int
	given  []jobs.NewJob
	fences []jobs.Fence // all there ever were, and some that never were
	log    []string
}

func walkOf(e *env, seed uint64) {
	e.Logf("seed %d (STORETEST_SEED=%d repeats it)", seed, seed)
	w := &walk{env: e, rnd: rand.New(rand.NewPCG(seed, 0)), m: newModel()}
	w.model = &modelStore{m: w.m}
	for range 3 {
		w.arrive()
	}
	ops := []struct {
		weight int
		run    func()
	}{{5, w.insert}, {8, w.claim}, {10, w.checkpoint}, {6, w.finish}, {4, w.move}, {3, w.renew}, {1, w.kill}, {1, w.recover}}
	var deck []func()
	for _, op := range ops {
		deck = append(deck, slices.Repeat([]func(){op.run}, op.weight)...)
	}
	for n := range operations {
		deck[w.rnd.IntN(len(deck))]()
		w.compare(n%25 == 0 || n == operations-1)
		if e.Failed() {
			e.Fatalf("seed %d, the last operations:\n%s", seed, strings.Join(w.log[max(0, len(w.log)-15):], "\n"))
		}
	}
}

func (w *walk) note(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

// arrive adds one instance to both.
func (w *walk) arrive() {
	w.joins++
	var in jobs.Instance
	w.live = append(w.live, w.process(fmt.Sprint("i", w.joins), func(x *jobs.Instance) {
		x.Boot = fmt.Sprint("boot", w.rnd.IntN(2))
		in = *x
	}))
	_, err := w.model.Join(w.Context(), in)
	w.ok(err)
}

func pick[T any](w *walk, list []T) T { return list[w.rnd.IntN(len(list))] }

func (w *walk) chance(percent int) bool { return w.rnd.IntN(100) < percent }

// fence returns one to write with: often one that holds.
func (w *walk) fence() jobs.Fence {
	var holding []jobs.Fence
	for _, j := range w.m.jobs {
		if j.Status == jobs.Processing {
			holding = append(holding, j.Fence())
		}
	}
	switch {
	case len(holding) > 0 && w.chance(70):
		slices.SortFunc(holding, func(a, b jobs.Fence) int { return cmp.Compare(a.Job.String(), b.Job.String()) })
		return pick(w, holding)
	case len(w.fences) > 0 && w.chance(90):
		return pick(w, w.fences)
	}
	return jobs.Fence{Job: w.newID(), Attempt: int64(w.rnd.IntN(3))}
}

func (w *walk) newID() (id jobs.ID) {
	for k := range id {
		id[k] = byte(w.rnd.Uint32())
	}
	return id
}

// agree checks that both gave the same error, if any.
func (w *walk) agree(what string, got, want error) bool {
	w.Helper()
	for _, word := range []error{nil, jobs.ErrNotFound, jobs.ErrKeyReused, jobs.ErrLeaseLost, jobs.ErrStepGap, jobs.ErrInstanceGone} {
		if word == nil && (got == nil) != (want == nil) || word != nil && errors.Is(got, word) != errors.Is(want, word) {
			w.Errorf("%s: error %v, the model's %v", what, got, want)
			return false
		}
	}
	return want == nil
}

func (w *walk) insert() {
	var list []jobs.NewJob
	for range 1 + w.rnd.IntN(3) {
		if len(w.given) > 0 && w.chance(20) {
			again := pick(w, w.given)
			if w.chance(20) {
				again.Payload = json.RawMessage(`{"other":true}`)
			}
			list = append(list, again)
			continue
		}
		in := jobs.NewJob{
			ID: w.newID(), Kind: pick(w, []string{work, work, "other"}), Priority: w.rnd.IntN(3) - 1,
			Recovery: pick(w, []jobs.Recovery{"", jobs.RecoveryAuto, jobs.RecoveryManual}),
			Payload:  json.RawMessage(fmt.Sprintf(`{"n":%d}`, w.rnd.IntN(2))),
		}
		if w.chance(20) {
			in.IdempotencyKey = fmt.Sprint("k", w.rnd.IntN(4))
		}
		if w.chance(40) {
			in.Owner = pick(w, []string{"alice", "bob"})
		}
		if w.chance(25) {
			in.MaxFailures, in.MaxCrashes, in.RetryDelay = w.rnd.IntN(3), w.rnd.IntN(3), time.Duration(w.rnd.IntN(3))*time.Second
		}
		if w.chance(15) {
			in.Instance = pick(w, w.live).id
		}
		list = append(list, in)
		w.given = append(w.given, in)
	}
	w.note("insert %+v", list)
	got, err := w.Store.Insert(w.Context(), list...)
	want, modelErr := w.model.Insert(w.Context(), list...)
	if w.agree("Insert", err, modelErr) && !slices.Equal(ids(got), ids(want)) {
		w.Errorf("Insert returned %v, the model %v", ids(got), ids(want))
	}
	for _, j := range want {
		w.fences = append(w.fences, j.Fence())
	}
	w.adopt()
}

// recover lets an instance recover in both, until both agree: a store may
// look twice before it calls an instance dead.
func (w *walk) recover() { w.recoverBy(pick(w, w.live)) }

func (w *walk) recoverBy(i *instance) {
	w.note("recover by %s", i.id)
	_, err := w.model.Claim(w.Context(), i.params(0))
	w.ok(err)
	if !until(func() bool { i.claim(0); return w.lines(w.Store) == w.lines(w.model) }) {
		w.Errorf("recovered otherwise than the model:\n%s", diff(w.lines(w.model), w.lines(w.Store)))
	}
	w.adopt()
}

// adopt takes over what is the store's own to choose: places in the queue, and
// whether recovery raises the attempt.
func (w *walk) adopt() {
	for id, j := range w.m.jobs {
		now := w.get(id)
		w.m.position = max(w.m.position, now.Position)
		j.Position = now.Position
		if now.Attempt > j.Attempt && (j.Status == jobs.Pending || j.Status == jobs.Interrupted || j.Status == jobs.Failed) {
			j.Attempt = now.Attempt
		}
	}
}

func (w *walk) claim() {
	i := pick(w, w.live)
	w.recoverBy(i) // so that the order of what it puts back is known
	p := i.params(1 + w.rnd.IntN(3))
	p.Suspects = w.rnd.IntN(3)
	p.Kinds = pick(w, [][]string{{work}, {work, "other"}, {"other"}})
	if w.chance(50) {
		p.Limits = map[string]int{work: 1 + w.rnd.IntN(4)}
	}
	w.note("claim by %s: %d of %v, %d suspects, limits %v", i.id, p.Limit, p.Kinds, p.Suspects, p.Limits)
	got, err := i.s.Claim(w.Context(), p)
	w.m.first = ids(got.Jobs) // who of those at the same place is first is the store's to choose
	want, modelErr := w.model.Claim(w.Context(), p)
	if w.agree("Claim", err, modelErr) && !slices.Equal(ids(got.Jobs), ids(want.Jobs)) {
		w.Errorf("claimed %v, the model %v", ids(got.Jobs), ids(want.Jobs))
	}
	for _, j := range got.Jobs {
		w.fences = append(w.fences, j.Fence())
	}
}

func (w *walk) checkpoint() {
	f := w.fence()
	done := len(w.m.steps[f.Job])
	first := max(1, done-1+w.rnd.IntN(4)) // recorded, the next, or a gap
	if w.chance(60) {
		first = done + 1
	}
	steps := pages(first, first+w.rnd.IntN(3))
	if w.chance(10) {
		steps[0].Data = json.RawMessage(`"other bytes"`)
	}
	if w.chance(10) {
		steps = nil
	}
	total := pick(w, []int{0, 0, 1000})
	w.note("checkpoint %v of %d: %v", f, total, steps)
	err := pick(w, w.live).s.Checkpoint(w.Context(), f, total, steps...)
	w.agree("Checkpoint", err, w.model.Checkpoint(w.Context(), f, total, steps...))
}

func (w *walk) finish() {
	var out []jobs.Outcome
	for range 1 + w.rnd.IntN(3) {
		f := w.fence()
		if !slices.ContainsFunc(out, func(o jobs.Outcome) bool { return o.Job == f.Job }) {
			out = append(out, outcome(f, pick(w, []jobs.Status{jobs.Completed, jobs.Failed, jobs.Interrupted, jobs.Pending})))
		}
	}
	w.note("finish %+v", out)
	// Whether a repeat is still known as one after the job went on is the
	// store's own affair; that it writes nothing is not.
	repeat := func(f jobs.Fence) bool {
		return slices.ContainsFunc(out, func(o jobs.Outcome) bool { return o.Fence == f && w.m.ended[f].Status == o.Status })
	}
	var before []jobs.Fence
	for _, o := range out {
		if repeat(o.Fence) {
			before = append(before, o.Fence)
		}
	}
	got, err := pick(w, w.live).s.Finish(w.Context(), out...)
	want, modelErr := w.model.Finish(w.Context(), out...)
	w.agree("Finish", err, modelErr)
	known := func(f jobs.Fence) bool { return slices.Contains(before, f) }
	if got, want = slices.DeleteFunc(got, known), slices.DeleteFunc(want, known); !sameFences(got, want) {
		w.Errorf("Finish lost %v, the model %v", got, want)
	}
	w.adopt()
}

func (w *walk) move() {
	if len(w.m.jobs) == 0 {
		return
	}
	var all []jobs.ID
	for id := range w.m.jobs {
		all = append(all, id)
	}
	slices.SortFunc(all, func(a, b jobs.ID) int { return cmp.Compare(a.String(), b.String()) })
	id, m := pick(w, append(all, w.newID())), pick(w, jobs.Moves())
	w.note("%s %v", m, id)
	got, err := w.Store.Move(w.Context(), id, m, "tester")
	want, modelErr := w.model.Move(w.Context(), id, m, "tester")
	var a, b *jobs.MoveError
	if errors.As(err, &a) != errors.As(modelErr, &b) || a != nil && (a.Status != b.Status || !slices.Equal(a.Allowed, b.Allowed)) {
		w.Errorf("%s: %v, the model: %v", m, err, modelErr)
	}
	if w.agree(string(m), err, modelErr) && (got.Status != want.Status || got.ID != want.ID) {
		w.Errorf("%s returned %+v, the model %+v", m, got, want)
	}
	w.adopt()
}

func (w *walk) renew() {
	i := pick(w, w.live)
	r := jobs.Renewal{Instance: i.id, Held: []jobs.Fence{w.fence(), w.fence(), w.fence()}}
	w.note("renew %+v", r)
	got, err := i.s.Renew(w.Context(), r)
	want, modelErr := w.model.Renew(w.Context(), r)
	if w.agree("Renew", err, modelErr) && !sameFences(got, want) {
		w.Errorf("Renew lost %v, the model %v", got, want)
	}
}

func (w *walk) kill() {
	k := w.rnd.IntN(len(w.live))
	i := w.live[k]
	stopping := w.chance(30)
	w.note("kill %s, stopping %v", i.id, stopping)
	if stopping {
		r := jobs.Renewal{Instance: i.id, Stopping: true}
		_, err := i.s.Renew(w.Context(), r)
		_, modelErr := w.model.Renew(w.Context(), r)
		w.agree("Renew", err, modelErr)
	}
	i.kill()
	w.m.kill(i.id)
	w.live = slices.Delete(w.live, k, k+1)
	w.arrive()
}

// compare compares all that both must agree on; the steps of all jobs only
// now and then.
func (w *walk) compare(steps bool) {
	w.Helper()
	if d := diff(w.lines(w.model), w.lines(w.Store)); d != "" {
		w.Errorf("after %s\nthe model (-) and the store (+):\n%s", w.log[len(w.log)-1], d)
	}
	if !steps {
		return
	}
	for id := range w.m.jobs {
		got, err := w.Store.Steps(w.Context(), id, 0, 1000)
		w.ok(err)
		if want := w.m.steps[id]; !slices.EqualFunc(got, want, func(a, b jobs.Step) bool { return a.Seq == b.Seq && string(a.Data) == string(b.Data) }) {
			w.Errorf("steps of %v: %v, the model's %v", id, got, want)
		}
	}
}

// lines is what a store and the model must agree on, a line a job.
func (w *walk) lines(s jobs.Store) string {
	w.Helper()
	list, err := s.List(w.Context(), jobs.Filter{Limit: 1000})
	w.ok(err)
	events, err := s.Events(w.Context(), jobs.ID{}, 0, 100_000)
	w.ok(err)
	history := map[jobs.ID][]string{}
	for _, ev := range events {
		line := fmt.Sprintf("%s %s>%s", ev.Event, ev.From, ev.To)
		switch {
		case ev.Event == jobs.EventStarted:
			line += fmt.Sprintf(" %s@%d", ev.Instance, ev.Attempt)
		case ev.Event == jobs.EventInterrupted:
			line += " " + string(ev.Cause)
		case ev.Event == jobs.EventResumed:
			line += fmt.Sprintf(" by a person: %v", ev.Cause == jobs.CauseOperator)
		}
		history[ev.JobID] = append(history[ev.JobID], line)
	}
	var lines []string
	for _, j := range list {
		instance := ""
		if j.Status == jobs.Processing {
			instance = j.InstanceID
		}
		attempt := fmt.Sprint(j.Attempt)
		if j.Status == jobs.Pending || j.Status == jobs.Interrupted || j.Status == jobs.Failed {
			attempt = "-" // adopted: see there
		}
		lines = append(lines, fmt.Sprintf("%v %s %s prio %d attempt %s of %q, %d failures, %d crashes, cause %q, error %v %q, steps %d/%d, %s, full %v, key %s/%s, budgets %d %d %d, times %v %v %v %v\n  %s",
			j.ID, j.Kind, j.Status, j.Priority, attempt, instance, j.Failures, j.Crashes, j.Cause, j.Error != "", j.ErrorCode, j.StepsDone, j.StepsTotal,
			j.Recovery, j.Progress == 100, j.Owner, j.IdempotencyKey, j.MaxFailures, j.MaxCrashes, j.RetryDelayMS,
			!j.StartedAt.IsZero(), !j.CompletedAt.IsZero(), !j.FailedAt.IsZero(), !j.InterruptedAt.IsZero(), strings.Join(history[j.ID], ", ")))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func sameFences(a, b []jobs.Fence) bool {
	byText := func(x, y jobs.Fence) int {
		return cmp.Or(cmp.Compare(x.Job.String(), y.Job.String()), cmp.Compare(x.Attempt, y.Attempt))
	}
	return slices.Equal(slices.SortedFunc(slices.Values(a), byText), slices.SortedFunc(slices.Values(b), byText))
}

package postgres

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
)

// queue is a schema of a test's own, with as many stores on it as it asks for.
type queue struct {
	testing.TB
	url, schema string
	*Store
}

func newQueue(tb testing.TB) *queue {
	tb.Helper()
	url, schema := pgtest.Schema(tb)
	q := &queue{TB: tb, url: url, schema: schema}
	q.Store = q.again()
	return q
}

// again opens one more store, as another process would.
func (q *queue) again() *Store {
	q.Helper()
	s, err := Open(q.Context(), Config{URL: few(q.url), DirectURL: q.url, Schema: q.schema})
	if err != nil {
		q.Fatal(err)
	}
	q.TB.Cleanup(func() {
		if err := s.Close(); err != nil {
			q.Error(err)
		}
	})
	return s
}

// join makes an instance that needs no connection of its own.
func (q *queue) join(id string) {
	q.Helper()
	q.exec(`INSERT INTO jobs_schema.job_instances (id, host, pid, version, boot, lease_until, lease_ms, state)
		VALUES ('` + id + `', 'host', 1, 'test', 'boot', now() + interval '1 hour', 3600000, 'live')`)
}

func (q *queue) exec(sql string, args ...any) {
	q.Helper()
	if _, err := q.pool.Exec(context.WithoutCancel(q.Context()), q.SQL(sql), args...); err != nil {
		q.Fatalf("%s: %v", sql, err)
	}
}

func (q *queue) number(sql string, args ...any) (n int) {
	q.Helper()
	if err := q.pool.QueryRow(q.Context(), q.SQL(sql), args...).Scan(&n); err != nil {
		q.Fatalf("%s: %v", sql, err)
	}
	return n
}

func (q *queue) insert(list ...jobs.NewJob) []jobs.Job {
	q.Helper()
	for i := range list {
		list[i].Kind = cmp.Or(list[i].Kind, "work")
	}
	got, err := q.Insert(q.Context(), list...)
	if err != nil {
		q.Fatal(err)
	}
	return got
}

func params(instance string, limit int) jobs.ClaimParams {
	return jobs.ClaimParams{Instance: instance, Kinds: []string{"work"}, Limit: limit, Suspects: limit}
}

func (q *queue) claim(p jobs.ClaimParams) []jobs.Job {
	q.Helper()
	got, err := q.Claim(q.Context(), p)
	if err != nil {
		q.Fatal(err)
	}
	return got.Jobs
}

func (q *queue) finish(list []jobs.Job) {
	q.Helper()
	if lost, err := q.Finish(q.Context(), completed(list)...); err != nil || len(lost) > 0 {
		q.Fatalf("lost %v, %v", lost, err)
	}
}

func completed(list []jobs.Job) []jobs.Outcome {
	out := make([]jobs.Outcome, len(list))
	for i, j := range list {
		out[i] = jobs.Outcome{Fence: j.Fence(), Status: jobs.Completed}
	}
	return out
}

// together runs n calls of f at once and waits for them.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// Jobs with an owner, without one and suspects of several kinds are claimed in
// one order, whatever the size of the claims.
func TestClaimMergesLines(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.join("a")
	var list []jobs.NewJob
	for i := range 60 {
		list = append(list, jobs.NewJob{Kind: fmt.Sprint("k", i%3), Priority: i % 4, Owner: []string{"", "x", "y"}[i/3%3]})
	}
	in := q.insert(list...)
	q.exec(`UPDATE jobs_schema.background_jobs SET crashes = 1 WHERE position % 7 = 0`)
	slices.SortStableFunc(in, inOrder)
	p := params("a", 7)
	p.Kinds = []string{"k0", "k1", "k2"}
	var got []jobs.Job
	for {
		some := q.claim(p)
		if len(some) == 0 {
			break
		}
		got = append(got, some...)
	}
	if len(got) != len(in) {
		t.Fatalf("claimed %d of %d", len(got), len(in))
	}
	if !slices.IsSortedFunc(got, inOrder) {
		t.Error("claimed out of order")
	}
}

func inOrder(x, y jobs.Job) int {
	return cmp.Or(cmp.Compare(y.Priority, x.Priority), cmp.Compare(x.Position, y.Position))
}

// Many claimers on many stores: each job once, and none is left.
func TestClaimRace(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	list := make([]jobs.NewJob, 600)
	for i := range list {
		list[i].Owner = []string{"", "x"}[i%2]
	}
	q.insert(list...)
	stores := []*Store{q.Store, q.again(), q.again(), q.again()}
	var mu sync.Mutex
	times := map[jobs.ID]int{}
	for i := range stores {
		q.join(fmt.Sprint(i))
	}
	together(8, func(i int) {
		s := stores[i%len(stores)]
		for {
			c, err := s.Claim(t.Context(), params(fmt.Sprint(i%len(stores)), 7))
			if err != nil {
				t.Error(err)
				return
			}
			if len(c.Jobs) == 0 {
				return
			}
			mu.Lock()
			for _, j := range c.Jobs {
				times[j.ID]++
			}
			mu.Unlock()
			if lost, err := s.Finish(t.Context(), completed(c.Jobs)...); err != nil || len(lost) > 0 {
				t.Errorf("lost %v, %v", lost, err)
			}
		}
	})
	if len(times) != len(list) {
		t.Errorf("%d jobs claimed of %d", len(times), len(list))
	}
	for id, n := range times {
		if n != 1 {
			t.Errorf("%s claimed %d times", id, n)
		}
	}
	if n := q.number(`SELECT count(*) FROM jobs_schema.background_jobs WHERE status = 'completed' AND attempt = 1`); n != len(list) {
		t.Errorf("%d completed", n)
	}
}

// What an instance may not have, the claim's own statement does not give: the
// state may have changed since the look.
func TestClaimGuardsItself(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]int{"live": 1, "stopping": 0, "stopped": 0, "dead": 0} {
		q := newQueue(t)
		q.join("a")
		q.insert(jobs.NewJob{})
		q.exec(`UPDATE jobs_schema.job_instances SET state = $1`, state)
		_, got, err := q.claimOnce(t.Context(), q.pool, params("a", 5), 5)
		if err != nil || len(got) != want {
			t.Errorf("%s: claimed %d, %v, want %d", state, len(got), err, want)
		}
	}
}

// A claim that finds work takes no look beyond the queue within a second, one in
// vain takes one each quarter of a second, and says when to ask again.
func TestClaimLooksRarely(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.join("a")
	q.insert(make([]jobs.NewJob, 4)...)
	q.claim(params("a", 1)) // the first: looks
	q.lookEvery = time.Hour
	q.insert(jobs.NewJob{Kind: "other"})
	c, err := q.Claim(t.Context(), params("a", 9))
	if err != nil || len(c.Jobs) != 3 || c.UnknownKinds != nil || c.NextDue <= 0 || c.NextDue > time.Hour {
		t.Errorf("%d jobs, kinds %v, next %v, %v", len(c.Jobs), c.UnknownKinds, c.NextDue, err)
	}
	q.lookEvery = 0
	if c, err = q.Claim(t.Context(), params("a", 9)); err != nil || len(c.UnknownKinds) != 1 || c.NextDue != 0 {
		t.Errorf("kinds %v, next %v, %v", c.UnknownKinds, c.NextDue, err)
	}
}

// A death is acted on by the very next claim, looks or not.
func TestClaimMeetsTheDead(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.join("victim")
	q.join("a")
	q.insert(make([]jobs.NewJob, 3)...)
	q.claim(params("victim", 3))
	q.claim(params("a", 1))
	q.lookEvery = time.Hour
	q.exec(`UPDATE jobs_schema.job_instances SET state = 'dead', death = 'lease ran out' WHERE id = 'victim'`)
	c, err := q.Claim(t.Context(), params("a", 1))
	if err != nil || len(c.Recovered) != 3 {
		t.Fatalf("recovered %v, %v", c.Recovered, err)
	}
	for _, e := range c.Recovered {
		if e.Cause != jobs.CauseLeaseLost || e.Detail != "lease ran out" || e.Instance != "victim" {
			t.Errorf("recovered as %+v", e)
		}
	}
	if n := q.number(`SELECT count(*) FROM jobs_schema.job_instances WHERE recovered_at IS NOT NULL`); n != 1 {
		t.Errorf("%d noted as recovered", n)
	}
}

// What was claimed is told, also where what comes behind it fails.
func TestClaimTellsWhatItDid(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.join("victim")
	q.join("a")
	q.insert(make([]jobs.NewJob, 2)...)
	q.claim(params("victim", 1))
	q.claim(params("a", 0))
	q.lookEvery = time.Hour
	q.exec(`UPDATE jobs_schema.job_instances SET state = 'dead' WHERE id = 'victim'`)
	q.exec(`ALTER TABLE jobs_schema.job_events ADD CONSTRAINT none_is_interrupted CHECK (event <> 'interrupted')`)
	if c, err := q.Claim(t.Context(), params("a", 1)); err != nil || len(c.Jobs) != 1 {
		t.Errorf("claimed %v, %v", c.Jobs, err)
	}
	if c, err := q.Claim(t.Context(), params("a", 1)); err == nil {
		t.Errorf("claimed %v where nothing waits and a recovery fails", c.Jobs)
	}
}

// Two who recover at once: each job once, and nobody waits.
func TestRecoverOnce(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.join("victim")
	q.insert(make([]jobs.NewJob, 300)...)
	q.claim(params("victim", 300))
	stores := []*Store{q.Store, q.again(), q.again(), q.again()}
	for i := range stores {
		q.join(fmt.Sprint(i))
	}
	q.exec(`UPDATE jobs_schema.job_instances SET state = 'dead', death = 'lock' WHERE id = 'victim'`)
	told := make([]int, len(stores))
	together(len(stores), func(i int) {
		for range 3 {
			c, err := stores[i].Claim(t.Context(), params(fmt.Sprint(i), 0))
			if err != nil {
				t.Error(err)
			}
			told[i] += len(c.Recovered)
		}
	})
	sum := 0
	for _, n := range told {
		sum += n
	}
	if sum != 300 {
		t.Errorf("told of %d recoveries: %v", sum, told)
	}
	if n := q.number(`SELECT count(*) FROM jobs_schema.background_jobs WHERE status = 'pending' AND crashes = 1 AND position IS NOT NULL`); n != 300 {
		t.Errorf("%d pending with a crash", n)
	}
	if n := q.number(`SELECT count(*) FROM jobs_schema.job_events WHERE event = 'resumed'`); n != 300 {
		t.Errorf("%d resumed", n)
	}
}

// Whom a death is charged to.
func TestDeath(t *testing.T) {
	t.Parallel()
	held := jobs.Job{InstanceID: "i"}
	for _, c := range []struct {
		name   string
		corpse corpse
		job    jobs.Job
		cause  jobs.Cause
		charge int
	}{
		{"lock", corpse{known: true, state: "dead", proof: "lock free"}, held, jobs.CauseCrash, 1},
		{"lease", corpse{known: true, state: "dead", proof: "lease ran out"}, held, jobs.CauseLeaseLost, 1},
		{"stopping", corpse{known: true, state: "stopped", proof: "lock free"}, held, jobs.CauseShutdown, 0},
		{"reboot", corpse{known: true, state: "dead", proof: "lock free", rebooted: true}, held, jobs.CauseCrash, 0},
		{"unknown", corpse{}, held, jobs.CauseCrash, 0},
		{"by hand", corpse{}, jobs.Job{}, jobs.CauseCrash, 0},
	} {
		if d := c.corpse.death(c.job); d.cause != c.cause || d.charge != c.charge || d.detail == "" {
			t.Errorf("%s: %+v", c.name, d)
		}
	}
}

// A restart of another machine is no reboot of this one.
func TestRebootIsOfTheSameHost(t *testing.T) {
	t.Parallel()
	for host, crashes := range map[string]int{"host": 0, "other": 1} {
		q := newQueue(t)
		q.join("victim")
		q.insert(jobs.NewJob{})
		q.claim(params("victim", 1))
		q.join("a")
		q.exec(`UPDATE jobs_schema.job_instances SET boot = 'later', host = $1 WHERE id = 'a'`, host)
		q.exec(`UPDATE jobs_schema.job_instances SET state = 'dead', death = 'lock' WHERE id = 'victim'`)
		q.claim(params("a", 0))
		if n := q.number(`SELECT crashes FROM jobs_schema.background_jobs WHERE status = 'pending'`); n != crashes {
			t.Errorf("%s: %d crashes, want %d", host, n, crashes)
		}
	}
}

// At most N of a kind at once, however many stores claim.
func TestLimits(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	list := make([]jobs.NewJob, 0, 160)
	for i := range 80 {
		list = append(list, jobs.NewJob{Owner: []string{"", "x"}[i%2]}, jobs.NewJob{Kind: "free"})
	}
	q.insert(list...)
	stores := []*Store{q.Store, q.again(), q.again(), q.again()}
	for i := range stores {
		q.join(fmt.Sprint(i))
	}
	most := 0
	var mu sync.Mutex
	together(len(stores), func(i int) {
		s, id := stores[i], fmt.Sprint(i)
		p := params(id, 4)
		p.Kinds, p.Limits = []string{"work", "free"}, map[string]int{"work": 3}
		for {
			c, err := s.Claim(t.Context(), p)
			if err != nil {
				t.Error(err)
				return
			}
			var n, left int
			err = s.pool.QueryRow(t.Context(), s.SQL(`SELECT count(*) FILTER (WHERE status = 'processing' AND kind = 'work'),
				count(*) FILTER (WHERE status <> 'completed') FROM jobs_schema.background_jobs`)).Scan(&n, &left)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			most = max(most, n)
			mu.Unlock()
			if left == 0 {
				return
			}
			if _, err := s.Finish(t.Context(), completed(c.Jobs)...); err != nil {
				t.Error(err)
				return
			}
		}
	})
	if most != 3 {
		t.Errorf("%d of the kind ran at once, want 3", most)
	}
}

// An owner with very many jobs delays another's first by no more than a turn.
func TestOwnersTakeTurns(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.join("a")
	q.insert(slices.Repeat([]jobs.NewJob{{Owner: "bulk"}}, 2000)...)
	q.claim(params("a", 100))
	q.insert(slices.Repeat([]jobs.NewJob{{Owner: "small"}}, 3)...)
	q.insert(slices.Repeat([]jobs.NewJob{{}}, 3)...)
	got := q.claim(params("a", 12))
	count := map[string]int{}
	for i, j := range got {
		count[j.Owner]++
		if most := i/3 + 2; i < 9 && count[j.Owner] > most {
			t.Errorf("after %d jobs %d are of %q", i+1, count[j.Owner], j.Owner)
		}
	}
	if count["small"] != 3 || count[""] != 3 {
		t.Errorf("claimed %v of 12", count)
	}
	if n := q.number(`SELECT count(*) FROM jobs_schema.background_jobs WHERE position > (SELECT last_value FROM jobs_schema.job_positions)`); n != 0 {
		t.Errorf("%d places are beyond the next number", n)
	}
	next := q.insert(jobs.NewJob{Owner: "bulk"})[0]
	if n := q.number(`SELECT count(*) FROM jobs_schema.background_jobs WHERE owner = 'bulk' AND position >= $1 AND id <> $2`, next.Position, next.ID.String()); n != 0 {
		t.Errorf("%d of its owner stand behind the newest", n)
	}
}

// Who is alone waits in the order of arrival, also of jobs inserted by many.
func TestAloneInOrder(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.join("a")
	for _, owner := range []string{"", "x"} {
		var want []jobs.ID
		for range 20 {
			want = append(want, q.insert(jobs.NewJob{Owner: owner})[0].ID)
		}
		for i, j := range q.claim(params("a", 20)) {
			if !bytes.Equal(j.ID[:], want[i][:]) {
				t.Errorf("owner %q: number %d is another", owner, i)
			}
		}
	}
}

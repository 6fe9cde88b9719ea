package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// bulk is n jobs of an owner.
func bulk(owner string, n int) []jobs.NewJob {
	return slices.Repeat([]jobs.NewJob{{Owner: owner}}, n)
}

// oneByOne claims n jobs, each by a claim of its own.
func (i *instance) oneByOne(n int) []jobs.Job {
	i.Helper()
	var got []jobs.Job
	for range n {
		got = append(got, i.claim(1)...)
	}
	if len(got) != n {
		i.Fatalf("claimed %d of %d", len(got), n)
	}
	return got
}

// holds checks that a claim took these jobs, whatever else.
func (e *env) holds(got []jobs.Job, want ...jobs.Job) {
	e.Helper()
	for _, j := range want {
		if !slices.Contains(ids(got), j.ID) {
			e.Errorf("claimed %v, want the job %v of %q among them", ids(got), j.ID, j.Owner)
		}
	}
}

// turnsOf checks that of each run of len(owners) jobs every owner has one.
func (e *env) turnsOf(got []jobs.Job, owners ...string) {
	e.Helper()
	slices.Sort(owners)
	for run := range slices.Chunk(got, len(owners)) {
		var have []string
		for _, j := range run {
			have = append(have, j.Owner)
		}
		slices.Sort(have)
		if !slices.Equal(have, owners) {
			e.Errorf("claimed jobs of %q in a run, want one of each of %q", have, owners)
		}
	}
}

// inOrder checks that the jobs of each owner come in the order of their
// insertion.
func (e *env) inOrder(got, inserted []jobs.Job) {
	e.Helper()
	last := map[string]int{}
	for _, j := range got {
		at := slices.Index(ids(inserted), j.ID)
		if at < last[j.Owner] {
			e.Errorf("job %d of %q after job %d", at, j.Owner, last[j.Owner])
		}
		last[j.Owner] = at
	}
}

var turnTests = []test{
	{"owners take turns: 200 jobs of one do not hold up the one job of another, nor one that has no owner", func(e *env) {
		first := e.insertAll(bulk("alice", 200)...)[0]
		bob, free := e.insert(jobs.NewJob{Owner: "bob"}), e.insert(jobs.NewJob{})
		e.holds(e.join("a").claim(3), first, bob, free)
	}},
	{"200 jobs without an owner do not hold up the one job of an owner", func(e *env) {
		first := e.insertAll(bulk("", 200)...)[0]
		bob := e.insert(jobs.NewJob{Owner: "bob"})
		e.holds(e.join("a").claim(2), first, bob)
	}},
	{"who comes while another's bulk is under way is next", func(e *env) {
		e.insertAll(bulk("alice", 100)...)
		a := e.join("a")
		a.claim(50)
		bob, free := e.insert(jobs.NewJob{Owner: "bob"}), e.insert(jobs.NewJob{})
		e.holds(a.claim(3), bob, free)
	}},
	{"the nth job of one owner is claimed beside the nth of the others, each owner's in the order of arrival", func(e *env) {
		all := e.insertAll(bulk("alice", 10)...)
		for range 5 {
			all = append(all, e.insert(jobs.NewJob{Owner: "bob"}), e.insert(jobs.NewJob{}))
		}
		got := e.join("a").oneByOne(20)
		e.turnsOf(got[:15], "alice", "bob", "")
		e.turnsOf(got[15:], "alice")
		e.inOrder(got, all)
	}},
	{"owners take turns within one batch too", func(e *env) {
		all := e.insertAll(slices.Concat(bulk("alice", 30), bulk("bob", 5), bulk("", 5))...)
		got := e.join("a").claim(40)
		e.turnsOf(got[:15], "alice", "bob", "")
		e.turnsOf(got[15:], "alice")
		e.inOrder(got, all)
	}},
	{"an owner who is alone waits in the order of arrival", func(e *env) {
		a := e.join("a")
		var all, got []jobs.Job
		for range 10 {
			all = append(all, e.insertAll(bulk("alice", 3)...)...)
			got = append(got, a.claim(2)...)
		}
		got = append(got, a.claim(10)...)
		if !slices.Equal(ids(got), ids(all)) {
			e.Errorf("claimed %v\nwant    %v", ids(got), ids(all))
		}
	}},
	{"one who always has a job waiting does not hold up another's", func(e *env) {
		e.insertAll(bulk("alice", 20)...)
		a := e.join("a")
		count := map[string]int{}
		e.insert(jobs.NewJob{Owner: "bob"})
		for range 30 {
			got := a.oneByOne(1)[0]
			if count[got.Owner]++; got.Owner == "bob" {
				e.insert(jobs.NewJob{Owner: "bob"})
			}
		}
		if count["alice"] < 14 || count["bob"] < 14 {
			e.Errorf("claimed %v, want about as many of each", count)
		}
	}},
	{"a job that comes back takes its owner's turn: after a failure, a shutdown, by resume and by restart", func(e *env) {
		bob := e.insert(jobs.NewJob{Owner: "bob"})
		held := e.join("a").claimOne(bob.ID)
		e.insertAll(bulk("alice", 50)...)
		for k, back := range []func(){
			func() { e.finish(outcome(held.Fence(), jobs.Pending)) },
			func() { e.finish(outcome(held.Fence(), jobs.Interrupted)) },
			func() { e.move(bob.ID, jobs.Cancel); e.move(bob.ID, jobs.Resume) },
			func() { e.finish(outcome(held.Fence(), jobs.Failed)); e.move(bob.ID, jobs.Restart) },
		} {
			back()
			got := e.join(fmt.Sprint("next", k)).claim(2) // what an instance gave up is left to others
			e.holds(got, bob)
			for _, j := range got {
				if j.ID == bob.ID {
					held = j
				}
			}
		}
	}},
	{"a job that comes due takes its owner's turn", func(e *env) {
		now := e.insertAll(bulk("alice", 50)...)[0].CreatedAt
		bob := e.insert(jobs.NewJob{Owner: "bob", RunAt: now.Add(100 * time.Millisecond)})
		e.pass(150 * time.Millisecond)
		e.holds(e.join("a").claim(2), bob)
	}},
	{"a job that comes back waits behind its owner's others", func(e *env) {
		e.insertAll(bulk("bob", 50)...)
		all := e.insertAll(bulk("alice", 3)...)
		a := e.join("a")
		held := a.claim(1, only(all[0].ID))[0]
		e.finish(outcome(held.Fence(), jobs.Pending))
		var order []jobs.ID
		for _, j := range a.oneByOne(8) {
			if j.Owner == "alice" {
				order = append(order, j.ID)
			}
		}
		if want := []jobs.ID{all[1].ID, all[2].ID, all[0].ID}; !slices.Equal(order, want) {
			e.Errorf("claimed %v, want %v", order, want)
		}
	}},
	{"priority is before turns", func(e *env) {
		e.insertAll(bulk("alice", 5)...)
		e.insert(jobs.NewJob{Owner: "bob"})
		urgent := e.insertAll(slices.Repeat([]jobs.NewJob{{Owner: "alice", Priority: 5}}, 3)...)
		if got := e.join("a").claim(3); !slices.Equal(ids(got), ids(urgent)) {
			e.Errorf("claimed %v, want %v", ids(got), ids(urgent))
		}
	}},
	{"Ahead agrees with the order in which owners' jobs are claimed", func(e *env) {
		all := e.insertAll(slices.Concat(bulk("alice", 8), bulk("", 3))...)
		all = append(all, e.insertAll(bulk("bob", 5)...)...)
		ahead := map[jobs.ID]int{}
		for _, j := range all {
			ahead[j.ID] = e.ahead(j.ID)
		}
		for k, j := range e.join("a").oneByOne(len(all)) {
			// Of those at the same place a store may not know the order.
			if n := ahead[j.ID]; n > k || k-n >= 3 {
				e.Errorf("claimed as number %d with %d ahead", k, n)
			}
		}
	}},
}

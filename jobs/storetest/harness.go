package storetest

import (
	"io"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

// Handle is a Store as one process holds it: with its own connections, until
// it is closed. Closing it twice is harmless.
type Handle interface {
	jobs.Store
	io.Closer
}

// Harness is a fresh, empty database and what people, processes and machines
// do to it besides calling its Store. Every function is required
// but Settle.
//
// The database carries a trigger, made from jobs.Transitions by the wiring,
// that raises on any other change of a status: then no test can pass by an
// illegal move that is undone before anyone looks.
type Harness struct {
	// Store is open. The wiring closes it when the test ends; a test may have
	// closed it before.
	Store Handle

	// Embedded says that the store is of the kind that ClaimParams.Starting
	// speaks of. Otherwise Starting must leave pending jobs alone.
	Embedded bool

	// Again opens another handle on the same data that shares no connection,
	// cache or lock with the first, as another process would: what is seen
	// through one was durable in the other.
	Again func(tb testing.TB) Handle

	// Kill makes a joined instance die as kill -9 does: its proof of life is
	// gone (a lock dropped, a socket closed), nothing is written. Closing
	// politely might write, so it would prove less. The closer is not used
	// afterwards.
	Kill func(tb testing.TB, joined io.Closer)

	// Row inserts a row of background_jobs as a person does who knows only
	// the guide: no column but those of Row is named. Such rows are a promise
	// of the guide.
	Row func(tb testing.TB, r Row)

	// Set changes the status of a job by hand. It proves that the trigger
	// stands: without it the suite would not notice illegal moves.
	Set func(id jobs.ID, to jobs.Status) error

	// Document makes a row of documents, or changes the one there is, with
	// its content job (zero: none): Cleanup must spare what it names.
	Document func(tb testing.TB, id, content jobs.ID)

	// Drain tells an instance to claim nothing more, as pause-for-deploy
	// does, which is not a method of a Store.
	Drain func(tb testing.TB, instance string)

	// Settle lets a database that is left alone become what it becomes in time:
	// vacuumed, its statistics known. Nil where there is nothing like it.
	Settle func(tb testing.TB)

	// Finished inserts n completed jobs the fastest way there is, for
	// benchmarks whose question is what a long history costs. Nothing claims
	// them, so they need no events.
	Finished func(tb testing.TB, n int)
}

// Row is a row by hand: columns of the guide, no others. A zero DocumentID is
// NULL, an empty Error is NULL.
type Row struct {
	ID         jobs.ID
	DocumentID jobs.ID
	Filename   string
	Status     jobs.Status
	Progress   int
	Error      string
}

// test is one sentence of the contract.
type test struct {
	name string // the sentence
	run  func(e *env)
}

// Run tests a store against the contract of jobs.Store. open returns a fresh
// and empty database each time it is called; it is called once for each
// sentence, from parallel tests.
func Run(t *testing.T, open func(tb testing.TB) Harness) {
	t.Helper()
	groups := []struct {
		name  string
		tests []test
	}{
		{"Harness", harnessTests},
		{"Insert", insertTests},
		{"Claim", claimTests},
		{"Turn", turnTests},
		{"Limit", limitTests},
		{"Budget", budgetTests},
		{"Fence", fenceTests()},
		{"Checkpoint", checkpointTests},
		{"Finish", finishTests},
		{"Repeat", repeatTests},
		{"Move", moveTests},
		{"Renew", renewTests},
		{"Recover", recoverTests},
		{"Start", startTests},
		{"Hand", handTests},
		{"Race", raceTests},
		{"Whole", wholeTests},
		{"List", listTests},
		{"Read", readTests},
		{"Cleanup", cleanupTests},
		{"Console", consoleTests},
		{"Watch", watchTests},
		{"Error", errorTests},
		{"Random", randomTests},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range g.tests {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.run(newEnv(t, open))
				})
			}
		})
	}
}

var harnessTests = []test{
	{"the trigger refuses every change of a status that is not in the table", func(e *env) {
		legal := map[[2]jobs.Status]bool{}
		for _, m := range jobs.Transitions() {
			legal[[2]jobs.Status{m.From, m.To}] = true
		}
		for _, from := range jobs.Statuses() {
			for _, to := range jobs.Statuses() {
				if from == to || legal[[2]jobs.Status{from, to}] {
					continue
				}
				j := e.inStatus(from)
				if err := e.Set(j.ID, to); err == nil {
					e.Errorf("%s -> %s by hand: no error: the wiring has to install the trigger", from, to)
				}
				if now := e.get(j.ID); now.Status != from {
					e.Errorf("%s -> %s by hand: refused, and yet the job is %s", from, to, now.Status)
				}
			}
		}
	}},
	{"another handle sees what the first wrote", func(e *env) {
		j := e.insert(jobs.NewJob{})
		if got := e.getFrom(e.Again(e), j.ID); got.ID != j.ID {
			e.Errorf("got %v, want %v", got.ID, j.ID)
		}
	}},
}

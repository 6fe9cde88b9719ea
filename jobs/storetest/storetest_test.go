package storetest

import (
	"io"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// The suite is tested on the model: if the two disagree, one of them is wrong
// about the contract.

func TestModel(t *testing.T) {
	t.Parallel()
	Run(t, openModel)
}

func openModel(testing.TB) Harness {
	m := newModel()
	legal := map[[2]jobs.Status]bool{}
	for _, t := range jobs.Transitions() {
		legal[[2]jobs.Status{t.From, t.To}] = true
	}
	locked := func(f func()) { m.mu.Lock(); defer m.mu.Unlock(); f() }
	return Harness{
		Store:    &modelStore{m: m},
		Embedded: true,
		Again:    func(testing.TB) Handle { return &modelStore{m: m} },
		Kill:     func(_ testing.TB, joined io.Closer) { _ = joined.Close() },
		Row: func(_ testing.TB, r Row) {
			now := m.now()
			locked(func() {
				m.jobs[r.ID] = &jobs.Job{
					ID: r.ID, DocumentID: r.DocumentID, Filename: r.Filename, Status: r.Status, Progress: r.Progress, Error: r.Error,
					CreatedAt: now, UpdatedAt: now, RunAt: now, Kind: "pdf", Payload: either(nil), Metadata: either(nil),
				}
			})
		},
		Set: func(id jobs.ID, to jobs.Status) (err error) {
			locked(func() {
				if j := m.jobs[id]; legal[[2]jobs.Status{j.Status, to}] {
					j.Status = to
				} else {
					err = errModel
				}
			})
			return err
		},
		Document: func(_ testing.TB, id, content jobs.ID) { locked(func() { m.documents[id] = content }) },
		Drain:    func(_ testing.TB, instance string) { locked(func() { m.instances[instance].draining = true }) },
		Finished: func(_ testing.TB, n int) {
			locked(func() {
				for range n {
					j := &jobs.Job{ID: jobs.NewID(), Status: jobs.Completed, CompletedAt: time.Now(), Kind: work, Progress: 100}
					m.jobs[j.ID] = j
				}
			})
		},
	}
}

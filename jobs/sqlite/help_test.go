package sqlite

import (
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// join makes an instance that leaves with the test.
func join(tb testing.TB, s *Store, id string) {
	tb.Helper()
	m, err := s.Join(tb.Context(), jobs.Instance{ID: id, Host: "host", PID: 1, Version: "test", Boot: "boot", Lease: time.Minute})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := m.Close(); err != nil {
			tb.Error(err)
		}
	})
}

func claimParams(instance string, limit int) jobs.ClaimParams {
	return jobs.ClaimParams{Instance: instance, Kinds: []string{"work"}, Limit: limit, Suspects: 1}
}

func insertOne(tb testing.TB, s *Store, n jobs.NewJob) jobs.Job {
	tb.Helper()
	got, err := s.Insert(tb.Context(), n)
	if err != nil {
		tb.Fatal(err)
	}
	return got[0]
}

func insertMany(tb testing.TB, s *Store, n int) {
	tb.Helper()
	for n > 0 {
		list := make([]jobs.NewJob, min(n, 1000))
		for i := range list {
			list[i] = jobs.NewJob{Kind: "work", Filename: "document.pdf"}
		}
		if _, err := s.Insert(tb.Context(), list...); err != nil {
			tb.Fatal(err)
		}
		n -= len(list)
	}
}

func get(tb testing.TB, s *Store, id jobs.ID) jobs.Job {
	tb.Helper()
	j, err := jobs.Get(tb.Context(), s, id)
	if err != nil {
		tb.Fatal(err)
	}
	return j
}

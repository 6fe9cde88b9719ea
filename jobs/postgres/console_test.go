package postgres

import (
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// An instance that ended is remembered for a day, whatever is cleaned up, and
// not for longer than what is asked to be kept.
func TestEndedInstancesAreRememberedForADay(t *testing.T) {
	t.Parallel()
	s, schema := fresh(t)
	join(t, s, "alive")
	for _, id := range []string{"young", "old"} {
		c, err := s.Join(t.Context(), jobs.Instance{ID: id, Lease: time.Hour})
		if err == nil {
			err = c.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := person(t, schema).Exec(t.Context(), `UPDATE job_instances SET seen_at = now() - interval '25 hours' WHERE id = 'old'`); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		before time.Time
		want   int
	}{{time.Now().Add(-48 * time.Hour), 3}, {time.Now().Add(time.Hour), 2}} {
		if _, err := s.Cleanup(t.Context(), c.before, 10); err != nil {
			t.Fatal(err)
		}
		if left, err := s.InstancesByID(t.Context(), "young", "old", "alive"); err != nil || len(left) != c.want {
			t.Errorf("%d instances left, %v; want %d", len(left), err, c.want)
		}
	}
}

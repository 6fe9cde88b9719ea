package postgres

import (
	"slices"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

func TestWatermarks(t *testing.T) {
	t.Parallel()
	var w watermarks
	now := time.Now()
	kinds := []string{"work"}
	got := []jobs.Job{{Kind: "work", Position: 9000}, {Kind: "work", Priority: 5, Position: 8000}, {Kind: "other", Position: 7000}}
	w.learn(got, true, now.Add(-time.Millisecond), now)
	if w.floors(kinds, now) != nil {
		t.Error("behind the front after a quick claim")
	}
	w.learn(nil, true, now.Add(-time.Second), now)
	f := w.floors(kinds, now)
	if f == nil {
		t.Fatal("at the front after a slow claim")
	}
	slices.Sort(f.positions)
	if !slices.Equal(f.positions, []int64{3000, 4000}) || len(f.kinds) != 2 || slices.Contains(f.kinds, "other") {
		t.Errorf("begins at %+v", f)
	}
	w.learn(got[:1], false, now.Add(-time.Second), now.Add(time.Second)) // tells nothing of the front
	if w.floors(kinds, now.Add(marksHold)) != nil {
		t.Error("still behind the front after a second")
	}
	if w.floors([]string{"third"}, now) != nil {
		t.Error("a kind of which nothing is known does not begin at the front")
	}
	w.learn([]jobs.Job{{Kind: "few", Position: behindMark}}, true, now.Add(-time.Second), now)
	if w.floors([]string{"few"}, now) != nil {
		t.Error("behind the front where nothing can be in the way")
	}
}

// Claims that begin behind the front take the same jobs in the same order, and
// find what stands before it when nothing else is left.
func TestClaimBehindTheFront(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.join("a")
	q.exec(`SELECT setval('jobs_schema.job_positions', 20000)`)
	in := q.insert(slices.Repeat([]jobs.NewJob{{}, {Priority: 3}, {Owner: "x"}}, 10)...)
	late := q.insert(jobs.NewJob{}, jobs.NewJob{Priority: 9})
	q.exec(`UPDATE jobs_schema.background_jobs SET position = 7 WHERE id = $1`, late[0].ID.String())
	slices.SortStableFunc(in, inOrder)
	q.claimed.marks = map[mark]int64{{"work", 0}: 20000, {"work", 3}: 20000}
	q.claimed.until = time.Now().Add(time.Hour)
	var got []jobs.ID
	for {
		some := q.claim(params("a", 4))
		if len(some) == 0 {
			break
		}
		got = append(got, idsOf(some)...)
	}
	slices.SortStableFunc(in, inOrder)
	if len(got) != 32 {
		t.Fatalf("claimed %d of 32", len(got))
	}
	for i, id := range got[:30] {
		if at := slices.Index(idsOf(in), id); at < 0 || in[at].Priority != in[i].Priority || in[at].Position != in[i].Position {
			t.Fatalf("claimed out of order at %d", i)
		}
	}
	if got[30] != late[1].ID || got[31] != late[0].ID {
		t.Errorf("the last are %v, want %v", got[30:], idsOf(late))
	}
}

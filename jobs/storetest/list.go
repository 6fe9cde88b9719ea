package storetest

import (
	"cmp"
	"slices"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// list returns the ids that a filter selects.
func (e *env) list(f jobs.Filter) []jobs.ID {
	e.Helper()
	got, err := e.Store.List(e.Context(), f)
	e.ok(err)
	return ids(got)
}

// selects checks what a filter selects, in whatever order.
func (e *env) selects(what string, f jobs.Filter, want ...jobs.ID) {
	e.Helper()
	got := e.list(f)
	byText := func(a, b jobs.ID) int { return cmp.Compare(a.String(), b.String()) }
	slices.SortFunc(got, byText)
	want = slices.SortedFunc(slices.Values(want), byText)
	if !slices.Equal(got, want) {
		e.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// inOrder says whether b may stand behind a.
func inOrder(o jobs.Order, a, b jobs.Job) bool {
	x, y := a.CreatedAt, b.CreatedAt
	if o == jobs.UpdatedFirst || o == jobs.UpdatedLast {
		x, y = a.UpdatedAt, b.UpdatedAt
	}
	if o == jobs.NewestFirst || o == jobs.UpdatedFirst {
		x, y = y, x
	}
	return a.ID != b.ID && !y.Before(x)
}

var listTests = []test{
	{"zero fields select everything; each field narrows, and all of them hold together", func(e *env) {
		doc := jobs.NewID()
		e.Document(e, doc, jobs.ID{})
		l := ids(e.insertAll(
			jobs.NewJob{Kind: "x", Owner: "alice", IdempotencyKey: "k"},
			jobs.NewJob{Kind: "x", Owner: "bob", IdempotencyKey: "k"},
			jobs.NewJob{Kind: "y", Owner: "alice", DocumentID: doc},
			jobs.NewJob{Kind: "y"},
		))
		e.move(l[3], jobs.Cancel)
		e.selects("everything", jobs.Filter{}, l...)
		e.selects("kind", jobs.Filter{Kind: "x"}, l[0], l[1])
		e.selects("owner", jobs.Filter{Owner: "alice"}, l[0], l[2])
		e.selects("key", jobs.Filter{Key: "k"}, l[0], l[1])
		e.selects("key and owner", jobs.Filter{Key: "k", Owner: "bob"}, l[1])
		e.selects("document", jobs.Filter{DocumentID: doc}, l[2])
		e.selects("status", jobs.Filter{Status: jobs.Interrupted}, l[3])
		e.selects("status and kind", jobs.Filter{Status: jobs.Pending, Kind: "y"}, l[2])
		e.selects("ids", jobs.Filter{IDs: []jobs.ID{l[0], l[3], jobs.NewID()}}, l[0], l[3])
		e.selects("ids and kind", jobs.Filter{IDs: []jobs.ID{l[0], l[3]}, Kind: "y"}, l[3])
		e.selects("an id that is not there", jobs.Filter{IDs: []jobs.ID{jobs.NewID()}})
		e.selects("a kind that is not there", jobs.Filter{Kind: "z"})
		e.selects("no wildcards", jobs.Filter{Kind: "%"})
	}},
	{"IDPrefix is of the text form, dashes and all, and nothing in it is a wildcard", func(e *env) {
		var l []jobs.ID
		for k := range 5 {
			id := jobs.NewID()
			copy(id[:], []byte{0xab, 0xcd, 0xef, 0x01, byte(0x10 * k), 0x22})
			l = append(l, id)
			e.insert(jobs.NewJob{ID: id})
		}
		other := e.insert(jobs.NewJob{}).ID
		e.selects("a byte and a half", jobs.Filter{IDPrefix: "abc"}, l...)
		e.selects("up to the dash", jobs.Filter{IDPrefix: "abcdef01-"}, l...)
		e.selects("beyond the dash", jobs.Filter{IDPrefix: "abcdef01-2"}, l[2])
		e.selects("the whole id", jobs.Filter{IDPrefix: l[3].String()}, l[3])
		e.selects("more than an id", jobs.Filter{IDPrefix: l[3].String() + "0"})
		e.selects("another", jobs.Filter{IDPrefix: other.String()[:18], Kind: work}, other)
		for _, odd := range []string{"%", "_bcdef01", "abc*", "ab[c]", "xyz", "'"} {
			e.selects(odd, jobs.Filter{IDPrefix: odd})
		}
	}},
	{"each order is that of its name, the id breaking ties, newest first if none is named", func(e *env) {
		var l []jobs.Job
		for range 4 {
			l = append(l, e.insertAll(make([]jobs.NewJob, 3)...)...)
			e.pass(3 * time.Millisecond)
		}
		for _, k := range []int{5, 1, 9} {
			e.move(l[k].ID, jobs.Cancel)
			e.pass(3 * time.Millisecond)
		}
		for _, o := range jobs.Orders() {
			got, err := e.Store.List(e.Context(), jobs.Filter{Order: o})
			e.ok(err)
			if len(got) != len(l) {
				e.Fatalf("%s: %d jobs, want %d", o, len(got), len(l))
			}
			for k := range got[1:] {
				if !inOrder(o, got[k], got[k+1]) {
					e.Errorf("%s: place %d holds %v %v, before it %v %v", o, k+1, got[k+1].CreatedAt, got[k+1].UpdatedAt, got[k].CreatedAt, got[k].UpdatedAt)
				}
			}
			again := e.list(jobs.Filter{Order: o})
			if !slices.Equal(again, ids(got)) {
				e.Errorf("%s: a second look is in another order", o)
			}
		}
		if !slices.Equal(e.list(jobs.Filter{}), e.list(jobs.Filter{Order: jobs.NewestFirst})) {
			e.Error("no order is not newest first")
		}
		if got := e.list(jobs.Filter{Order: jobs.UpdatedFirst}); got[0] != l[9].ID || got[1] != l[1].ID || got[2] != l[5].ID {
			e.Errorf("last updated: %v", got[:3])
		}
	}},
	{"an order that is none is an error", func(e *env) {
		if _, err := e.Store.List(e.Context(), jobs.Filter{Order: "id; DROP TABLE background_jobs"}); err == nil {
			e.Error("no error")
		}
	}},
	{"After pages through many jobs of the same time without gap or repeat, in every order", func(e *env) {
		all := e.insertAll(make([]jobs.NewJob, 250)...)
		for _, o := range jobs.Orders() {
			for _, size := range []int{7, 100} {
				whole := e.list(jobs.Filter{Order: o, Limit: 1000})
				var paged []jobs.ID
				f := jobs.Filter{Order: o, Limit: size}
				for range 250/size + 2 {
					got, err := e.Store.List(e.Context(), f)
					e.ok(err)
					if len(got) == 0 {
						break
					}
					paged = append(paged, ids(got)...)
					f.After = &got[len(got)-1]
				}
				if len(paged) != len(all) || !slices.Equal(paged, whole) {
					e.Errorf("%s by %d: %d jobs paged, %d listed, not the same", o, size, len(paged), len(whole))
				}
			}
		}
	}},
	{"paging goes on behind a job although others are inserted before it or it is gone", func(e *env) {
		e.insertAll(make([]jobs.NewJob, 6)...)
		first, err := e.Store.List(e.Context(), jobs.Filter{Limit: 3})
		e.ok(err)
		rest := e.list(jobs.Filter{})[3:]
		e.pass(3 * time.Millisecond)
		e.insertAll(make([]jobs.NewJob, 4)...)
		if got := e.list(jobs.Filter{After: &first[2]}); !slices.Equal(got, rest) {
			e.Errorf("got %v, want %v", got, rest)
		}
	}},
	{"After and filters hold together", func(e *env) {
		e.insertAll(slices.Repeat([]jobs.NewJob{{Kind: "x"}, {Kind: "y"}}, 10)...)
		var got []jobs.ID
		f := jobs.Filter{Kind: "x", Limit: 3}
		for {
			list, err := e.Store.List(e.Context(), f)
			e.ok(err)
			if len(list) == 0 {
				break
			}
			got = append(got, ids(list)...)
			f.After = &list[len(list)-1]
		}
		if want := e.list(jobs.Filter{Kind: "x"}); !slices.Equal(got, want) || len(want) != 10 {
			e.Errorf("got %v, want %v", got, want)
		}
	}},
	{"Limit is 100 if none is given and at most 1000; Offset skips", func(e *env) {
		for range 3 {
			e.insertAll(make([]jobs.NewJob, 350)...)
		}
		for _, c := range []struct{ limit, offset, want int }{{0, 0, 100}, {1, 0, 1}, {1000, 0, 1000}, {5000, 0, 1000}, {1000, 1000, 50}, {10, 1045, 5}, {10, 2000, 0}} {
			if got := e.list(jobs.Filter{Limit: c.limit, Offset: c.offset}); len(got) != c.want {
				e.Errorf("limit %d, offset %d: %d jobs, want %d", c.limit, c.offset, len(got), c.want)
			}
		}
		if whole, got := e.list(jobs.Filter{Limit: 30}), e.list(jobs.Filter{Limit: 10, Offset: 20}); !slices.Equal(got, whole[20:]) {
			e.Error("Offset 20 is not what follows the first 20")
		}
	}},
	{"Get returns the job, or ErrNotFound", func(e *env) {
		j := e.insert(jobs.NewJob{Filename: "f"})
		if got := e.get(j.ID); got.Filename != "f" {
			e.Errorf("got %+v", got)
		}
		_, err := jobs.Get(e.Context(), e.Store, jobs.NewID())
		e.is(err, jobs.ErrNotFound)
	}},
}

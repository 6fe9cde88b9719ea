package dashboard

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/jobs"
)

func (s *site) bulkRoutes() {
	s.get("/bulk", "bulk.html", s.askBulk)
	s.get("/bulk/progress", "bulk_progress.html", s.showBulk)
	s.post("/bulk", s.moveMany)
}

// typedAbove is how many jobs may be moved without typing how many they are.
const typedAbove = 100

// bulkPage is what bulk.html asks: whether so many jobs are to be moved.
type bulkPage struct {
	Move     moveWord
	Count    int
	Number   string // of them, as people read it
	What     string // which they are
	Hidden   []pair
	Typed    bool // the number has to be typed
	Mistyped bool
	Names    []string // of the first of them
	Back     string
}

// selection is which jobs are to be moved: those ticked, or all that a filter
// selects.
type selection struct {
	move moveWord
	ids  []jobs.ID
	all  bool
	filter
}

func selectionOf(q url.Values) (selection, error) {
	sel := selection{all: q.Get("all") != "", filter: filterOf(q)}
	var err error
	if sel.move, err = known(q.Get("move")); err != nil {
		return sel, err
	}
	if sel.all {
		return sel, nil
	}
	for _, word := range q["id"] {
		id, err := jobs.ParseID(word)
		if err != nil {
			return sel, invalid("%.100q is not an id.", word)
		}
		sel.ids = append(sel.ids, id)
	}
	if len(sel.ids) == 0 {
		return sel, invalid("Nothing is selected. Go back and tick jobs, or choose everything that matches.")
	}
	if len(sel.ids) > jobsOnPage {
		return sel, invalid("More than %d jobs are ticked. Choose everything that matches a filter instead.", jobsOnPage)
	}
	return sel, nil
}

// hidden is the selection as fields of a form.
func (sel selection) hidden(pairs ...string) []pair {
	all := append(sel.filter.hidden(pairs...), pair{"move", sel.move.Name})
	if sel.all {
		return append(all, pair{"all", "1"})
	}
	for _, id := range sel.ids {
		all = append(all, pair{"id", id.String()})
	}
	return all
}

// count says how many jobs there are to move.
func (s *site) count(ctx context.Context, sel selection) (int, error) {
	if !sel.all {
		return len(sel.ids), nil
	}
	done, err := s.api.Bulk(ctx, api.Bulk{Move: sel.move.Name, Filter: sel.JobFilter, DryRun: true}, by)
	return done.Matched, err
}

func (s *site) askBulk(r *http.Request) (view, error) {
	q := r.URL.Query()
	sel, err := selectionOf(q)
	if err != nil {
		return view{}, err
	}
	n, err := s.count(r.Context(), sel)
	if err != nil {
		return view{}, err
	}
	d := bulkPage{
		Move: sel.move, Count: n, Number: bounded(n), What: sel.what(), Typed: n > typedAbove, Mistyped: q.Get("mistyped") != "",
		Hidden: sel.hidden("sort", q.Get("sort"), "count", strconv.Itoa(n)), Back: sel.address("/", "sort", q.Get("sort")),
	}
	if !sel.all {
		found, err := s.jobs.List(r.Context(), jobs.Filter{IDs: sel.ids, Limit: jobsOnPage})
		if err != nil {
			return view{}, err
		}
		for _, j := range found {
			d.Names = append(d.Names, j.Filename)
		}
	}
	return view{Title: sel.move.Word + " " + plural(n, "job"), Section: "jobs", Data: d}, nil
}

// bounded writes a number where counting ends at mostCounted.
func bounded(n int) string {
	if n >= mostCounted {
		return thousands(mostCounted) + " or more"
	}
	return thousands(n)
}

// what says in words which jobs are selected.
func (sel selection) what() string {
	switch {
	case !sel.all:
		return "the ticked ones"
	case sel.isEmpty():
		return "all that this is possible for"
	}
	return "all that this is possible for, of " + sel.search()
}

// moveMany moves the first or the next slice of what was confirmed, and leads to
// the page that says how far it is.
func (s *site) moveMany(_ http.ResponseWriter, r *http.Request) (string, error) {
	sel, err := selectionOf(r.PostForm)
	if err != nil {
		return "", err
	}
	before := progressOf(r.PostForm)
	if before.Cursor == "" {
		n, err := s.count(r.Context(), sel)
		if err != nil {
			return "", err
		}
		if n > typedAbove && !typed(r.PostForm) {
			return sel.address("/bulk", "move", sel.move.Name, "all", "1", "mistyped", "1"), nil
		}
		before.Matched = n
	}
	done, err := s.moveSlice(r.Context(), sel, before.Cursor)
	if err != nil {
		return "", err
	}
	return sel.address("/bulk/progress", "move", sel.move.Name, "cursor", str(done.NextCursor), "matched", strconv.Itoa(before.Matched),
		"moved", strconv.Itoa(before.Moved+done.Moved), "refused", strconv.Itoa(before.Refused+done.Refused)), nil
}

// typed reports whether the number that the page showed was typed.
func typed(form url.Values) bool {
	clean := strings.NewReplacer(",", "", " ", "", ".", "").Replace(form.Get("typed"))
	return clean != "" && clean == form.Get("count")
}

func (s *site) moveSlice(ctx context.Context, sel selection, cursor string) (api.BulkDone, error) {
	if sel.all {
		return s.api.Bulk(ctx, api.Bulk{Move: sel.move.Name, Filter: sel.JobFilter, Cursor: cursor}, by)
	}
	var done api.BulkDone
	for _, id := range sel.ids {
		_, err := s.api.MoveJob(ctx, id, sel.move.Name, by)
		switch {
		case err == nil:
			done.Moved++
		case refused(err):
			done.Refused++
		default:
			return done, err
		}
	}
	return done, nil
}

// refused reports whether a move failed because of the job: its status forbids
// it, or it is gone.
func refused(err error) bool {
	if p, ok := errors.AsType[*api.Problem](err); ok {
		return p.Status == http.StatusNotFound || p.Status == http.StatusGone
	}
	_, ok := errors.AsType[*jobs.MoveError](err)
	return ok
}

// bulkProgress is how far a bulk move is, as its page's address says.
type bulkProgress struct {
	Move                    moveWord
	Cursor                  string // there is more to do
	Matched, Moved, Refused int
	Hidden                  []pair
	Back                    string
}

func progressOf(q url.Values) bulkProgress {
	number := func(name string) int {
		n, _ := strconv.Atoi(q.Get(name)) // what is no number was not written by us, and is 0
		return max(0, n)
	}
	return bulkProgress{Cursor: q.Get("cursor"), Matched: number("matched"), Moved: number("moved"), Refused: number("refused")}
}

func (s *site) showBulk(r *http.Request) (view, error) {
	q := r.URL.Query()
	d := progressOf(q)
	var err error
	if d.Move, err = known(q.Get("move")); err != nil {
		return view{}, err
	}
	f := filterOf(q)
	d.Back = f.address("/")
	d.Hidden = append(f.hidden("cursor", d.Cursor, "matched", strconv.Itoa(d.Matched), "moved", strconv.Itoa(d.Moved), "refused", strconv.Itoa(d.Refused)),
		pair{"move", d.Move.Name}, pair{"all", "1"})
	return view{Title: d.Move.Word + ": " + plural(d.Moved, "job"), Section: "jobs", Scripts: []string{"bulk.js"}, Data: d}, nil
}

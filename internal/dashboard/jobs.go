package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/jobs"
)

func (s *site) jobsRoutes() {
	s.get("/{$}", "jobs.html", s.showJobs)
	s.postUnread("/upload", s.upload)
	s.post("/sample", s.submitSample)
}

const (
	jobsOnPage = 50
	allEvents  = "/api/rag/jobs/events"
	// mostCounted is where counting ends: a page costs the same beside a million
	// jobs.
	mostCounted = 10_000
)

// jobsPage is what jobs.html shows.
type jobsPage struct {
	Tiles       []tile
	Search      string
	Suggestions []string
	Sort        string
	Sorts       []sortWord
	Rows        []jobRow
	Filtered    bool // not all jobs are asked for
	Empty       bool // there is no job at all
	Hidden      []pair
	Clear       string // the list without the filter
	First, Next string
	Moves       []moveWord // that may be legal for what is listed
	Sample      bool
	Done        string // what a form did
	Submit      bool   // the form is open: somebody was sent here to submit
}

// tile is one of the six counts, and a filter.
type tile struct {
	Word, Icon, To, Number string
	Current                bool
}

type sortWord struct{ Value, Word string }

var sorts = []sortWord{
	{string(jobs.NewestFirst), "Newest first"}, {string(jobs.OldestFirst), "Oldest first"},
	{string(jobs.UpdatedFirst), "Changed last"}, {string(jobs.UpdatedLast), "Unchanged longest"},
}

func (s *site) showJobs(r *http.Request) (view, error) {
	q := r.URL.Query()
	f := filterOf(q)
	sort, cursor := q.Get("sort"), q.Get("cursor")
	d := jobsPage{
		Search: f.search(), Sort: sort, Sorts: sorts, Filtered: !f.isEmpty(), Hidden: f.hidden("sort", sort), Clear: new(filter).address("/", "sort", sort),
		Sample: len(s.sample) > 0, Done: doneWord(q.Get("done")), Submit: q.Has("submit"),
	}
	v := view{Title: jobsTitle(f), Section: "jobs", Events: allEvents, Scripts: []string{"list.js"}}
	tiles, err := s.tiles(r.Context(), f, sort)
	if err != nil {
		return v, err
	}
	d.Tiles = tiles
	list, err := s.api.ListJobs(r.Context(), f.JobFilter, sort, cursor, jobsOnPage)
	if p, ok := errors.AsType[*api.Problem](err); ok && p.Status == http.StatusBadRequest {
		v.Problem, err = p, nil // the search box, where it can be mended, stays
	}
	if err != nil {
		return v, err
	}
	if d.Rows, err = s.rows(r.Context(), list.Jobs); err != nil {
		return v, err
	}
	d.Empty = len(d.Rows) == 0 && !d.Filtered && cursor == "" && v.Problem == nil
	if cursor != "" {
		d.First = f.address("/", "sort", sort)
	}
	if list.NextCursor != nil {
		d.Next = f.address("/", "sort", sort, "cursor", *list.NextCursor)
	}
	d.Moves, d.Suggestions = movesFor(f.Status), suggestions(list.Jobs)
	v.Data = d
	return v, nil
}

func jobsTitle(f filter) string {
	if f.Status != "" && f.with("status", "").isEmpty() {
		return capital(f.Status) + " jobs"
	}
	return "Jobs"
}

// tiles counts the jobs of each status, whatever else the list is filtered by.
func (s *site) tiles(ctx context.Context, f filter, sort string) ([]tile, error) {
	var all []tile
	total, more := 0, false
	for _, status := range jobs.Statuses() {
		n, err := s.jobs.Count(ctx, jobs.Filter{Status: status}, mostCounted+1)
		if err != nil {
			return nil, err
		}
		total, more = total+n, more || n > mostCounted
		word := string(status)
		all = append(all, tile{capital(word), word, f.with("status", word).with("cause", "").with("error_code", "").address("/", "sort", sort), atMost(n), f.Status == word})
	}
	number := thousands(total)
	if more {
		number = thousands(total-total%mostCounted) + "+"
	}
	everything := f.with("status", "").with("cause", "").with("error_code", "")
	return slices.Insert(all, 0, tile{"Total", "jobs", everything.address("/", "sort", sort), number, f.Status == ""}), nil
}

// atMost writes a number that was counted up to a bound.
func atMost(n int) string {
	if n > mostCounted {
		return thousands(mostCounted) + "+"
	}
	return thousands(n)
}

// jobRow is a line of the list.
type jobRow struct {
	ID, Filename, Title, Link  string
	Status, Cause, Error, Code string
	Done, Total, Progress      int
	Running                    bool
	Instance, Host             string
	InstanceLink               string
	Attempt                    int64
	Created                    time.Time
	Move                       *moveWord // the one that people most likely want
}

// rows adds to jobs what their rows do not say: on which host they run.
func (s *site) rows(ctx context.Context, found []api.JobRow) ([]jobRow, error) {
	var ids []string
	for _, j := range found {
		if id := str(j.InstanceID); id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	hosts := map[string]string{}
	if len(ids) > 0 {
		states, err := s.jobs.InstancesByID(ctx, ids...)
		if err != nil {
			return nil, err
		}
		for _, in := range states {
			hosts[in.ID] = in.Host
		}
	}
	rows := make([]jobRow, len(found))
	for i, j := range found {
		rows[i] = rowOf(j)
		rows[i].Host = hosts[rows[i].Instance]
	}
	return rows, nil
}

func rowOf(j api.JobRow) jobRow {
	r := jobRow{
		ID: j.ID, Filename: j.Filename, Title: titleOf(j.Metadata), Link: "/jobs/" + j.ID, Status: j.Status, Cause: str(j.Cause), Error: str(j.Error),
		Code: str(j.ErrorCode), Done: j.StepsDone, Total: j.StepsTotal, Progress: j.Progress, Running: j.Status == string(jobs.Processing),
		Instance: str(j.InstanceID), Attempt: j.Attempt, Created: j.CreatedAt,
	}
	if r.Instance != "" {
		r.InstanceLink = filter{api.JobFilter{Instance: r.Instance}}.address("/")
	}
	if j.Retryable {
		word := moveNamed("resume")
		if j.Status == string(jobs.Failed) {
			word = moveNamed("retry")
		}
		r.Move = &word
	}
	return r
}

// titleOf is the title that the submitter gave.
func titleOf(metadata json.RawMessage) string {
	var m struct {
		Title string `json:"title"`
	}
	_ = json.Unmarshal(metadata, &m) // an object of any shape: its title need not be text
	return m.Title
}

// suggestions are what the search box offers beside what is typed: the words it
// knows, and the values that are on the page.
func suggestions(found []api.JobRow) []string {
	var all []string
	add := func(word, value string) {
		if s := word + ":" + quoted(value, false); value != "" && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	for _, status := range jobs.Statuses() {
		add("status", string(status))
	}
	for _, cause := range jobs.Causes() {
		add("cause", string(cause))
	}
	for _, j := range found {
		add("code", str(j.ErrorCode))
		add("owner", str(j.Owner))
		add("instance", str(j.InstanceID))
	}
	return all
}

// doneWord says what a form did that led here.
func doneWord(done string) string {
	if done == "deleted" {
		return "Deleted."
	}
	return ""
}

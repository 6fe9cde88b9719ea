package dashboard

import (
	"net/http"
	"time"

	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

func (s *site) reviewRoutes() {
	s.get("/review", "review.html", s.showReview)
	s.get("/review/group", "review_group.html", s.showGroup)
}

// reviewPage is what review.html shows: the jobs that stand still, by why.
type reviewPage struct {
	Groups []reviewGroup
	Count  int
	More   bool
}

// reviewGroup is jobs that stand still for one reason.
type reviewGroup struct {
	jobs.Group
	Head, Advice string
	ByItself     bool // they may go on without a person
	InVain       bool // they would end in the same way: Moves are none
	Link         string
	Moves        []groupMove
}

// groupMove is a decision about all of a group.
type groupMove struct {
	moveWord
	Says string // what the button says
	Link string // the page that asks once more
}

func (s *site) showReview(r *http.Request) (view, error) {
	groups, err := s.jobs.Groups(r.Context(), jobs.Filter{})
	if err != nil {
		return view{}, err
	}
	d := reviewPage{More: len(groups) == mostGroups}
	for _, g := range groups {
		d.Groups = append(d.Groups, groupOf(g))
		d.Count += g.Count
	}
	return view{Title: "Review", Section: "review", Events: allEvents, Data: d}, nil
}

// mostGroups is where a store stops.
const mostGroups = 200

func groupOf(g jobs.Group) reviewGroup {
	f := filter{api.JobFilter{Status: string(g.Status), Cause: string(g.Cause), ErrorCode: g.ErrorCode}}
	out := reviewGroup{
		Group: g, Head: groupHead(g), Advice: adviceFor(g.ErrorCode, g.Cause), Link: f.address("/review/group"),
		ByItself: g.Status == jobs.Interrupted && g.Cause != jobs.CauseCancelled, InVain: inVain(g.Status, g.ErrorCode),
	}
	for _, m := range decisions(g.Status, g.Cause, g.ErrorCode) {
		out.Moves = append(out.Moves, groupMove{m.moveWord, m.says + " all", f.address("/bulk", "move", m.Name, "all", "1")})
	}
	return out
}

func groupHead(g jobs.Group) string {
	switch {
	case g.Status == jobs.Failed && g.ErrorCode != "":
		return "Failed: " + g.ErrorCode
	case g.Status == jobs.Failed:
		return "Failed"
	}
	return causeWord(g.Cause)
}

// decision is what a person may decide about a job that stands still: to process
// it again, or not to.
type decision struct {
	moveWord
	says string
}

func decisions(s jobs.Status, c jobs.Cause, code string) []decision {
	switch {
	case inVain(s, code):
		return nil
	case s == jobs.Failed:
		return []decision{{moveNamed("retry"), "Reprocess"}, {moveNamed("restart"), "Restart"}}
	case c == jobs.CauseCancelled:
		return []decision{{moveNamed("resume"), "Reprocess"}, {moveNamed("restart"), "Restart"}}
	case s == jobs.Interrupted:
		return []decision{{moveNamed("resume"), "Reprocess"}, {moveNamed("cancel"), "Give up"}}
	}
	return nil
}

// inVain reports whether processing a job again as it was submitted ends in the
// same way, whatever the service is set to. Its own page offers it all the same:
// a newer program may read what this one cannot.
func inVain(s jobs.Status, code string) bool {
	switch code {
	case pdf.CodeTooLarge, pdf.CodeTooManyPages:
		return false // the limits are the service's
	}
	return s == jobs.Failed && extract.Refused(code)
}

// groupPage is what review_group.html shows: one reason, job by job.
type groupPage struct {
	Group       reviewGroup
	Rows        []groupRow
	First, Next string
}

type groupRow struct {
	jobRow
	At    time.Time
	Moves []decisionButton
}

type decisionButton struct {
	moveWord
	Says string
}

func (s *site) showGroup(r *http.Request) (view, error) {
	q := r.URL.Query()
	f := filterOf(q)
	if f.Status != string(jobs.Failed) && f.Status != string(jobs.Interrupted) {
		return view{}, invalid("Jobs that stand still are interrupted or failed; %.40q is neither.", f.Status)
	}
	g := jobs.Group{Status: jobs.Status(f.Status), Cause: jobs.Cause(f.Cause), ErrorCode: f.ErrorCode}
	cursor := q.Get("cursor")
	list, err := s.api.ListJobs(r.Context(), f.JobFilter, string(jobs.UpdatedFirst), cursor, jobsOnPage)
	if err != nil {
		return view{}, err
	}
	rows, err := s.rows(r.Context(), list.Jobs)
	if err != nil {
		return view{}, err
	}
	d := groupPage{Group: groupOf(g)}
	for i, j := range list.Jobs {
		row := groupRow{jobRow: rows[i], At: j.UpdatedAt}
		for _, m := range decisions(jobs.Status(j.Status), jobs.Cause(str(j.Cause)), str(j.ErrorCode)) {
			row.Moves = append(row.Moves, decisionButton{m.moveWord, m.says})
		}
		d.Rows = append(d.Rows, row)
	}
	if cursor != "" {
		d.First = f.address("/review/group")
	}
	if list.NextCursor != nil {
		d.Next = f.address("/review/group", "cursor", *list.NextCursor)
	}
	return view{Title: d.Group.Head, Section: "review", Events: allEvents, Data: d}, nil
}

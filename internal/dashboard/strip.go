package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/jobs"
)

// strip is a job's pages, a cell for each or, of a long document, for a few.
type strip struct {
	Cells   []cell
	Each    int    // pages of a cell
	Summary string // the same in words
	Failed  []pageLink
	More    int // failed pages beside those
	Legend  []string
}

type cell struct{ Class, Title, Link string }

type pageLink struct{ Number, Link, Why string }

const (
	mostCells  = 400
	mostFailed = 50
)

// What a cell may be, in the order in which one of several pages wins.
const (
	cellFailed  = "failed"
	cellReading = "reading"
	cellRedone  = "redone"
	cellWaiting = "waiting"
	cellDone    = "done"
)

func (s *site) strip(ctx context.Context, story api.Story) (strip, error) {
	j := story.Job
	total := max(j.StepsTotal, j.StepsDone)
	if total == 0 {
		return strip{}, nil
	}
	id, err := jobs.ParseID(j.ID)
	if err != nil {
		return strip{}, err
	}
	failed, err := s.documents.FailedPages(ctx, id)
	if err != nil {
		return strip{}, err
	}
	number, err := s.numbering(ctx, j.JobRow, total)
	if err != nil {
		return strip{}, err
	}
	states := stepStates(story, total)
	lost := map[int]bool{}
	for _, f := range failed {
		lost[f.PageNumber] = true
	}
	for i := range states {
		if lost[number(i+1)] {
			states[i] = cellFailed
		}
	}
	out := strip{Cells: cells(states, number, str(j.DocumentID)), Each: (total + mostCells - 1) / mostCells, Summary: inWords(states)}
	for _, class := range []string{cellDone, cellRedone, cellReading, cellWaiting, cellFailed} {
		if slices.Contains(states, class) {
			out.Legend = append(out.Legend, class)
		}
	}
	out.Failed, out.More = failedLinks(failed, str(j.DocumentID))
	return out, nil
}

// stepStates says of each step what became of it.
func stepStates(story api.Story, total int) []string {
	j := story.Job
	states := make([]string, total)
	for i := range states {
		states[i] = cellWaiting
		if i < j.StepsDone {
			states[i] = cellDone
		}
	}
	// What an attempt began with was in work when the one before it ended, and
	// was read again.
	for i, a := range story.Attempts {
		if step := a.FirstStep; i > 0 && step > 1 && step <= j.StepsDone {
			states[step-1] = cellRedone
		}
	}
	if j.Status == string(jobs.Processing) && j.StepsDone < total {
		states[j.StepsDone] = cellReading
	}
	return states
}

// numbering returns the number of the page that a step reads: with a selection
// of pages the third step may be page 12.
func (s *site) numbering(ctx context.Context, j api.JobRow, total int) (func(step int) int, error) {
	plain := func(step int) int { return step }
	var p documents.Payload
	var o extract.Options
	if json.Unmarshal(j.Payload, &p) != nil || len(p.Options) == 0 || json.Unmarshal(p.Options, &o) != nil || o.Pages == "" || j.DocumentID == nil {
		return plain, nil //nolint:nilerr // no selection, or a row by hand
	}
	selected, err := extract.ParsePages(o.Pages)
	if err != nil {
		return plain, nil //nolint:nilerr // a row by hand: its job says what is wrong with it
	}
	id, err := jobs.ParseID(*j.DocumentID)
	if err != nil {
		return nil, err
	}
	doc, err := s.documents.Get(ctx, id)
	if errors.Is(err, documents.ErrNotFound) {
		return plain, nil // deleted meanwhile
	}
	if err != nil {
		return nil, err
	}
	facts, err := extract.FactsOf(doc)
	if err != nil {
		return nil, err
	}
	numbers := selected.Select(facts.PageCount)
	if len(numbers) < total {
		return plain, nil
	}
	return func(step int) int { return numbers[step-1] }, nil
}

func cells(states []string, number func(int) int, document string) []cell {
	each := (len(states) + mostCells - 1) / mostCells
	var all []cell
	for first := 1; first <= len(states); first += each {
		last := min(first+each-1, len(states))
		c := cell{Class: worst(states[first-1 : last])}
		c.Title = fmt.Sprintf("Page %d: %s", number(first), c.Class)
		if last > first {
			c.Title = fmt.Sprintf("Pages %d to %d: %s", number(first), number(last), c.Class)
		}
		if document != "" && states[first-1] != cellWaiting && states[first-1] != cellReading {
			c.Link = pageAddress(document, number(first))
		}
		all = append(all, c)
	}
	return all
}

func pageAddress(document string, number int) string {
	return "/documents/" + document + "/pages/" + strconv.Itoa(number)
}

// worst is what a cell of several pages shows.
func worst(states []string) string {
	for _, class := range []string{cellFailed, cellReading, cellRedone, cellWaiting} {
		if slices.Contains(states, class) {
			return class
		}
	}
	return cellDone
}

// inWords is the strip for those who cannot see it.
func inWords(states []string) string {
	count := map[string]int{}
	for _, class := range states {
		count[class]++
	}
	parts := []string{fmt.Sprintf("%s of %s recorded", thousands(count[cellDone]+count[cellRedone]+count[cellFailed]), plural(len(states), "page"))}
	if n := count[cellRedone]; n > 0 {
		parts = append(parts, plural(n, "page")+" read again after an interruption")
	}
	if n := count[cellFailed]; n > 0 {
		parts = append(parts, thousands(n)+" failed")
	}
	return strings.Join(parts, ", ") + "."
}

func failedLinks(failed []documents.FailedPage, document string) ([]pageLink, int) {
	var links []pageLink
	for _, f := range failed[:min(len(failed), mostFailed)] {
		l := pageLink{Number: strconv.Itoa(f.PageNumber), Why: f.Code}
		if f.Error != "" {
			l.Why += ": " + f.Error
		}
		if document != "" {
			l.Link = pageAddress(document, f.PageNumber)
		}
		links = append(links, l)
	}
	return links, len(failed) - len(links)
}

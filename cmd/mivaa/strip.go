package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/jobs"
)

// pageCell is how a page, or a run of pages that share a place on the screen,
// stands.
type pageCell uint8

const (
	pagesWaiting pageCell = iota
	pagesBegun            // some of the run are recorded
	pagesDone
	pagesFailed // one of the run at least
)

// strip is a job's pages in most cells, in their order.
func strip(done, total int, failed []int, most int) []pageCell {
	if total <= 0 || most <= 0 {
		return nil
	}
	n := min(total, most)
	row := make([]pageCell, n)
	for i := range row {
		first, last := i*total/n+1, (i+1)*total/n
		switch {
		case last <= done:
			row[i] = pagesDone
		case first <= done:
			row[i] = pagesBegun
		}
	}
	for _, seq := range failed {
		if seq >= 1 && seq <= total {
			row[((seq*n)+total-1)/total-1] = pagesFailed
		}
	}
	return row
}

// failedSteps are the numbers, among the pages that a job was asked for, of those
// that could not be read.
func failedSteps(j jobs.Job, failed []documents.FailedPage) []int {
	var asked struct {
		Options struct {
			Pages string `json:"pages"`
		} `json:"options"`
	}
	var wanted extract.Pages // all
	if json.Unmarshal(j.Payload, &asked) == nil {
		if pages, err := extract.ParsePages(asked.Options.Pages); err == nil {
			wanted = pages
		}
	}
	steps := make([]int, len(failed))
	for i, p := range failed {
		steps[i] = len(wanted.Select(p.PageNumber))
	}
	return steps
}

// pageStrip draws a strip for a screen, or says nothing where that cannot draw.
func (s screen) pageStrip(row []pageCell) string {
	if !s.icons {
		return ""
	}
	looks := map[pageCell]struct {
		sign  string
		style style
	}{pagesWaiting: {"░", dim}, pagesBegun: {"▒", cyan}, pagesDone: {"█", green}, pagesFailed: {"×", red}}
	var b strings.Builder
	for len(row) > 0 {
		n := slices.IndexFunc(row, func(c pageCell) bool { return c != row[0] })
		if n < 0 {
			n = len(row)
		}
		look := looks[row[0]]
		b.WriteString(s.paint(look.style, strings.Repeat(look.sign, n)))
		row = row[n:]
	}
	return b.String()
}

// stripLegend says in words what a strip shows.
func stripLegend(j jobs.Job, failed int) string {
	var parts []string
	if n := j.StepsDone - failed; n > 0 {
		parts = append(parts, fmt.Sprintf("%d read", n))
	}
	if failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", failed))
	}
	if n := j.StepsTotal - j.StepsDone; n > 0 {
		parts = append(parts, fmt.Sprintf("%d to come", n))
	}
	return strings.Join(parts, ", ")
}

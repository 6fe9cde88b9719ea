package extract

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxPageNumber is far above any document's pages, and bounds what a selection
// can ask for.
const maxPageNumber = 1_000_000

// maxSelection is how long the text of a selection may be.
const maxSelection = 4096

// Pages selects pages by number. The zero value selects all. Ranges are sorted
// and do not touch, so that equal selections are equal values.
type Pages []Range

// Range is pages First to Last, both included. Last 0: to the end.
type Range struct{ First, Last int }

// ParsePages reads "1-5,9,12-": numbers from 1, ranges, an open end. Empty text
// selects all pages.
func ParsePages(s string) (Pages, error) {
	if len(s) > maxSelection {
		return nil, fmt.Errorf("page selection is longer than %d characters", maxSelection)
	}
	return parsePages(s)
}

// PagesOf reads a selection that this package wrote, however long it is. What
// is none selects nothing.
func PagesOf(written string) Pages {
	p, err := parsePages(written)
	if err != nil {
		return nil
	}
	return p
}

// Count is how many pages a selection without an open end names.
func (p Pages) Count() int {
	n := 0
	for _, r := range p {
		n += r.Last - r.First + 1
	}
	return n
}

func parsePages(s string) (Pages, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	var all Pages
	for part := range strings.SplitSeq(s, ",") {
		r, err := parseRange(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("page selection %.40q: %w", s, err)
		}
		all = append(all, r)
	}
	return all.normal(), nil
}

func parseRange(s string) (Range, error) {
	first, last, isRange := strings.Cut(s, "-")
	a, err := parsePage(first)
	if err != nil {
		return Range{}, err
	}
	if !isRange {
		return Range{a, a}, nil
	}
	if strings.TrimSpace(last) == "" {
		return Range{First: a}, nil
	}
	b, err := parsePage(last)
	if err != nil {
		return Range{}, err
	}
	if b < a {
		return Range{}, fmt.Errorf("%q runs backwards", s)
	}
	return Range{a, b}, nil
}

func parsePage(s string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	switch {
	case err != nil || strings.ContainsAny(s, "+-"):
		return 0, errors.New("write it like 1-5,9,12-")
	case n < 1 || n > maxPageNumber:
		return 0, fmt.Errorf("pages count from 1 to %d", maxPageNumber)
	}
	return n, nil
}

// normal sorts the ranges and joins those that meet.
func (p Pages) normal() Pages {
	slices.SortFunc(p, func(a, b Range) int { return a.First - b.First })
	out := p[:0]
	for _, r := range p {
		if n := len(out); n > 0 && (out[n-1].Last == 0 || r.First <= out[n-1].Last+1) {
			if out[n-1].Last != 0 {
				if r.Last == 0 || r.Last > out[n-1].Last {
					out[n-1].Last = r.Last
				}
			}
			continue
		}
		out = append(out, r)
	}
	if len(out) == 1 && out[0] == (Range{First: 1}) {
		return nil
	}
	return out
}

// String returns the selection in the one form that equal selections share, ""
// for all pages.
func (p Pages) String() string {
	var sb strings.Builder
	for i, r := range p {
		if i > 0 {
			sb.WriteByte(',')
		}
		sb.WriteString(strconv.Itoa(r.First))
		if r.Last != r.First {
			sb.WriteByte('-')
			if r.Last != 0 {
				sb.WriteString(strconv.Itoa(r.Last))
			}
		}
	}
	return sb.String()
}

// Contains reports whether a page is selected.
func (p Pages) Contains(number int) bool {
	if len(p) == 0 {
		return number >= 1
	}
	for _, r := range p {
		if number >= r.First && (r.Last == 0 || number <= r.Last) {
			return true
		}
	}
	return false
}

// Select returns the numbers of the selected pages of a document with count
// pages, in order. What lies beyond its end is passed over.
func (p Pages) Select(count int) []int {
	if len(p) == 0 {
		p = Pages{{First: 1}}
	}
	var out []int
	for _, r := range p {
		last := count
		if r.Last != 0 {
			last = min(r.Last, count)
		}
		for n := r.First; n <= last; n++ {
			out = append(out, n)
		}
	}
	return out
}

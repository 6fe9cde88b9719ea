package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/mivaa/mivaa/jobs"
)

// A line is where jobs wait one behind another: those of one owner, within a
// kind and priority.
type line struct {
	kind     string
	priority int
	owner    string
}

func lineOf(j jobs.Job) line { return line{j.Kind, j.Priority, j.Owner} }

// positions gives n places in the line of an owner, within a kind and priority,
// in the transaction that will write them.
func (s *Store) positions(ctx context.Context, q querier, kind string, priority int, owner string, n int) ([]int64, error) {
	wanted := make([]line, n)
	for i := range wanted {
		wanted[i] = line{kind, priority, owner}
	}
	return s.places(ctx, q, wanted)
}

// places gives each of the lines named its next place. One that is named n times
// gets n places, in order. Lines that are named first within a kind and priority
// are asked about first: the others stand beside them.
func (s *Store) places(ctx context.Context, q querier, wanted []line) ([]int64, error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	given := map[line][]int64{}
	counts := map[line]int{}
	var first, rest []line
	heads := map[line]*int64{} // by line without its owner
	for _, l := range wanted {
		counts[l]++
		if counts[l] > 1 {
			continue
		}
		if _, ok := heads[l.queue()]; ok {
			rest = append(rest, l)
			continue
		}
		heads[l.queue()] = nil
		first = append(first, l)
	}
	for _, asked := range [][]line{first, rest} {
		if err := s.askPlaces(ctx, q, asked, counts, heads, given); err != nil {
			return nil, err
		}
		for _, l := range asked {
			if heads[l.queue()] == nil && len(given[l]) > 0 {
				heads[l.queue()] = &given[l][0]
			}
		}
	}
	out := make([]int64, len(wanted))
	for i, l := range wanted {
		own := given[l]
		if len(own) == 0 {
			return nil, fmt.Errorf("give places: too few for kind %q", l.kind)
		}
		out[i], given[l] = own[0], own[1:]
	}
	return out, nil
}

func (l line) queue() line { return line{kind: l.kind, priority: l.priority} }

func (s *Store) askPlaces(ctx context.Context, q querier, lines []line, counts map[line]int, heads map[line]*int64, given map[line][]int64) error {
	const query = `SELECT g.nth, p.place
		FROM unnest($1::text[], $2::integer[], $3::text[], $4::integer[], $5::bigint[]) WITH ORDINALITY AS g (kind, priority, owner, n, beside, nth)
		CROSS JOIN LATERAL jobs_schema.job_places(g.kind, g.priority, g.owner, g.n, g.beside) AS p (place)`
	if len(lines) == 0 {
		return nil
	}
	n := len(lines)
	kinds, priorities, owners, sizes, beside := make([]string, n), make([]int64, n), make([]pgtype.Text, n), make([]int64, n), make([]*int64, n)
	for i, l := range lines {
		kinds[i], priorities[i], owners[i], sizes[i], beside[i] = l.kind, int64(l.priority), null(l.owner), int64(counts[l]), heads[l.queue()]
	}
	rows, err := q.Query(ctx, s.SQL(query), kinds, priorities, owners, sizes, beside)
	if err != nil {
		return err
	}
	var nth, place int64
	_, err = pgx.ForEachRow(rows, []any{&nth, &place}, func() error {
		given[lines[nth-1]] = append(given[lines[nth-1]], place)
		return nil
	})
	return err
}

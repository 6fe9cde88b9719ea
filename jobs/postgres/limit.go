package postgres

import (
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// lockLimits has a claim hold the row of each limited kind until it is
// committed: the next one counts what this one took. It returns the kinds, and
// for each how many may run at once (nil: any number).
func (s *Store) lockLimits(b *pgx.Batch, p jobs.ClaimParams) (kinds []string, rooms []*int64) {
	const create = `INSERT INTO jobs_schema.job_limits (kind) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING`
	const hold = `SELECT FROM jobs_schema.job_limits WHERE kind = ANY($1) ORDER BY kind FOR UPDATE`
	kinds = slices.Compact(slices.Sorted(slices.Values(p.Kinds)))
	var limited []string
	for _, kind := range kinds {
		var room *int64
		if most, ok := p.Limits[kind]; ok {
			n := int64(max(most, 0))
			room, limited = &n, append(limited, kind)
		}
		rooms = append(rooms, room)
	}
	if len(limited) > 0 {
		b.Queue(s.SQL(create), limited)
		b.Queue(s.SQL(hold), limited)
	}
	return kinds, rooms
}

package sqlite

import "context"

// LastEvent implements jobs.Console. It is the last id that was given, its event
// deleted or not: ids are in the order of the commits.
func (s *Store) LastEvent(ctx context.Context) (int64, error) {
	const query = `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'job_events'), 0)`
	var last int64
	if _, err := s.get(ctx, query, nil, &last); err != nil {
		return 0, s.fail("read last event", err)
	}
	return last, nil
}

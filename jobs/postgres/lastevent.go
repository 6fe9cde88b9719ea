package postgres

import "context"

// LastEvent implements jobs.Console. What a transaction still open may add comes
// behind it.
func (s *Store) LastEvent(ctx context.Context) (last int64, err error) {
	err = s.call(ctx, "read last event", func(ctx context.Context, q querier) (err error) {
		last, err = s.settled(ctx, q)
		return err
	})
	return last, err
}

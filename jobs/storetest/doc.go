// Package storetest is the specification of jobs.Store as tests: every
// sentence of its contract is a named subtest that fails where the sentence
// is broken, races and lost answers included, and a seeded random test
// compares a store with a model of a few hundred lines. A store that passes
// runs every worker and handler there is.
//
// A new backend writes one function that opens a fresh database, and two
// lines that call Run and Benchmark:
//
//	func TestStore(t *testing.T)      { storetest.Run(t, open) }
//	func BenchmarkStore(b *testing.B) { storetest.Benchmark(b, open) }
//
//	func open(tb testing.TB) storetest.Harness {
//		path := filepath.Join(tb.TempDir(), "jobs.db")
//		again := func(tb testing.TB) storetest.Handle {
//			s, err := Open(tb.Context(), path)
//			if err != nil {
//				tb.Fatal(err)
//			}
//			tb.Cleanup(func() { s.Close() }) // closing twice is harmless
//			return s
//		}
//		s := again(tb)
//		exec := func(query string, args ...any) error { ... } // on a connection of its own
//		must := func(tb testing.TB, err error) { ... }
//
//		var legal []string // no test passes by a move that is not in the table
//		for _, m := range jobs.Transitions() {
//			legal = append(legal, fmt.Sprintf("('%s','%s')", m.From, m.To))
//		}
//		must(tb, exec(`CREATE TRIGGER guard BEFORE UPDATE OF status ON background_jobs
//			WHEN OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (VALUES `+strings.Join(legal, ",")+`)
//			BEGIN SELECT RAISE(ABORT, 'illegal move'); END`))
//
//		return storetest.Harness{
//			Store:    s,
//			Embedded: true,
//			Again:    again,
//			Kill:     func(tb testing.TB, joined io.Closer) { joined.(*membership).dropLock() },
//			Row:      func(tb testing.TB, r storetest.Row) { must(tb, exec(`INSERT INTO background_jobs ...`)) },
//			Set:      func(id jobs.ID, to jobs.Status) error { return exec(`UPDATE background_jobs SET status = ...`) },
//			Document: func(tb testing.TB, id, content jobs.ID) { must(tb, exec(`INSERT INTO documents ... ON CONFLICT ...`)) },
//			Drain:    func(tb testing.TB, instance string) { must(tb, exec(`UPDATE job_instances SET draining = ...`)) },
//			Finished: func(tb testing.TB, n int) { must(tb, exec(`INSERT ... SELECT ... generate_series ...`)) },
//		}
//	}
//
// The suite sees a store only as its users do, through jobs.Store; what the
// Harness adds is what no method of a Store can do: die, and be written to by
// people with SQL. It imports nothing but the standard library and jobs, so
// that embedding it in a backend's tests costs nothing.
package storetest

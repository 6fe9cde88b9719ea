package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/jobs"
)

// proof is how the instances of a Store prove their lives, and those they have.
type proof struct {
	direct  bool // session locks work: else leases alone decide
	mu      sync.Mutex
	members map[string]*membership
}

// open learns whether session locks can be trusted. Where they cannot, it says
// so once: nothing is wrong but the time it takes to find a death.
func (p *proof) open(ctx context.Context, s *Store) error {
	why, err := s.whyPooled(ctx)
	if err != nil {
		return err
	}
	p.direct = why == ""
	if p.direct && s.config.DirectURL != s.config.URL {
		if err := s.sameDatabase(ctx); err != nil {
			return err
		}
	}
	if !p.direct {
		s.log.Warn("session locks cannot be trusted here (" + why + "): a process that dies is succeeded only when its lease runs out, and news come by polling. " +
			"Give a URL that leads to the server without a pooler (--direct-url) to have it succeeded within a second")
	}
	return nil
}

// sameDatabase refuses a direct URL that leads somewhere else: an instance would
// join there, and its jobs be here.
func (s *Store) sameDatabase(ctx context.Context) error {
	const which = `SELECT current_database() || to_regclass($1)::oid::text || pg_postmaster_start_time()::text`
	name := s.SQL("jobs_schema.job_instances")
	var here, there *string
	if err := s.pool.QueryRow(ctx, which, name).Scan(&here); err != nil {
		return err
	}
	conn, err := s.connectDirect(ctx)
	if err != nil {
		return err
	}
	defer closeConn(conn)
	if err := conn.QueryRow(ctx, which, name).Scan(&there); err != nil {
		return err
	}
	if here == nil || there == nil || *here != *there {
		return &jobs.StoreError{
			Op: "connect directly", Err: errors.New("the direct URL leads to another database"),
			Hint: "Let --direct-url name the same server, database and schema as --database-url, without the pooler.",
		}
	}
	return nil
}

// close gives up the locks of all instances; nothing is written.
func (p *proof) close() error {
	p.mu.Lock()
	members := p.members
	p.members = nil
	p.mu.Unlock()
	for _, m := range members {
		m.end()
	}
	return nil
}

func (p *proof) add(m *membership) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.members == nil {
		p.members = map[string]*membership{}
	}
	p.members[m.in.ID] = m
}

// member returns an instance of this Store, else nil.
func (p *proof) member(id string) *membership {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.members[id]
}

func (p *proof) remove(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.members, id)
}

// direct reports whether a connection by DirectURL is one session of the server
// for as long as it lasts: locks are held and LISTEN hears.
func (s *Store) direct() bool { return s.proof.direct }

// sessionSettings bound what a session may wait for, and have the server notice
// that the other end is gone without having told. They are set by a statement:
// poolers refuse them among the parameters of a connection.
const sessionSettings = `SET statement_timeout = 2500; SET lock_timeout = 2000; SET idle_in_transaction_session_timeout = 5000;
	SET tcp_keepalives_idle = %d; SET tcp_keepalives_interval = %d; SET tcp_keepalives_count = %d; SET tcp_user_timeout = %d`

// Seconds, and how many probes there are at least.
const probesAfter, probesEvery, fewestProbes, mostProbes = 3, 2, 3, 100

// settingsFor returns what a session with a lease sets: the server gives up
// whoever is silent after nine seconds, or with a long lease a little more than
// half of it, so that a lock which gets free in that way is known to prove nothing.
func settingsFor(lease time.Duration) string {
	probes := min(max(int(lease/(4*time.Second)), fewestProbes), mostProbes)
	given := (probesAfter + probesEvery*probes) * 1000
	return fmt.Sprintf(sessionSettings, probesAfter, probesEvery, probes, given)
}

// connectDirect opens a connection by DirectURL, outside the pool, and sets
// nothing on it: behind a pooler others would have it next. The caller closes it.
func (s *Store) connectDirect(ctx context.Context) (*pgx.Conn, error) {
	config, err := connConfig(s.config.DirectURL)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return pgx.ConnectConfig(ctx, config)
}

// connectFor opens a session for an instance with a lease, or (0) to listen.
func (s *Store) connectFor(ctx context.Context, lease time.Duration) (*pgx.Conn, error) {
	conn, err := s.connectDirect(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if _, err := conn.PgConn().Exec(ctx, settingsFor(lease)).ReadAll(); err != nil {
		closeConn(conn)
		return nil, err
	}
	return conn, nil
}

// answerTimeout is how long a session waits for the answer to one statement
// before it takes the connection for broken. The server gives up first.
const answerTimeout = 3 * time.Second

// errNoSession: the instance's session is broken and not back yet.
var errNoSession = errors.New("session is broken")

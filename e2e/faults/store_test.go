//go:build unix

package faults

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// store is a jobs.Store that its opener closes.
type store interface {
	jobs.Store
	io.Closer
}

// open opens the store that a worker process was told.
func (c *child) open(ctx context.Context) (store, error) {
	switch c.config.Store {
	case "sqlite":
		return c.openSQLite(ctx)
	case "postgres":
		return c.openPostgres(ctx)
	}
	return nil, fmt.Errorf("no store is called %q", c.config.Store)
}

// backend is a store under test, with what can happen to it alone.
type backend interface {
	child(node int) childConfig
	lease() time.Duration
	gap() time.Duration                      // between two faults, on average
	open(ctx context.Context) (store, error) // for the harness itself
	sql() *sql.DB                            // for the guards, and for looking at tables
	guards() []string                        // statements that install them: see violations
	choices() []choice                       // its own faults
	ownFault(kind string) bool
	nodesOf(kind string) int // how many processes a fault of its own is aimed at
	inject(ctx context.Context, r *run, f fault, on []*node) error
	heal(r *run) error // everything works again when it returns
}

// Tables that the guards write:
//
//   - fault_violations: every change of a status that is not in jobs.Transitions,
//     or that did not set its timestamp. It is written down rather than refused,
//     so that the run goes on and the report is whole.
//     So is every death that is charged and should not be.
//   - fault_steps: under which attempt each step was recorded. A step does not
//     tell, and must not.
const guardTables = `
	CREATE TABLE fault_violations (job_id TEXT, from_status TEXT, to_status TEXT, attempt INTEGER);
	CREATE TABLE fault_steps (job_id TEXT, seq INTEGER, attempt BIGINT, status TEXT)`

// legalChanges is the table of moves as a list of SQL rows.
func legalChanges() string {
	var legal []string
	for _, m := range jobs.Transitions() {
		legal = append(legal, fmt.Sprintf("('%s', '%s')", m.From, m.To))
	}
	return strings.Join(legal, ", ")
}

// stamped is the condition that a status carries its timestamp.
const stamped = `CASE NEW.status WHEN 'processing' THEN NEW.started_at WHEN 'completed' THEN NEW.completed_at
	WHEN 'failed' THEN NEW.failed_at WHEN 'interrupted' THEN NEW.interrupted_at ELSE NEW.updated_at END`

// charged is the condition that a death was charged which is nobody's: not one,
// not a death, or that of an instance which was stopping.
const charged = `NEW.crashes > OLD.crashes + 1 OR NEW.status <> 'interrupted' OR NEW.cause NOT IN ('crash', 'lease_lost')
	OR EXISTS (SELECT 1 FROM job_instances WHERE id = OLD.instance_id AND state IN ('stopping', 'stopped'))`

func install(t *testing.T, b backend) {
	t.Helper()
	for _, text := range append(strings.Split(guardTables, ";"), b.guards()...) {
		if _, err := b.sql().ExecContext(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/mivaa/mivaa/jobs/postgres"
)

// oldestServer is the oldest version of PostgreSQL that works, as a number.
const oldestServer = 130000

// diagnose asks the server once. Nil: it was not asked, or did not answer.
func (k *checker) diagnose(ctx context.Context) *postgres.Diagnosis {
	db, open := (*postgres.Store)(nil), k.d != nil
	if open {
		db, open = k.d.jobs.(*postgres.Store)
	}
	if open && k.seen == nil && k.seenFail == nil {
		found, err := db.Diagnose(ctx)
		k.seen, k.seenFail = &found, err
	}
	if k.seenFail != nil {
		return nil
	}
	return k.seen
}

func notLooked(check string) finding {
	return finding{Check: check, State: stateWarn, Detail: "not looked at: the store is not open"}
}

func (k *checker) server(ctx context.Context) finding {
	d := k.diagnose(ctx)
	switch {
	case k.seenFail != nil:
		return unavailable(bad("server", k.seenFail))
	case d == nil:
		return notLooked("server")
	case d.Version < oldestServer:
		return finding{Check: "server", State: stateFail, Detail: "PostgreSQL " + d.Server, Hint: "use version 13 or newer"}
	}
	return ok("server", "PostgreSQL %s, schema %s (%s for an answer)", d.Server, d.Schema, took(d.Took))
}

// proof tells how the death of an instance is found.
func (k *checker) proof(ctx context.Context) finding {
	d := k.diagnose(ctx)
	switch {
	case d == nil:
		return notLooked("liveness")
	case d.Pooled != "":
		return finding{
			Check: "liveness", State: stateWarn, Detail: "by lease alone, because " + d.Pooled + ": the jobs of a process that dies wait until its lease runs out",
			Hint: "give a URL that leads to the server itself with --direct-url; or shorten --lease",
		}
	}
	return ok("liveness", "by session locks: a death is proved within a second")
}

func (k *checker) notices(ctx context.Context) finding {
	d := k.diagnose(ctx)
	switch {
	case d == nil:
		return notLooked("notices")
	case d.Pooled != "":
		return finding{Check: "notices", State: stateWarn, Detail: "not listened to through a pooler: changes are looked for each second", Hint: "--direct-url, as above"}
	case d.Deaf != nil:
		return finding{
			Check: "notices", State: stateWarn, Detail: "LISTEN does not work: " + d.Deaf.Error() + ": changes are looked for each second",
			Hint: "give a URL that leads to the server itself with --direct-url",
		}
	}
	return ok("notices", "LISTEN and NOTIFY work")
}

// oldSnapshot is how long a transaction may stay open before it is warned of.
const oldSnapshot = 5 * time.Minute

func (k *checker) snapshots(ctx context.Context) finding {
	d := k.diagnose(ctx)
	switch {
	case d == nil:
		return notLooked("snapshots")
	case d.Oldest.Age >= oldSnapshot:
		who := fmt.Sprintf("process %d", d.Oldest.PID)
		hint := fmt.Sprintf("end that transaction (SELECT pg_terminate_backend(%d)), and set idle_in_transaction_session_timeout", d.Oldest.PID)
		if d.Oldest.PID == 0 {
			who, hint = "a prepared transaction", "end it with COMMIT PREPARED or ROLLBACK PREPARED"
		}
		return finding{
			Check: "snapshots", State: stateWarn, Hint: hint,
			Detail: fmt.Sprintf("%s (%s) holds a snapshot since %s: nothing that changed meanwhile can be removed, and claims get slower", who, clean(d.Oldest.Application), span(d.Oldest.Age)),
		}
	}
	return ok("snapshots", "nobody holds an old one")
}

func (k *checker) serverClock(ctx context.Context) finding {
	d := k.diagnose(ctx)
	switch {
	case d == nil:
		return notLooked("clock")
	case d.Ahead.Abs() > clockSlack+d.Took:
		word := "ahead of"
		if d.Ahead < 0 {
			word = "behind"
		}
		return finding{
			Check: "clock", State: stateWarn, Detail: fmt.Sprintf("%s %s this machine's", took(d.Ahead.Abs()), word),
			Hint: "set both clocks (timedatectl): leases go by the server's, and so do all times in the tables",
		}
	}
	return ok("clock", "as this machine's, within %s", took(max(d.Ahead.Abs(), d.Took/2)))
}

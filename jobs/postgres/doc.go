// Package postgres is a jobs.Store on PostgreSQL 13 or newer: for many machines,
// which need nothing between them but the database.
//
// # Who is alive
//
// An instance that is dead must be succeeded within a second, and one that is
// alive must never be taken for dead. Both rest on a session lock, which the
// server lets go of when the process that took it is gone. These are the rules,
// each with its reason.
//
// Proof:
//
//   - An instance has one connection of its own, outside the pool, by
//     [Config.DirectURL]. It holds an advisory lock under a random key: nobody
//     else has that key, so nobody but the instance can hold the lock.
//   - The lock is taken before the instance's row is written. So whoever sees the
//     row of a living process finds the lock held.
//   - Each instance tries the lock of one neighbour, the next higher id among those
//     whose locks can prove something, every 250 ms. All together watch all, at a
//     price that does not grow with their number. The lock is taken in shared mode
//     and let go with the statement: no statement waits, none holds a snapshot, and
//     a process that takes its own lock at that moment waits for a moment only.
//   - Where the neighbour's lock is free, the locks of all others are tried with
//     it: those that the dead one watched may have died beside it.
//   - A free lock is not yet a death: it waits for a second look: 300 ms, or three
//     times what the instance needed to take its lock (its row says so) or what a
//     connection takes to open here and now. A second look that comes late is
//     taken for a first: a busy machine is slow for others, too. A server
//     that stops in order ends its sessions one by one, and a session that was
//     ended (by an administrator, by a broken connection) has a living process that
//     is taking its lock again; it notices at once, because it reads while it is
//     idle.
//   - The second look is on the session of the first. If that broke meanwhile,
//     what it saw is void: then it was the server that went, and not the other.
//   - The verdict is one statement, which holds the lock that it found free while
//     it writes. So a process that comes back either has its lock before, and
//     prevents the verdict, or after, and reads it. It also demands that nothing
//     was heard of the instance since the first look: no renewal, no lock taken
//     anew, none withdrawn.
//
// What a free lock does not prove:
//
//   - Nothing, where it was taken before the server started: all locks went with
//     the old one. The row says when that server started
//     (pg_postmaster_start_time), and counts only while that is the one that runs.
//   - Nothing after a crash of the server, which may keep that time, or on a
//     standby that was promoted. The table of locks is unlogged: there it is
//     empty, and each instance enters itself anew when it has its lock again.
//   - Nothing, where the instance had not been heard of for half of its lease. A
//     host that is cut off sends no end of its connection; the server gives the
//     session up after its keepalive probes, which the session sets so that they
//     take longer than that. The process may well live; once its whole lease is
//     over, it has given up its work by itself, and the free lock counts again.
//     So whoever starts long after a death need not watch the dead for a lease.
//   - Nothing, while its process says so: one that finds its session broken takes
//     itself off the table of locks through the pool, at once, and enters itself
//     again with its lock. So it is spared however long it takes to connect again.
//
// A process that comes back ends what is left of its old session itself: on a
// half-open connection the server would hold the lock for seconds.
//
// Leases, for what no lock proves (a host that was lost, a process that was
// stopped, all of them behind a pooler):
//
//   - A lease is renewed by Renew, and by nothing else: a process that is stopped,
//     or an engine that hangs, must lose it. Renewals go through the instance's own
//     session, which is always free, and through the pool where that is broken or
//     does not answer within half of the time there is: a process that has any way
//     to say that it lives says it.
//   - A lease has run out when another instance saw the same seen_at for the whole
//     of it, by its own monotonic clock. lease_until is for people: clocks jump,
//     and a server that was down renewed nobody's lease.
//   - Whoever could not look begins anew: after a look that failed, after its
//     session broke, and after not looking at an instance for half of its lease.
//     A machine that slept, or a server that was away, makes nobody look dead.
//   - An instance whose row says that it is dead stays dead. Its process is told by
//     Renew (jobs.ErrInstanceGone), its writes are refused by their fences, and it
//     goes on under a new id. So a wrong verdict would cost work, never truth.
//   - The engine gives its work up at two thirds of a lease that it could not
//     renew, before anybody else takes it.
//
// Deaths are written as state dead with the proof in column death, which begins
// with "lease" where a lease ran out; of an instance that was stopping as state
// stopped, so that it charges no job. One that leaves with nothing in work is
// stopped; one that leaves jobs behind lets go of its lock and is found as a dead
// one is.
//
// Where locks cannot be trusted: [Open] asks, on two connections. A pooler that
// hands sessions out by the transaction breaks locks silently (whoever tries gets
// them, and they outlive their owner), and that the server process stays the same
// from statement to statement does not show it. So the process that the protocol
// named at the start is compared with the one that answers; where they differ, it
// is looked whether a client keeps its process while another is in a transaction.
// Then one connection takes a lock and the other must not get it: some engines
// accept the calls and lock nothing. Any doubt means leases alone, no LISTEN, and
// one warning.
//
// The price is four small statements a second for each instance, one connection
// each, and one more look a second at the leases.
package postgres

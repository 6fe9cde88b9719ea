// Package sqlite keeps jobs in one SQLite file: a [jobs.Store] for one machine
// that needs nothing installed.
//
// It guarantees:
//
//   - What a method wrote is on the disk when it returns (WAL,
//     synchronous=FULL), and either all of it or nothing.
//   - Several processes may open the file at once. A process that died is
//     proved dead by the operating system: each instance holds a lock on
//     instances/<id>.lock beside the database, which dies with it. Where the
//     lock is held by a process that is silent (stopped, hung), its lease
//     decides, measured by the observer's own monotonic clock.
//   - A write of an attempt that is no longer the job's changes nothing.
//   - Operations that wait together are committed together; one that fails
//     never fails its neighbours.
//   - Rows that people insert with the guide's columns alone are jobs.
//
// It never opens another program's file, never one of a newer schema, and
// never touches a job of a living instance. The folder must be on a local
// file system: neither SQLite nor the locks are safe on a network share.
//
// The database file must not be opened by the program's own code, not even to
// copy it: on POSIX systems, closing such a descriptor drops the locks that
// SQLite holds. [Store.Backup] makes a copy.
package sqlite

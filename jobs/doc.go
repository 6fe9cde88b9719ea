// Package jobs runs durable background jobs: work that takes minutes or hours
// on machines that are restarted, redeployed, killed and unplugged.
//
// A [Job] is a row in a [Store]. A [Worker] claims it and calls its [Handler]
// with an [Attempt]. The handler does a unit of work at a time and records each
// by [Attempt.Checkpoint]: output and progress in one durable write. Whatever
// happens to the process, the next attempt goes on behind the last recorded
// step.
//
//	store, err := sqlite.Open(ctx, sqlite.Config{Path: "data/jobs.db"})
//	...
//	worker := &jobs.Worker{Store: store, Handlers: map[string]jobs.Handler{"mail": send}}
//	err = worker.Run(ctx) // until ctx ends; then everything stops in order
//
// # Guarantees
//
//   - A job that Insert returned is finished or explained: it ends completed,
//     or failed or interrupted with the reason and its history.
//   - A step is recorded once. A step is never lost once Checkpoint returned.
//   - An attempt that is not the job's present one writes nothing: every write
//     carries a [Fence] and is refused when it is stale. A process that was
//     paused and wakes up, or that everybody took for dead, can do no harm in
//     the store.
//   - A worker that cannot prove that it is alive stops its own work before
//     anyone else may take it.
//   - Run returns within Worker.Grace, also when a handler ignores its context.
//
// What a handler does outside the store is done at least once: use the job's id
// and the step's number as the idempotency key of such effects.
//
// # Three budgets
//
// Failures (errors of the handler) are retried with back-off, up to
// [Policy.MaxFailures]. Crashes (deaths of the process) are counted since the
// last recorded step, up to [Policy.MaxCrashes]: a job that kills its process
// ends failed, one that advances between deaths never does. As long as it is
// not known which job was guilty, a worker runs one suspect at a time.
// Interruptions by a polite stop, a deploy or a person cost nothing.
//
// # Recovery
//
// Nothing sweeps and nobody is elected. Whoever claims also looks for the jobs
// of dead instances, marks them interrupted, and puts back those stamped
// [RecoveryAuto]. Where the system can prove a death (a lock that the operating
// system or the database holds for a process) that takes no waiting; elsewhere
// the lease has to run out. Jobs of living instances are never touched.
//
// # What it does not do
//
// There is no scheduler for recurring jobs, no graph of jobs and no network
// protocol. The package imports the standard library alone; stores are packages
// of their own, and package storetest tells whether one keeps the contract.
package jobs

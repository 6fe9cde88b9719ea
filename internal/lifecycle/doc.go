// Package lifecycle is how the service lives: it starts in order, says what it
// does in the operator's words, hears signals and stops in order.
//
// Start: the store is open; the worker joins, finds the jobs of the dead and
// marks them; statistics; cleanup; then the address answers. Stop: HTTP takes
// nothing new, the worker gives its attempts notice, HTTP closes, the worker
// has written its last outcome, and whoever opened the store closes it. A
// second signal exits at once.
//
// The log lines are a contract: scripts grep for them. They are in narrator.go,
// one method a moment.
package lifecycle

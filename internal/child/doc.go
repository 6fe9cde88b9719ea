// Package child is what the service does so that processes it starts can harm
// nobody: they stand in a group of their own, die with the service, and their
// memory can be looked at.
//
// It guarantees on Linux that a process started by a [Starter] is killed by the
// kernel when the starter ends, kill -9 of the service included. Elsewhere a
// child has to notice that its standard input ends.
//
// It never decides when a child has had enough: whoever started it does.
package child

// Package bench measures the engine against a peer in one run, on one
// PostgreSQL at its default durability. It is a module of its own, so that no
// user of the engine gets the peer's dependencies.
//
//	cd bench && go test -run '^$' -bench . -benchtime 1x -timeout 60m
package bench

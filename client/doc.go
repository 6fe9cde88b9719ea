// Package client is the Go client of the service's HTTP API: uploads, jobs,
// documents and their content, and what an operator does.
//
// It guarantees: an upload is streamed, never held in memory; a call that may
// be repeated without harm is repeated while the service is out of reach, busy
// or restarting, for as long as [Client.Patience] says; a watched job is
// followed across restarts of the service without a gap in its history; an
// error of the service is an [*Error] with its stable code.
//
// It never repeats a call that could then be done twice, never logs, and never
// sends the token to another host. It depends on the standard library alone.
package client

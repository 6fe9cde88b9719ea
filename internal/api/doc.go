// Package api is the service's HTTP side: uploads, jobs, documents, their
// content, health, the API's own description, and a plain page that lists it
// all.
//
// It guarantees: an upload that was answered with 202 is durable, and its bytes
// never stood in memory as a whole; an error is a problem document (RFC 9457)
// with a stable code, and an error of the store is never an empty list; a
// request whose Host names another site, or that another site's page sent, is
// refused before any route sees it; the text of an unexpected error goes to the
// log, under the request's id, and never to the client; after [API.Stop] no
// upload is accepted, and nothing that waits or streams holds up the end.
//
// It never runs a job, never reads a PDF, and never listens: the caller serves
// [API.Handler] and decides on which address.
package api

// Package dashboard is the service's face for people: pages that list jobs,
// tell what happened to one, help to decide about those that stand still, and
// show documents, instances and figures.
//
// Every page is written by the server and works without scripts: forms read by
// GET and change by POST, followed by a redirect. Scripts add what people would
// otherwise reload for: a page that changes asks for itself again when an event
// says so, and takes over what is new.
//
// It never serves anything from outside or of a PDF as HTML, never runs a script
// or a style that stands in a page (the Content-Security-Policy forbids both),
// and never shows an empty list where the store could not be read: an error is a
// page that says so.
package dashboard

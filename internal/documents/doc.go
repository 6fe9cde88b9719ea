// Package documents keeps what jobs are about: documents, their secrets, and
// which job's steps are a document's content.
//
// It adds its columns to the documents table that the store below it creates,
// and its own tables beside it, by migrations of its own. Files named sqlite*.go
// and postgres*.go hold all SQL, written twice.
//
// It guarantees: a document, its secret and its job appear in one transaction
// or not at all; the same bytes, options and owner make one document, however
// many submit them at once, until its job fails or is cancelled without content;
// a document has at most one job that a submit or reprocess started and that is
// still alive; content is published only by the attempt that owns the job; a
// document that is deleted is gone whole, with jobs, history, pages and secret.
//
// It never touches source files (package blob keeps them; SourcesInUse tells
// which are needed) and never returns a password but from [Store.Password].
package documents

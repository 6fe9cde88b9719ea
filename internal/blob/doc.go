// Package blob keeps source files under the SHA-256 of their bytes.
//
// A [Store] is one of three: a [Folder] of a local or shared file system, a
// [Database] (chunks in PostgreSQL, so that several machines need nothing but
// its URL), or an [S3] bucket, for volume.
//
// All guarantee: what Put returned is durable, and whole or not there at all,
// whatever dies when; the same bytes are kept once; what Open returned has the
// hash it is named by; nothing younger than [MinAge] is ever removed, and
// storing bytes again makes them young, and whole where they were damaged; no
// name from outside leads anywhere but to a blob; local files are readable by
// their owner alone; memory stays at a few MiB whatever the size.
//
// None knows who refers to a blob (that is asked of the caller of Sweep),
// changes bytes in place, or holds a transaction, a lock or a request open while
// it waits for the one who sends.
package blob

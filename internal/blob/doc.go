// Package blob keeps source files under the SHA-256 of their bytes.
//
// A [Folder] holds a blob as <first two digits>/<other 62>, temporary files in
// tmp, and a file lock that makes renewing and removing a blob exclude each
// other, between processes too.
//
// It guarantees: what [Folder.Put] returned is durable, and whole or not there
// at all, whatever dies when; the same bytes are kept once; what [Folder.Open]
// returned has the hash it is named by; nothing younger than [MinAge] is ever
// removed, and storing bytes again makes them young; no name from outside leads
// out of the folder; files are readable by their owner alone.
//
// It never knows who refers to a blob (that is asked of the caller of
// [Folder.Sweep]), never changes bytes in place and never follows a link out of
// its folder.
package blob

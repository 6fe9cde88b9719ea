// Package extract is the job that reads a document, and the document that comes
// of it.
//
// [Extractor.Handle] is the handler of jobs of kind [Kind]: it opens the source,
// reads the selected pages in order and records each as one step, seq k being
// the k-th selected page. [Results] makes Markdown, text, JSON and chunks of the
// recorded pages when somebody reads them. [Pictures] draws pages and gives the
// images in them, straight from the source.
//
// The handler guarantees: pages are recorded in order, each once, however often
// the job is interrupted, and what comes out is the same bytes as if it never
// was; when the worker stops it records what is ready and is back in less than
// 300 ms; a page that cannot be read is recorded as such and costs no other
// page; a document is complete only once all its pages are recorded. At most 16
// pages or 16 MiB wait to be recorded, beside what the reader holds ahead.
//
// Of a document all of whose pages failed nothing is published: its job fails
// with the code of its first page. The same happens where the reader gives the
// document up. The pages recorded until then stay readable.
//
// Reading results guarantees: memory does not grow with the document, no
// transaction is held open while a slow client reads, and the pages of a job
// that still runs are readable (complete: false). Where the pages change under
// the reader (the document is read again, restarted or deleted) it ends with
// [ErrReplaced] and never mixes two versions.
//
// It never writes a file, never logs a word of a document and never keeps
// Markdown, elements or chunks: they are made anew for each reader.
package extract

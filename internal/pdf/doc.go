// Package pdf reads PDFs that nobody vouches for.
//
// A PDF is never parsed in the process of the service. A [Pool] keeps a few
// reader processes: the same executable, started with [ReaderCommand], that
// holds PDFium as WebAssembly and is told over its standard input which page to
// read. A [Document] spreads its pages over the readers in short runs and hands
// the finished records back in order. It also has pages drawn, and gives the
// images in them.
//
// What it guarantees:
//
//   - A page that loops, crashes or swells its reader costs that page, a
//     document that does so while it is opened, or while its outline is read,
//     costs that document, and nothing costs the service: late and large readers are killed, every answer of a
//     reader is checked like any other input from outside.
//   - A reader has no file but the pipes it was started with. It asks for the
//     bytes of the document, and the service answers from the io.ReaderAt it was
//     given. PDFium in its turn has no way to the reader's files.
//   - No reader outlives the service, kill -9 included.
//   - Pages come in the order asked for, never lost and never twice, and never
//     more than a window of 48 pages or 48 MiB is held ahead of the consumer.
//
// What it never does: write a file (but for PDFium's compiled code in
// Config.CacheDir), keep a password longer than its Document, or log a word of
// a document.
//
// In the service, pool.go, process.go, watch.go and room.go keep the readers; document.go,
// pages.go and window.go read a document with them, ask.go and picture.go have it
// drawn. In a reader, main.go and main_picture.go answer the service, engine.go
// runs PDFium, and the files read_*.go take a document and its pages apart.
// frame.go, message.go and wire.go are what both speak.
package pdf

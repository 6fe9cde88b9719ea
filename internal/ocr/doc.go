// Package ocr recognises the text of pages that are pictures, by Tesseract where
// the machine has it.
//
// An [Engine] starts one process of Tesseract for each page, with the picture of
// the page as its standard input, and reads from its standard output which words
// stand where. The words become glyphs, and package layout makes the page's
// record of them as of any other page. A [Reader] is an engine with what a
// document asks for; it is what package pdf hands pages to.
//
// What it guarantees:
//
//   - Tesseract has the limits of a reader: time, memory, a process group of its
//     own, no file to write, and it never outlives the service. When the reading
//     of a document is told to stop, it is killed at once.
//   - What it answers is checked like any other input from outside. A page at
//     which it crashes, swells, floods or talks nonsense is tried once more, and
//     then stays as it was read, with the reason in its record. Nothing that it
//     does costs a document.
//   - The same picture gives the same words: it runs with one thread.
//
// What it never does: hand Tesseract a byte of a document that was not drawn
// anew in a reader, write a file, or log a word of a document.
package ocr

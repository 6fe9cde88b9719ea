// Package layout turns the glyphs of a page into its text, and pages into
// Markdown.
//
// Read takes what the PDF engine saw on one page and makes the page's record:
// lines in reading order, runs of one font, blocks of lines that belong
// together, and the text they all point into. A Profiler looks at every record
// of a document and finds what no single page can tell: which sizes are headings,
// which lines belong to the pages and not to the text (running headers, numbers).
// Elements and Markdown are then made from a record and a profile. Where a
// document is tagged and its tags are sound, they say what is otherwise seen:
// order, paragraphs, headings, lists, tables. A Break says what a page breaks off
// with and the next one goes on with; a Binder makes one text of all pages.
//
// It guarantees: the same input gives the same bytes; every character that can
// be seen and fits the limits is in exactly one line and that line in exactly
// one block; offsets slice Page.Text on rune boundaries; all numbers are finite;
// the cost of a page is O(n log n) in its glyphs, whatever the file says; Encode
// and Decode round-trip. A count proves the second on each page: where it fails,
// the page is in the order of its file and says so (Page.Order). Left out are
// control characters and the like, what stands outside the page (no viewer shows
// it), and what is drawn a second time in the same place (to look bold).
//
// It never reads or writes anything, never starts a goroutine, keeps no state
// between calls and does not change its arguments.
//
// Text keeps what the file says: ligatures stay one rune, soft hyphens and the
// hyphens of broken words stay where they are. Only white space is made
// regular: whatever separates two words on a line (drawn spaces, a gap, the
// engine's guess) is one U+0020. Markdown is for reading: there broken words
// are joined and Latin ligatures spelt out.
package layout

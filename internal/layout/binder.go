package layout

import "maps"

// Binder makes one Markdown text of the pages of a document, given in order: an
// empty line between two, and a paragraph that one breaks off with and the next
// goes on with in one piece. Notes and pictures that stand between its parts
// come behind it.
//
// It holds back no more than the paragraph that a page breaks off with and what
// the page has behind it. Where furniture stays, it stands between the parts,
// and nothing is joined.
type Binder struct {
	Profile Profile
	Style   Style

	held  *held
	begun bool // something is written
}

// maxHeld is how many bytes a Binder holds back: a longer paragraph is cut at
// the end of a page.
const maxHeld = 1 << 20

// held is text that is not written yet, for more of it may come.
type held struct {
	running
	element *Element
	at      int // of what its page has: where it would stand
	from    Break
	behind  string // what comes behind it
}

// Add returns what can be written, now that the page is known.
func (b *Binder) Add(p Page) string {
	of := elements(&p, &b.Profile)
	w := newMarkdown(&p, &b.Profile, b.Style)
	next, broken := -1, Break{}
	if !b.Style.Furniture {
		next, broken = b.joins(&p, of), breakOf(&p, of)
	}
	if next >= 0 {
		b.goOn(w, &of[next])
	}
	again := next >= 0 && broken.ID != "" && broken.at == next // all of the page is in the middle of it
	if broken.ID != "" && !again {
		e := &of[broken.at]
		w.held = &held{running: w.running(e), element: e, from: broken}
	}
	w.writeAll(of, next)
	text := w.sb.String()
	if text != "" || w.held != nil {
		text = b.part() + text
	}
	switch {
	case again:
		b.held.from, b.held.behind = broken, b.held.behind+text
		return ""
	case w.held == nil:
		return b.End() + text
	}
	at := len(text) - w.sb.Len() + w.held.at
	out := b.End() + text[:at]
	w.held.behind, b.held = text[at:], w.held
	return out
}

// End returns what is held back: nothing goes on with it.
func (b *Binder) End() string {
	h := b.held
	if h == nil {
		return ""
	}
	b.held = nil
	return writeFaces(h.end()) + h.behind
}

// joins returns which of a page's elements goes on with what is held back, -1
// for none.
func (b *Binder) joins(p *Page, of []Element) int {
	if b.held == nil || len(b.held.out)+len(b.held.behind) > maxHeld {
		return -1
	}
	return b.held.from.goesOn(p, of)
}

// goOn adds an element of a page to what is held back. Whether a hyphen is its
// word's own at the break is looked up on both pages and no further: a paragraph
// may go on over thousands.
func (b *Binder) goOn(w *markdown, e *Element) {
	known := maps.Clone(w.known)
	if known == nil {
		known = compounds{}
	}
	maps.Copy(known, b.held.known)
	b.held.known = known
	w.run(&b.held.running, e, b.Style.Plain)
	b.held.known = w.known
}

// part returns what parts a page from the one before.
func (b *Binder) part() string {
	if b.begun {
		return "\n"
	}
	b.begun = true
	return ""
}

package dashboard

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/ocr"
	"github.com/mivaa/mivaa/jobs"
)

// remark says of pages that their text is not simply what stands on them, and
// what to do about it. Name is what the document's JSON calls it.
type remark struct {
	Name  string
	Head  string // how many pages it is about
	Text  string
	Soft  string
	Fine  bool // nothing has to be done
	One   bool // it is about one page
	Pages []pageLink
	More  int // ranges beside those
}

const (
	nameNeedsOCR = "needs_ocr"
	nameOCR      = "ocr"
	nameGarbage  = "garbage"
	nameStream   = "order: " + layout.OrderStream

	mostRanges = 20 // of pages that a remark lists
)

// What to do, in the same words on the page of one page and of all.
const (
	garbageAdvice = "The fonts do not say which letters they show, so this is not the text that a reader sees."
	streamAdvice  = "In reading order some of the text would have been lost, so it stands in the order of the file. Nothing is missing: compare it with the page before you rely on its order."
)

// recogniseAdvice is how pages that need it are recognised.
func recogniseAdvice(mode ocr.Mode) string {
	if mode == ocr.Off {
		return "OCR is off for this document: submit the file again with OCR on auto."
	}
	return "Where the service finds Tesseract, reading the document again recognises it."
}

// remarksOf is what there is to say of a document's pages; before it is complete
// that is nothing.
func remarksOf(d documents.Document, f extract.Facts, found *extract.Found) []remark {
	var all []remark
	add := func(name, pages, verb, text, soft string) {
		if selected := extract.PagesOf(pages); selected != nil {
			n := selected.Count()
			r := remark{Name: name, Head: plural(n, "page") + " " + verb, Text: text, Soft: soft, One: n == 1}
			r.Pages, r.More = rangeLinks(selected, d.ID.String())
			all = append(all, r)
		}
	}
	var mode ocr.Mode
	if o := f.OCR; o != nil {
		mode = o.Mode
		soft := strings.TrimSpace(o.Engine + " " + o.Version)
		if o.Recognised > 0 {
			all = append(all, remark{
				Name: nameOCR, Head: plural(o.Recognised, "page") + " recognised", Fine: true,
				Text: "The text was recognised from the picture of the page: check what matters.", Soft: soft + ", " + o.Languages,
			})
		}
		add(nameOCR, o.Failed, "not recognised", "Recognising failed, and the page says why. Reading the document again tries once more.", soft)
		switch {
		case o.Needed == o.Failed:
		case mode == ocr.Force: // asked for: nobody knows that they need it
			add(nameOCR, o.Needed, "not recognised, though that was asked for", "The text is what the file says. "+recogniseAdvice(mode), "")
		default:
			add(nameNeedsOCR, o.Needed, "without the text that stands on them", "The text has to be recognised from the picture of the page. "+recogniseAdvice(mode), "")
		}
	}
	if found != nil {
		add(nameGarbage, found.Garbage, "with text that is garbage", garbageAdvice+" "+recogniseAdvice(mode), "")
		add(nameStream, found.Stream, "in the order of the file", streamAdvice, "")
	}
	return all
}

// remarksOfJob are those of its document, if the document's content is what the
// job read.
func (s *site) remarksOfJob(ctx context.Context, j api.JobStatus) ([]remark, error) {
	if j.Status != string(jobs.Completed) || j.DocumentID == nil {
		return nil, nil
	}
	id, err := jobs.ParseID(*j.DocumentID)
	if err != nil {
		return nil, err
	}
	doc, err := s.documents.Get(ctx, id)
	if errors.Is(err, documents.ErrNotFound) || err == nil && doc.ContentJobID.String() != j.ID {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	facts, err := extract.FactsOf(doc)
	if err != nil {
		return nil, err
	}
	found, err := extract.FoundIn(doc)
	if err != nil {
		return nil, err
	}
	return remarksOf(doc, facts, found), nil
}

// rangeLinks are the first ranges of pages, each with the address of its first.
func rangeLinks(pages extract.Pages, document string) ([]pageLink, int) {
	var links []pageLink
	for _, r := range pages[:min(len(pages), mostRanges)] {
		l := pageLink{Number: strconv.Itoa(r.First), Link: pageAddress(document, r.First)}
		if r.Last > r.First {
			l.Number += "–" + strconv.Itoa(r.Last)
		}
		links = append(links, l)
	}
	return links, len(pages) - len(links)
}

// remarksOn is what there is to say of one page.
func remarksOn(p extract.PageInfo, mode ocr.Mode) []remark {
	var all []remark
	add := func(name, text, soft string) { all = append(all, remark{Name: name, Text: text, Soft: soft}) }
	how := ""
	if o := p.OCR; o != nil {
		how = o.Engine + " " + o.Version + ", " + o.Languages
		if o.Confidence > 0 {
			how += fmt.Sprintf(", %d%% sure", o.Confidence)
		}
	}
	again := recogniseAdvice(mode)
	switch {
	case p.OCR == nil && p.NeedsOCR:
		add(nameNeedsOCR, "This page is a picture of text that was not recognised. "+again, "")
	case p.OCR == nil:
	case p.OCR.Status == layout.OCROK:
		all = append(all, remark{Name: nameOCR, Text: "The text was recognised from the page's picture: check what matters.", Soft: how, Fine: true})
	case p.OCR.Status == layout.OCREmpty:
		again = "Nothing could be recognised on its picture either: go by the picture."
		add(nameOCR, "Nothing was recognised on the page's picture.", how)
	case p.NeedsOCR:
		again = ""
		add(nameNeedsOCR, fmt.Sprintf("This page is a picture of text that was not recognised: %s (%s). Reading the document again tries once more.", p.OCR.Error, p.OCR.Code), how)
	default:
		again = ""
		add(nameOCR, fmt.Sprintf("The page was not recognised: %s (%s). Reading the document again tries once more.", p.OCR.Error, p.OCR.Code), how)
	}
	if p.Garbage {
		add(nameGarbage, strings.TrimSpace("The text of this page is garbage. "+garbageAdvice+" "+again), "")
	}
	if p.Order == layout.OrderStream {
		add(nameStream, streamAdvice, "")
	}
	return all
}

package extract

import (
	"context"
	"errors"
	"unicode/utf8"

	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/jobs"
)

// PageInfo is what is known of a recorded page, without its text.
type PageInfo struct {
	PageNumber int         `json:"page_number" doc:"From 1"`
	PageLabel  string      `json:"page_label,omitempty" doc:"As the document names it: iv, A-3"`
	Status     string      `json:"status" enum:"ok,failed"`
	ErrorCode  string      `json:"error_code,omitempty" doc:"Of a failed page"`
	Error      string      `json:"error,omitempty" doc:"Of a failed page"`
	Width      float64     `json:"width" doc:"In points, as shown; 0 of a failed page"`
	Height     float64     `json:"height"`
	Rotation   int         `json:"rotation" doc:"0, 90, 180 or 270, clockwise"`
	NeedsOCR   bool        `json:"needs_ocr" doc:"Images and hardly any text, and it was not recognised"`
	OCR        *layout.OCR `json:"ocr,omitempty" doc:"Of a page that was to be recognised from its picture"`
	Garbage    bool        `json:"garbage,omitempty" doc:"Its fonts do not say what most of its characters mean"`
	Order      string      `json:"order,omitempty" doc:"stream: text would have been lost in reading order, so it is in the order of the file"`
	Truncated  bool        `json:"truncated,omitempty" doc:"The page has more than a record holds"`
	Chars      int         `json:"chars" doc:"Of its text"`
	Images     int         `json:"images" doc:"That stand on it"`
}

// PageList is a part of a document's pages.
type PageList struct {
	DocumentID jobs.ID
	JobID      jobs.ID // whose steps they are
	PageCount  int     // of the document; 0: not known yet
	Complete   bool    // false: more may come
	Recorded   int     // pages, of all
	Pages      []PageInfo
	More       bool // there are pages behind these
}

// Page is a recorded page with what stands on it.
type Page struct {
	PageInfo
	DocumentID jobs.ID         `json:"document_id"`
	JobID      jobs.ID         `json:"job_id"` // whose step it is
	PageCount  int             `json:"page_count"`
	Complete   bool            `json:"complete"` // false: headings are told from text by the pages there are
	Text       string          `json:"text"`     // verbatim
	Markdown   string          `json:"markdown"`
	Elements   []Element       `json:"elements"`
	Language   string          `json:"language,omitempty"`
	Tables     []Table         `json:"tables"`
	Images     []DocumentImage `json:"images"` // at addresses as in an archive: images/p1-1.png

	FormFields  []Field      `json:"form_fields"`
	Annotations []Annotation `json:"annotations"`
}

func pageInfo(p *layout.Page) PageInfo {
	return PageInfo{
		PageNumber: p.Number, PageLabel: p.Label, Status: p.Status, ErrorCode: p.Code, Error: p.Error,
		Width: p.Width, Height: p.Height, Rotation: p.Rotation, NeedsOCR: p.NeedsOCR, OCR: p.OCR, Garbage: p.Garbage, Order: p.Order, Truncated: p.Truncated,
		Chars: utf8.RuneCountInString(p.Text), Images: len(p.Images),
	}
}

// Pages lists the recorded pages behind page after, at most limit.
//
// Errors: documents.ErrNotFound, documents.ErrNoContent, ErrReplaced.
func (r *Results) Pages(ctx context.Context, document jobs.ID, after, limit int) (PageList, error) {
	res, _, err := r.find(ctx, Request{Document: document})
	if err != nil {
		return PageList{}, err
	}
	list := PageList{
		DocumentID: res.DocumentID, JobID: res.JobID, PageCount: res.PageCount, Complete: res.Complete, Recorded: res.Pages,
		Pages: []PageInfo{},
	}
	wanted := res.steps.wanted
	for len(wanted) > 0 && res.steps.numbers[wanted[0]-1] <= after {
		wanted = wanted[1:]
	}
	list.More = len(wanted) > limit
	res.steps.wanted = wanted[:min(limit, len(wanted))]
	for p, err := range res.steps.pages(ctx) {
		if err != nil {
			return PageList{}, err
		}
		list.Pages = append(list.Pages, pageInfo(&p))
	}
	return list, nil
}

// Page returns one recorded page.
//
// Errors: documents.ErrNotFound, documents.ErrNoContent, ErrNoSuchPage (also of
// a page that is not recorded yet), ErrReplaced.
func (r *Results) Page(ctx context.Context, document jobs.ID, number int) (Page, error) {
	if number < 1 || number > maxPageNumber {
		return Page{}, noPage(number)
	}
	res, err := r.Open(ctx, Request{Document: document, Pages: Pages{{number, number}}})
	if err != nil {
		return Page{}, err
	}
	if res.Pages == 0 {
		return Page{}, noPage(number)
	}
	out := Page{
		DocumentID: res.DocumentID, JobID: res.JobID, PageCount: res.PageCount, Complete: res.Complete, Elements: []Element{},
	}
	var o outline
	for p, err := range res.steps.all(ctx) {
		if err != nil {
			return Page{}, err
		}
		elements := o.add(p, res.profile)
		if p.Number != number {
			continue
		}
		out.PageInfo, out.Text, out.Markdown, out.Elements = pageInfo(&p), p.Text, layout.Markdown(p, res.profile, res.request.style()), elements
		out.Language = languageOf(p.Text)
		out.Tables = append([]Table{}, tablesOf(&p, elements)...)
		out.Images = append([]DocumentImage{}, imagesOf(&p, elements, res.request.ImageBase)...)
		out.FormFields, out.Annotations = fieldsOf(&p), annotationsOf(&p)
		return out, nil
	}
	return Page{}, errors.Join(noPage(number), context.Cause(ctx))
}

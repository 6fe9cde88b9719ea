package main

import (
	"context"
	"strings"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/ocr"
	"github.com/mivaa/mivaa/jobs"
)

// askedOCR checks what a submission asks of recognising.
func askedOCR(mode, languages string) (asked, normal string, err error) {
	m := choice{of: ocrModes()}
	if mode != "" {
		if err := m.Set(mode); err != nil {
			return "", "", usagef("ocr: %w", err)
		}
	}
	if normal, err = ocr.Normal(languages); err != nil {
		return "", "", usagef("ocr_languages: %w", err)
	}
	return m.value, normal, nil
}

// ocrOf is what recognising came to in a document; zero where it was no matter.
func ocrOf(d documents.Document) (extract.OCRFacts, error) {
	f, err := extract.FactsOf(d)
	if err != nil || f.OCR == nil {
		return extract.OCRFacts{}, err
	}
	return *f.OCR, nil
}

// unrecognised says which pages are without the text that stands on them, and
// what an assistant can do about it.
func unrecognised(o extract.OCRFacts) []string {
	if o.Needed == "" {
		return nil
	}
	head := "Pages that need OCR and got none, so that the text that stands on them is missing: "
	what := "Somebody has to install Tesseract where documents are read, and to have this one read again."
	switch {
	case o.Mode == ocr.Off:
		what = "It was read with ocr off: submit the file again with ocr auto."
	case o.Failed != "":
		what = "Recognising failed on " + o.Failed + "; reading it again tries once more."
	}
	if o.Mode == ocr.Force { // asked for: nobody knows that they need it
		head = "Pages that were to be recognised and were not, so that their text is what the file says, if it says any: "
	}
	return []string{head + o.Needed + ". " + what}
}

// tellPages says which pages of a completed job are not what stands on them.
func (t *tools) tellPages(ctx context.Context, a *jobAnswer, j jobs.Job) error {
	if j.DocumentID.IsZero() { // written by hand
		return nil
	}
	failed, err := t.desk.documents.FailedPages(ctx, j.DocumentID, j.ID)
	if err != nil {
		return err
	}
	var notes []string
	if len(failed) > 0 {
		notes = append(notes, "Pages that could not be read: "+failedPages(failed))
	}
	doc, err := t.desk.documents.Get(ctx, j.DocumentID)
	if err != nil {
		return err
	}
	if doc.ContentJobID == j.ID { // what is known of it is what this job found
		known, err := ocrOf(doc)
		if err != nil {
			return err
		}
		a.NeedsOCR = known.Needed
		notes = append(notes, unrecognised(known)...)
	}
	a.Note = strings.Join(notes, " ")
	return nil
}

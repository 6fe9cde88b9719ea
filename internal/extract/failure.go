package extract

import (
	"errors"
	"fmt"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// CodeNoSuchPage is the code of a selection that has no page of the document.
const CodeNoSuchPage = "no_such_page"

// ErrNoSuchPage: none of the selected pages is in the document.
var ErrNoSuchPage = errors.New("no such page")

// lasting are the codes that trying again does not mend: they are the
// document's fault, or its source's.
var lasting = map[string]bool{
	pdf.CodeNotAPDF: true, pdf.CodePasswordRequired: true, pdf.CodePasswordWrong: true, pdf.CodeDamaged: true,
	pdf.CodeTooLarge: true, pdf.CodeTooManyPages: true, pdf.CodePageTimeout: true, pdf.CodeOutOfMemory: true, pdf.CodeReaderCrashed: true,
	blob.CodeMissing: true, blob.CodeChanged: true,
	CodeNoSuchPage: true,
}

// classify marks errors that trying again does not mend. Others are tried again
// within the job's budget: reading the source, the store, the engine may fail
// for reasons that pass.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, documents.ErrNotFound):
		return jobs.Permanent(jobs.WithCode(blob.CodeMissing, err))
	case lasting[jobs.Code(err)]:
		return jobs.Permanent(err)
	}
	return err
}

func noSuchPage(selected Pages, count int) error {
	return jobs.WithCode(CodeNoSuchPage, fmt.Errorf("%w: %s of a document with %d pages", ErrNoSuchPage, selected, count))
}

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

// CodeNoSuchFile is the code of an image or attachment that is not there.
const CodeNoSuchFile = "no_such_file"

// ErrNoSuchPage: none of the selected pages is in the document.
var ErrNoSuchPage = errors.New("no such page")

// Refused reports whether a code says that the document cannot be read as it
// was submitted: only other bytes, another password or other pages mend that.
func Refused(code string) bool {
	switch code {
	case pdf.CodeNotAPDF, pdf.CodePasswordRequired, pdf.CodePasswordWrong, pdf.CodeDamaged, pdf.CodeTooLarge, pdf.CodeTooManyPages, CodeNoSuchPage:
		return true
	}
	return false
}

// lasting reports whether trying again by itself would be in vain. A person may
// mend more: raise a limit, restore a source.
func lasting(code string) bool {
	switch code {
	case pdf.CodePageTimeout, pdf.CodeOutOfMemory, pdf.CodeReaderCrashed, blob.CodeMissing, blob.CodeChanged:
		return true
	}
	return Refused(code)
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
	case lasting(jobs.Code(err)):
		return jobs.Permanent(err)
	}
	return err
}

func noSuchPage(selected Pages, count int) error {
	return jobs.WithCode(CodeNoSuchPage, fmt.Errorf("%w: %s of a document with %d pages", ErrNoSuchPage, selected, count))
}

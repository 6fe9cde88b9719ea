package extract

import (
	"context"
	"errors"
	"fmt"

	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// ErrNoSuchAttachment: the document carries no file of that number.
var ErrNoSuchAttachment = errors.New("no such attachment")

// AttachedFile is a file that a document carries, as its JSON has it.
type AttachedFile struct {
	Number int    `json:"number" doc:"From 1; the last element of its address"`
	Name   string `json:"name" doc:"As the document has it"`
}

// Attachments lists the files that a document carries, in its own order: the
// number of the first is 1.
//
// Errors as of Page.
func (p *Pictures) Attachments(ctx context.Context, document jobs.ID) ([]pdf.Attachment, error) {
	src, err := p.source(ctx, document, 1)
	if err != nil {
		return nil, err
	}
	v, err := p.made.get(ctx, pictureKey{src: src.key, attachment: everyAttachment}, func(ctx context.Context) (any, int64, error) {
		var list []pdf.Attachment
		err := p.with(ctx, src, 1, func(d Drawing) (err error) { list, err = d.AttachedFiles(ctx); return err })
		return list, int64(1000 * len(list)), err
	})
	if err != nil {
		return nil, err
	}
	return v.([]pdf.Attachment), nil
}

// everyAttachment stands for the list of them.
const everyAttachment = -1

// Attachment returns the bytes of one of them by its number. They must not be
// changed.
//
// Errors as of Page, and ErrNoSuchAttachment.
func (p *Pictures) Attachment(ctx context.Context, document jobs.ID, number int) ([]byte, error) {
	if number < 1 {
		return nil, fmt.Errorf("%w: %d", ErrNoSuchAttachment, number)
	}
	src, err := p.source(ctx, document, 1)
	if err != nil {
		return nil, err
	}
	v, err := p.made.get(ctx, pictureKey{src: src.key, attachment: number}, func(ctx context.Context) (any, int64, error) {
		var data []byte
		err := p.with(ctx, src, 1, func(d Drawing) (err error) { data, err = d.AttachedFile(ctx, number-1); return err })
		return data, int64(len(data)), err
	})
	if errors.Is(err, pdf.ErrNoAttachment) {
		err = fmt.Errorf("%w: %d", ErrNoSuchAttachment, number)
	}
	if err != nil {
		return nil, err
	}
	return v.([]byte), nil
}

// attached names the files that the document carries.
func (res *Result) attached() []AttachedFile {
	list := make([]AttachedFile, len(res.facts.Attachments))
	for i, name := range res.facts.Attachments {
		list[i] = AttachedFile{i + 1, name}
	}
	return list
}

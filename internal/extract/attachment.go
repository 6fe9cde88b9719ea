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

// AnyMedia is the type of a file that nobody vouches for, whatever the document
// says of it.
const AnyMedia = "application/octet-stream"

// Attachment returns one of them by its number.
//
// Errors as of Page, and ErrNoSuchAttachment.
func (p *Pictures) Attachment(ctx context.Context, document jobs.ID, number int) (Picture, error) {
	if number < 1 {
		return Picture{}, fmt.Errorf("%w: %d", ErrNoSuchAttachment, number)
	}
	src, err := p.source(ctx, document, 1)
	if err != nil {
		return Picture{}, err
	}
	v, err := p.made.get(ctx, pictureKey{src: src.key, attachment: number}, func(ctx context.Context) (any, int64, error) {
		return p.draw(ctx, src, 1, func(d Drawing) (pdf.Picture, error) {
			data, err := d.AttachedFile(ctx, number-1)
			return pdf.Picture{MediaType: AnyMedia, Data: data}, err
		})
	})
	if errors.Is(err, pdf.ErrNoAttachment) {
		err = fmt.Errorf("%w: %d", ErrNoSuchAttachment, number)
	}
	if err != nil {
		return Picture{}, err
	}
	return v.(Picture), nil
}

// attached names the files that the document carries.
func (res *Result) attached() []AttachedFile {
	list := make([]AttachedFile, len(res.facts.Attachments))
	for i, name := range res.facts.Attachments {
		list[i] = AttachedFile{i + 1, name}
	}
	return list
}

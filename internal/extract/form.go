package extract

import (
	"context"

	"github.com/mivaa/mivaa/internal/layout"
)

// Field is a field of a form, where it stands on a page.
type Field struct {
	PageNumber int `json:"page_number"`
	layout.Field
}

// Annotation is a remark on a page.
type Annotation struct {
	PageNumber int `json:"page_number"`
	layout.Annotation
}

func fieldsOf(p *layout.Page) []Field {
	out := make([]Field, len(p.Fields))
	for i, f := range p.Fields {
		out[i] = Field{p.Number, f}
	}
	return out
}

func annotationsOf(p *layout.Page) []Annotation {
	out := make([]Annotation, len(p.Annotations))
	for i, a := range p.Annotations {
		out[i] = Annotation{p.Number, a}
	}
	return out
}

func (res *Result) eachField(ctx context.Context, out *jsonWriter) error {
	return eachOf(ctx, res, out, fieldsOf)
}

func (res *Result) eachAnnotation(ctx context.Context, out *jsonWriter) error {
	return eachOf(ctx, res, out, annotationsOf)
}

// eachOf writes what the pages asked for have of a kind.
func eachOf[T any](ctx context.Context, res *Result, out *jsonWriter, of func(*layout.Page) []T) error {
	for p, err := range res.steps.pages(ctx) {
		if err != nil {
			return err
		}
		for _, v := range of(&p) {
			if err := out.item(v); err != nil {
				return err
			}
		}
	}
	return nil
}

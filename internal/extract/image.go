package extract

import (
	"context"
	"path"
	"strings"

	"github.com/mivaa/mivaa/internal/layout"
)

// DocumentImage is an image of the document as JSON. Small decoration and backgrounds
// are none.
type DocumentImage struct {
	ID          string     `json:"image_id" doc:"Within its document" example:"p12-3"`
	ElementID   string     `json:"element_id"`
	Layer       string     `json:"layer" enum:"body,furniture" doc:"Furniture is what stands on many pages at the same place, such as a logo"`
	PageNumber  int        `json:"page_number"`
	Box         layout.Box `json:"bbox" nullable:"false"`
	Width       int        `json:"width" doc:"Of the image itself, in pixels; 0: not known"`
	Height      int        `json:"height"`
	MediaType   string     `json:"mime_type" doc:"What its address gives"`
	SHA256      string     `json:"sha256,omitempty" doc:"Of the image's data as the document holds it; of a JPEG, of the file at its address. None of a very large one"`
	URL         string     `json:"url" doc:"Of the image: relative to the service, or to the archive"`
	Caption     string     `json:"caption,omitempty"`
	Alt         string     `json:"alt,omitempty" doc:"What a tagged document says in its place"`
	HeadingPath []string   `json:"heading_path" nullable:"false"`
}

// imagesOf makes the images among the elements of a page, with addresses that
// begin with base.
func imagesOf(p *layout.Page, elements []Element, base string) []DocumentImage {
	var out []DocumentImage
	for i := range elements {
		e := &elements[i]
		if e.Type != layout.TypeImage {
			continue
		}
		name := p.ImageName(e.image)
		img := DocumentImage{
			ID: e.ImageID, ElementID: e.ID, Layer: e.Layer, PageNumber: p.Number, Box: e.Box, MediaType: "image/png",
			URL: base + name, Caption: e.caption, HeadingPath: e.HeadingPath,
		}
		if len(p.ImageData) > 0 {
			d := &p.ImageData[e.image]
			img.Width, img.Height, img.MediaType, img.SHA256, img.Alt = d.Width, d.Height, d.MediaType, d.SHA256, d.Alt
		}
		out = append(out, img)
	}
	return out
}

// imageID is the name of an image without its ending.
func imageID(p *layout.Page, index int) string {
	name := p.ImageName(index)
	return strings.TrimSuffix(name, path.Ext(name))
}

// eachImage tells f of the images.
func (res *Result) eachImage(ctx context.Context, f func(*DocumentImage) error) error {
	return res.eachElements(ctx, func(p *layout.Page, elements []Element) error {
		for _, img := range imagesOf(p, elements, res.request.ImageBase) {
			if err := f(&img); err != nil {
				return err
			}
		}
		return nil
	})
}

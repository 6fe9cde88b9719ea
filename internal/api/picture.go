package api

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// patienceWithPictures is how long a picture, or an attached file, may take: its turn, opening the
// document, and two attempts at it.
const patienceWithPictures = 3 * time.Minute

// Image is an image that stands on a page.
type Image struct {
	Name       string     `json:"name" doc:"Within its document" example:"p12-3.png"`
	PageNumber int        `json:"page_number"`
	Box        [4]float32 `json:"bbox" doc:"Where it stands: left, top, right, bottom in points from the top left of the page as shown"`
	Width      int        `json:"width" doc:"Of the image itself, in pixels"`
	Height     int        `json:"height"`
	MediaType  string     `json:"mime_type" enum:"image/jpeg,image/png"`
	URL        string     `json:"url"`
}

// ImageList is a part of a document's images.
type ImageList struct {
	DocumentID  string                 `json:"document_id" format:"uuid"`
	Images      []Image                `json:"images" nullable:"false" doc:"In the order they are drawn, page by page"`
	Count       int                    `json:"count" doc:"Images in this answer"`
	FailedPages []documents.FailedPage `json:"failed_pages" nullable:"false" doc:"Whose images could not be found out"`
	NextAfter   *int                   `json:"next_after" doc:"after of the next part; null: this is the last one"`
}

type (
	pagePictureInput struct {
		IDParam
		Page int `path:"n" minimum:"1" maximum:"1000000" doc:"Number of the page in the document, from 1"`
		DPI  int `query:"dpi" minimum:"1" maximum:"10000" default:"96" doc:"Dots an inch, brought between 18 and 300. Fewer where the picture would have more than 25 million pixels"`
	}
	imagesInput struct {
		IDParam
		Page  int `query:"page" minimum:"0" maximum:"1000000" doc:"Only this page's, whether or not it was read; 0: of the pages that were read"`
		After int `query:"after" minimum:"0" maximum:"1000000" doc:"next_after of the answer before"`
		Limit int `query:"limit" minimum:"1" maximum:"50" default:"10" doc:"Pages with images, at most"`
	}
	imageInput struct {
		IDParam
		Name string `path:"name" maxLength:"50" doc:"As the list has it" example:"p12-3.png"`
	}
	imagesOutput struct{ Body ImageList }
)

func (a *API) pictureRoutes(h huma.API) {
	const problems = " Made of the source, whether or not the page was read. Problems: 404 no_such_page, source_missing; 422 password_required, damaged, page_timeout, out_of_memory and the like: " +
		"it cannot be had of this document; 501 not_available."
	registerOpen(a, h, huma.Operation{
		OperationID: "get-page-image", Method: http.MethodGet, Path: pagesPath + "/{n}/image", Tags: []string{tagDocuments},
		Summary: "Draw a page", Description: "As a JPEG." + problems, Responses: fileResponses("The page", pdf.JPEG),
	}, a.pagePicture)
	registerOpen(a, h, huma.Operation{
		OperationID: "list-images", Method: http.MethodGet, Path: "/api/rag/documents/{id}/images", Tags: []string{tagDocuments},
		Summary: "List a document's images", Description: "Of one page, or of the pages that were read, a few pages at a time." + problems,
	}, a.listImages)
	registerOpen(a, h, huma.Operation{
		OperationID: "get-image", Method: http.MethodGet, Path: "/api/rag/documents/{id}/images/{name}", Tags: []string{tagDocuments},
		Summary:     "Get an image",
		Description: "The document's own JPEG where it holds one, else a PNG, at most 25 million pixels and 16 MiB." + problems + " 404 no_such_image.",
		Responses:   fileResponses("The image", pdf.JPEG, pdf.PNG),
	}, a.image)
}

func noPictures() *Problem {
	return problem(http.StatusNotImplemented, codeNotAvailable, "This service makes no pictures of pages.")
}

func (a *API) pagePicture(ctx context.Context, in *pagePictureInput) (*fileOutput, error) {
	return a.picture(ctx, func(ctx context.Context) (extract.Picture, error) {
		return a.pictures.Page(ctx, in.id(), in.Page, in.DPI)
	})
}

func (a *API) image(ctx context.Context, in *imageInput) (*fileOutput, error) {
	return a.picture(ctx, func(ctx context.Context) (extract.Picture, error) {
		return a.pictures.Image(ctx, in.id(), in.Name)
	})
}

// picture answers with what get gives.
func (a *API) picture(ctx context.Context, get func(context.Context) (extract.Picture, error)) (*fileOutput, error) {
	if a.pictures == nil {
		return nil, noPictures()
	}
	ctx, cancel := a.patientWithPictures(ctx)
	defer cancel()
	p, err := get(ctx)
	if err != nil {
		return nil, err
	}
	return a.sendFile(p, ""), nil
}

// patientWithPictures bounds what is made of the source.
func (a *API) patientWithPictures(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := a.untilStop(ctx)
	ctx, cancelWait := context.WithTimeout(ctx, patienceWithPictures)
	return ctx, func() { cancelWait(); cancel() }
}

// sendFile answers with what came out of a PDF, and what a browser is to do with
// it where that is not to show it.
func (a *API) sendFile(p extract.Picture, disposition string) *fileOutput {
	return &fileOutput{Body: func(hc huma.Context) {
		r, w := humachi.Unwrap(hc)
		ctx, cancel := a.untilStop(r.Context())
		defer cancel()
		fileHeaders(w.Header(), `"`+p.ETag+`"`)
		w.Header().Set("Content-Type", p.MediaType)
		if disposition != "" {
			w.Header().Set("Content-Disposition", disposition)
		}
		out := newPatientWriter(ctx, w)
		defer out.settle()
		http.ServeContent(out, r, "", time.Time{}, bytes.NewReader(p.Data))
	}}
}

func (a *API) listImages(ctx context.Context, in *imagesInput) (*imagesOutput, error) {
	ctx, cancel := a.patientWithPictures(ctx)
	defer cancel()
	list, err := a.Images(ctx, in.id(), in.Page, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	return &imagesOutput{Body: list}, nil
}

// Images lists the images of a page; of page 0: those of the recorded pages
// behind page after, on at most limit pages that have some.
func (a *API) Images(ctx context.Context, document jobs.ID, page, after, limit int) (ImageList, error) {
	list := ImageList{DocumentID: document.String(), Images: []Image{}, FailedPages: []documents.FailedPage{}}
	if a.pictures == nil {
		return list, noPictures()
	}
	if page > 0 {
		found, err := a.pictures.Images(ctx, document, page)
		list.add(document, found)
		return list, err
	}
	err := a.allImages(ctx, document, after, limit, &list)
	return list, err
}

// allImages goes through the recorded pages.
func (a *API) allImages(ctx context.Context, document jobs.ID, after, limit int, list *ImageList) error {
	const atOnce, most = 100, 1000 // pages looked at, with images or without
	for looked := 0; ; looked += atOnce {
		pages, err := a.results().Pages(ctx, document, after, atOnce)
		if err != nil {
			return err
		}
		for _, p := range pages.Pages {
			if limit == 0 {
				list.NextAfter = &after
				return nil
			}
			after = p.PageNumber
			if p.Images == 0 {
				continue
			}
			limit--
			found, err := a.pictures.Images(ctx, document, p.PageNumber)
			if e, ok := errors.AsType[*pdf.Error](err); ok && e.Code != pdf.CodeInternal {
				list.FailedPages = append(list.FailedPages, documents.FailedPage{PageNumber: p.PageNumber, Code: e.Code, Error: e.Error()})
			} else if err != nil {
				return err
			}
			list.add(document, found)
		}
		if !pages.More {
			return nil
		}
		if looked >= most {
			list.NextAfter = &after
			return nil
		}
	}
}

func (l *ImageList) add(document jobs.ID, found []extract.ImageInfo) {
	for _, f := range found {
		l.Images = append(l.Images, Image{
			Name: f.Name, PageNumber: f.PageNumber, Box: f.Box, Width: f.Width, Height: f.Height, MediaType: f.MediaType,
			URL: documentURL(document) + "/images/" + f.Name,
		})
	}
	l.Count = len(l.Images)
}

package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// drawing is a document of five pages. The third kills readers; page n has n
// images.
type drawing struct{}

func (drawing) Info() pdf.Info { return pdf.Info{PageCount: 5} }
func (drawing) Close() error   { return nil }

var errDrawing = &pdf.Error{Code: pdf.CodePageTimeout, Err: errors.New("draw page 3: not done after 1m0s")}

func (drawing) Picture(_ context.Context, page, dpi, _ int) (pdf.Picture, error) {
	if page == 3 {
		return pdf.Picture{}, errDrawing
	}
	return pdf.Picture{MediaType: pdf.JPEG, Data: fmt.Appendf(nil, "page %d at %d", page, dpi)}, nil
}

func (drawing) Images(_ context.Context, page int) ([]pdf.ImageInfo, error) {
	if page == 3 {
		return nil, errDrawing
	}
	list := make([]pdf.ImageInfo, page)
	for i := range list {
		list[i] = pdf.ImageInfo{MediaType: pdf.PNG, Width: 10, Height: 20}
	}
	return list, nil
}

func (drawing) AttachedFiles(context.Context) ([]pdf.Attachment, error) {
	return []pdf.Attachment{{Name: "../data.xml", MediaType: "text/xml", Size: 6}}, nil
}

func (drawing) AttachedFile(_ context.Context, index int) ([]byte, error) {
	if index > 0 {
		return nil, pdf.ErrNoAttachment
	}
	return []byte("<data>"), nil
}

func (drawing) Image(_ context.Context, page, index int) (pdf.Picture, error) {
	if index >= page {
		return pdf.Picture{}, pdf.ErrNoImage
	}
	return pdf.Picture{MediaType: pdf.PNG, Data: fmt.Appendf(nil, "image %d", index)}, nil
}

// newPictureEnv is an API that draws, and a document nobody has read.
func newPictureEnv(t *testing.T) (*env, Accepted) {
	e := newEnv(t, func(c *Config) {
		c.Pictures = extract.NewPictures(extract.PicturesConfig{
			Documents: c.Documents, Blobs: c.Blobs,
			Open: func(context.Context, io.ReaderAt, int64, string) (extract.Drawing, error) { return drawing{}, nil },
		})
		t.Cleanup(func() { _ = c.Pictures.Close() })
	})
	drawn := e.upload("drawn")
	return e, drawn
}

func TestPagePicture(t *testing.T) {
	t.Parallel()
	e, up := newPictureEnv(t)
	base := "/api/rag/documents/" + up.DocumentID
	for query, want := range map[string]string{"": "page 1 at 96", "?dpi=300": "page 1 at 300", "?dpi=5000": "page 1 at 300", "?dpi=1": "page 1 at 18"} {
		a := e.get(base + "/pages/1/image" + query)
		if a.StatusCode != http.StatusOK || a.body != want {
			t.Errorf("%q: %d %q", query, a.StatusCode, a.body)
		}
		for name, want := range map[string]string{
			"Content-Type": "image/jpeg", "X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-cache",
			"Content-Security-Policy": "default-src 'none'; sandbox", "Content-Disposition": "",
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if again := e.get(base+"/pages/1/image"+query, "If-None-Match", a.Header.Get("ETag")); again.StatusCode != http.StatusNotModified || again.body != "" {
			t.Errorf("asked again: %d", again.StatusCode)
		}
	}
	if head := e.send(http.MethodHead, base+"/pages/1/image", nil); head.StatusCode != http.StatusOK || head.body != "" || head.ContentLength != 12 {
		t.Errorf("HEAD: %d %d", head.StatusCode, head.ContentLength)
	}
	p := e.problem(e.get(base+"/pages/3/image"), http.StatusUnprocessableEntity, pdf.CodePageTimeout)
	if p.Detail != "This cannot be had of the document: draw page 3: not done after 1m0s." {
		t.Errorf("detail: %s", p.Detail)
	}
	e.problem(e.get(base+"/pages/6/image"), http.StatusNotFound, extract.CodeNoSuchPage)
	e.problem(e.get("/api/rag/documents/"+jobs.NewID().String()+"/pages/1/image"), http.StatusNotFound, codeNotFound)
	for _, bad := range []string{"/pages/0/image", "/pages/x/image", "/pages/1/image?dpi=0", "/pages/1/image?dpi=x"} {
		e.problem(e.get(base+bad), http.StatusBadRequest, codeInvalid)
	}
}

func TestImages(t *testing.T) {
	t.Parallel()
	e, up := newPictureEnv(t)
	base := "/api/rag/documents/" + up.DocumentID
	one := read[ImageList](e, e.get(base+"/images?page=2"), http.StatusOK) // not read yet
	if one.Count != 2 || one.Images[1].Name != "p2-2.png" || one.Images[1].URL != base+"/images/p2-2.png" || one.Images[1].Height != 20 {
		t.Errorf("images of page 2: %+v", one)
	}
	if a := e.get(one.Images[1].URL); a.StatusCode != http.StatusOK || a.body != "image 1" || a.Header.Get("Content-Type") != "image/png" ||
		a.Header.Get("Content-Security-Policy") != "default-src 'none'; sandbox" {
		t.Errorf("%d %q %v", a.StatusCode, a.body, a.Header)
	}
	if none := read[ImageList](e, e.get(base+"/images"), http.StatusOK); none.Count != 0 || none.Images == nil || none.NextAfter != nil {
		t.Errorf("of pages that were not read: %+v", none)
	}
	for _, name := range []string{"p2-3.png", "p6-1.png", "x.png", "p1-1.svg", "..%2fp1-1.png"} {
		e.problem(e.get(base+"/images/"+name), http.StatusNotFound, codeNoSuchImage)
	}
	e.problem(e.get(base+"/images?page=6"), http.StatusNotFound, extract.CodeNoSuchPage)
	e.problem(e.get(base+"/images?page=3"), http.StatusUnprocessableEntity, pdf.CodePageTimeout)
}

// All images of a document are listed page by page, and a page of which they
// cannot be had does not end the list.
func TestAllImages(t *testing.T) {
	t.Parallel()
	e, up := newPictureEnv(t)
	e.processImages(mustID(e, *up.JobID), 1, 3, 0, 4, 5) // none on the third of the record
	base := "/api/rag/documents/" + up.DocumentID + "/images?limit=2"
	first := read[ImageList](e, e.get(base), http.StatusOK)
	if first.Count != 3 || first.Images[2].Name != "p2-2.png" || first.NextAfter == nil || *first.NextAfter != 2 {
		t.Fatalf("first part: %+v", first)
	}
	second := read[ImageList](e, e.get(base+"&after=2"), http.StatusOK)
	if second.Count != 9 || second.Images[0].Name != "p4-1.png" || second.NextAfter != nil {
		t.Errorf("second part: %+v", second)
	}
}

func TestAllImagesOfAPageThatFails(t *testing.T) {
	t.Parallel()
	e, up := newPictureEnv(t)
	e.processImages(mustID(e, *up.JobID), 1, 1, 1)
	list := read[ImageList](e, e.get("/api/rag/documents/"+up.DocumentID+"/images"), http.StatusOK)
	if list.Count != 3 || len(list.FailedPages) != 1 || list.FailedPages[0].PageNumber != 3 || list.FailedPages[0].Code != pdf.CodePageTimeout {
		t.Errorf("%+v", list)
	}
}

func TestNoPictures(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	base := "/api/rag/documents/" + e.upload("undrawn").DocumentID
	for _, path := range []string{"/pages/1/image", "/images", "/images?page=1", "/images/p1-1.png"} {
		e.problem(e.get(base+path), http.StatusNotImplemented, codeNotAvailable)
	}
}

// processImages runs a document's job to its end; its pages hold so many images,
// as their records have it.
func (e *env) processImages(id jobs.ID, images ...int) {
	e.Helper()
	j := e.claim(id)
	facts, err := json.Marshal(extract.Facts{Info: pdf.Info{PageCount: len(images)}, SelectedPages: len(images)})
	e.ok(err)
	e.ok(e.docs.SetFacts(e.Context(), j.Fence(), facts))
	for i, n := range images {
		p := record(i+1, "A page with images.")
		p.Images = make([]layout.Box, n)
		e.ok(e.store.Checkpoint(e.Context(), j.Fence(), len(images), jobs.Step{Seq: i + 1, Data: p.Encode()}))
	}
	e.ok(e.docs.Publish(e.Context(), j.Fence(), json.RawMessage(`{"v":1,"pages":1,"body_size":11}`)))
	e.finish(j, jobs.Outcome{Status: jobs.Completed})
}

func TestPicturesBusy(t *testing.T) {
	t.Parallel()
	if p := problemOf(fmt.Errorf("draw: %w", extract.ErrBusy)); p.Status != http.StatusServiceUnavailable || p.Code != codeBusy || p.GetHeaders().Get("Retry-After") == "" {
		t.Errorf("too many pictures are %+v", p)
	}
}

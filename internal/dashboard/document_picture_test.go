package dashboard

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
)

// drawing is a PDF of three pages with one image on each; that of the second
// cannot be looked at.
type drawing struct{}

var errNoDrawing = errors.New("cannot be drawn")

func (drawing) Info() pdf.Info { return pdf.Info{PageCount: 3} }
func (drawing) Close() error   { return nil }

func (drawing) Picture(context.Context, int, int, int) (pdf.Picture, error) {
	return pdf.Picture{MediaType: "image/jpeg", Width: 1, Height: 1, Data: []byte("\xff\xd8\xff")}, nil
}

func (drawing) Images(_ context.Context, page int) ([]pdf.ImageInfo, error) {
	if page == 2 {
		return nil, errNoDrawing
	}
	return []pdf.ImageInfo{{Box: layout.Box{0, 0, 10, 10}, Width: 640, Height: 480, MediaType: "image/png"}}, nil
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

func (drawing) Image(context.Context, int, int) (pdf.Picture, error) {
	return pdf.Picture{MediaType: "image/png", Width: 1, Height: 1, Data: []byte("\x89PNG")}, nil
}

// The picture of a page stands beside its text, the boxes over it and the text
// lead to each other, and a page whose images cannot be listed is still a page.
func TestPagePictures(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *api.Config) {
		c.Pictures = extract.NewPictures(extract.PicturesConfig{
			Documents: c.Documents, Blobs: c.Blobs,
			Open: func(context.Context, io.ReaderAt, int64, string) (extract.Drawing, error) { return drawing{}, nil },
		})
		t.Cleanup(func() { _ = c.Pictures.Close() })
	})
	j := e.upload("drawn.pdf")
	base, source := "/documents/"+j.DocumentID.String(), "/api/rag/documents/"+j.DocumentID.String()
	e.process(j.ID, 3, 3, 3)

	e.contains(e.page(base), `<img src="`+source+`/pages/1/image?dpi=30"`, `class="blank"`) // of the failed page there is none
	one := e.page(base + "/pages/1")
	e.contains(one, `<image href="`+source+`/pages/1/image?dpi=110"`, `viewBox="0 0 595.0 842.0"`, `<a href="#e1" id="box-e1"`, `data-box="box-e1"`,
		`<a class="kind" href="#box-e1"`, source+"/images/p1-1.png", "640 × 480")
	for _, address := range []string{"/pages/1/image?dpi=110", "/images/p1-1.png"} {
		if a := e.get(source + address); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", address, a.StatusCode, a.body)
		}
	}
	two := e.page(base + "/pages/2")
	e.contains(two, "This is the text of page 2.", `id="images"`)
	if strings.Contains(two, errNoDrawing.Error()) {
		t.Error("an error's own words are shown")
	}
	if three := e.page(base + "/pages/3"); strings.Contains(three, `id="images"`) {
		t.Error("the images of a failed page were asked for")
	}
}

// Without pictures there are none, and no gap where they would be.
func TestPagesWithoutPictures(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	j := e.upload("plain.pdf")
	e.process(j.ID, 1, 1)
	base := "/documents/" + j.DocumentID.String()
	for _, path := range []string{base, base + "/pages/1"} {
		if page := e.page(path); strings.Contains(page, "/image?") || strings.Contains(page, "data-box") {
			t.Errorf("%s has a picture", path)
		}
	}
}

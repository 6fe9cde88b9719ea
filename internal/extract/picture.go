package extract

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// Picture is an image, ready to be served.
type Picture struct {
	MediaType string // image/jpeg or image/png
	Data      []byte // must not be changed
	ETag      string // of these bytes, without quotes
}

// ImageInfo is an image that a document holds.
type ImageInfo struct {
	Name       string     `json:"name"` // within its document; the last element of its address
	PageNumber int        `json:"page_number"`
	Box        [4]float32 `json:"bbox"`  // left, top, right, bottom in points from the top left of the page as shown
	Width      int        `json:"width"` // of the image itself, in pixels
	Height     int        `json:"height"`
	MediaType  string     `json:"mime_type"`
}

// ErrNoSuchImage: no image of the document has that name.
var ErrNoSuchImage = errors.New("no such image")

// Drawing is an open PDF as pictures are made of it: what *pdf.Document is.
type Drawing interface {
	// Info is what the document says of itself.
	Info() pdf.Info
	// Picture draws a page.
	Picture(ctx context.Context, page, dpi, quality int) (pdf.Picture, error)
	// Images lists the images of a page.
	Images(ctx context.Context, page int) ([]pdf.ImageInfo, error)
	// Image gives one of them, by its index.
	Image(ctx context.Context, page, index int) (pdf.Picture, error)
	// AttachedFiles lists the files that the document carries.
	AttachedFiles(ctx context.Context) ([]pdf.Attachment, error)
	// AttachedFile gives one of them, by its index.
	AttachedFile(ctx context.Context, index int) ([]byte, error)
	// Close ends what is being drawn and waits until the source is not used.
	Close() error
}

// DrawFunc opens a PDF to draw it. src stays the caller's to close, after it.
type DrawFunc func(ctx context.Context, src io.ReaderAt, size int64, password string) (Drawing, error)

// PicturesConfig is what Pictures are made with. Open, Documents and Blobs are
// required.
type PicturesConfig struct {
	Open      DrawFunc
	Documents documents.Store
	Blobs     blob.Store

	AtOnce int   // pictures that are made at the same time; 0: 2
	Memory int64 // bytes of pictures that are kept; 0: 64 MiB
}

// Pictures makes pictures of pages, and gives the images in them, from a
// document's source: whether or not its pages were recorded. What was made is
// kept in memory while there is room, and made once however many ask for it.
// Documents that were just asked about stay open for some seconds.
//
// Errors, beside those of the stores: ErrNoSuchPage, ErrNoSuchImage, ErrBusy,
// documents.ErrNotFound, documents.ErrNoSource, *pdf.Error; pdf.ErrClosed after
// Close. One that is the document's own fault is remembered for a minute and for
// all that is asked of the page, so that asking again for a page that kills
// readers is cheap.
type Pictures struct {
	documents documents.Store
	shelf     *shelf
	made      *cache
	salt      [32]byte // of the marks of passwords, this process's own
}

// quality is that of the JPEGs: text stays sharp, and a page of it is 100 KB at
// 96 dots an inch.
const quality = 82

// NewPictures returns Pictures. The caller closes them, before what Open uses.
func NewPictures(c PicturesConfig) *Pictures {
	if c.AtOnce == 0 {
		c.AtOnce = 2
	}
	if c.Memory == 0 {
		c.Memory = 64 << 20
	}
	p := &Pictures{documents: c.Documents, shelf: newShelf(c.Open, c.Blobs), made: newCache(c.AtOnce, c.Memory)}
	_, _ = rand.Read(p.salt[:]) // never fails
	return p
}

// Close ends what is being made, closes the documents and waits for both.
func (p *Pictures) Close() error {
	p.made.close()
	return p.shelf.close()
}

// Page returns a page as a JPEG, at so many dots an inch: 18 to 300, and fewer
// where it would have more than 25 million pixels.
func (p *Pictures) Page(ctx context.Context, document jobs.ID, number, dpi int) (Picture, error) {
	src, err := p.source(ctx, document, number)
	if err != nil {
		return Picture{}, err
	}
	dpi = min(max(dpi, pdf.LowestDPI), pdf.HighestDPI)
	v, err := p.made.get(ctx, pictureKey{src: src.key, page: number, dpi: dpi}, func(ctx context.Context) (any, int64, error) {
		return p.draw(ctx, src, number, func(d Drawing) (pdf.Picture, error) { return d.Picture(ctx, number, dpi, quality) })
	})
	if err != nil {
		return Picture{}, err
	}
	return v.(Picture), nil
}

// Images returns what images a page holds, in the order they are drawn: one
// that is drawn twice is there twice.
func (p *Pictures) Images(ctx context.Context, document jobs.ID, page int) ([]ImageInfo, error) {
	src, err := p.source(ctx, document, page)
	if err != nil {
		return nil, err
	}
	v, err := p.made.get(ctx, pictureKey{src: src.key, page: page, list: true}, func(ctx context.Context) (any, int64, error) {
		var list []ImageInfo
		err := p.with(ctx, src, page, func(d Drawing) error {
			found, err := d.Images(ctx, page)
			list = imageList(page, found)
			return err
		})
		return list, int64(100 * len(list)), err
	})
	if err != nil {
		return nil, err
	}
	return v.([]ImageInfo), nil
}

// Image returns one of them by its name.
func (p *Pictures) Image(ctx context.Context, document jobs.ID, name string) (Picture, error) {
	page, index, ok := parseImageName(name)
	if !ok {
		return Picture{}, fmt.Errorf("%w: %.40q", ErrNoSuchImage, name)
	}
	src, err := p.source(ctx, document, page)
	if errors.Is(err, ErrNoSuchPage) {
		err = fmt.Errorf("%w: %.40q", ErrNoSuchImage, name)
	}
	if err != nil {
		return Picture{}, err
	}
	v, err := p.made.get(ctx, pictureKey{src: src.key, page: page, image: index + 1}, func(ctx context.Context) (any, int64, error) {
		return p.draw(ctx, src, page, func(d Drawing) (pdf.Picture, error) { return d.Image(ctx, page, index) })
	})
	if errors.Is(err, pdf.ErrNoImage) || errors.Is(err, ErrNoSuchPage) {
		err = fmt.Errorf("%w: %.40q", ErrNoSuchImage, name)
	}
	if err != nil {
		return Picture{}, err
	}
	return v.(Picture), nil
}

// source finds the document's source and what opens it, and refuses pages that
// are known not to be there.
func (p *Pictures) source(ctx context.Context, id jobs.ID, page int) (source, error) {
	d, err := p.documents.Get(ctx, id)
	if err != nil {
		return source{}, err
	}
	ref, err := d.Source()
	if err != nil {
		return source{}, err
	}
	facts, err := FactsOf(d)
	if err != nil {
		facts.PageCount = 0 // the document will say
	}
	if page < 1 || facts.PageCount > 0 && page > facts.PageCount {
		return source{}, noPage(page)
	}
	s := source{ref: ref, key: sourceKey{sha256: ref.SHA256}}
	if s.password, err = p.documents.Password(ctx, id); err != nil {
		return source{}, err
	}
	if s.password != "" {
		// Whoever has the same bytes and not the password is not to be shown them.
		h := hmac.New(sha256.New, p.salt[:])
		h.Write([]byte(s.password))
		h.Sum(s.key.mark[:0])
	}
	return s, nil
}

func noPage(page int) error {
	return jobs.WithCode(CodeNoSuchPage, fmt.Errorf("%w: %d", ErrNoSuchPage, page))
}

// with lends f the open document.
func (p *Pictures) with(ctx context.Context, src source, page int, f func(Drawing) error) (err error) {
	d, err := p.shelf.take(ctx, src)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.shelf.put(d)) }()
	if page > d.drawing.Info().PageCount {
		return noPage(page)
	}
	return f(d.drawing)
}

// draw makes a picture, and says how much memory it takes.
func (p *Pictures) draw(ctx context.Context, src source, page int, f func(Drawing) (pdf.Picture, error)) (any, int64, error) {
	var made pdf.Picture
	err := p.with(ctx, src, page, func(d Drawing) (err error) { made, err = f(d); return err })
	if err != nil {
		return nil, 0, err
	}
	sum := sha256.Sum256(made.Data)
	return Picture{MediaType: made.MediaType, Data: made.Data, ETag: hex.EncodeToString(sum[:16])}, int64(len(made.Data)), nil
}

func imageList(page int, found []pdf.ImageInfo) []ImageInfo {
	list := make([]ImageInfo, len(found))
	for i, f := range found {
		list[i] = ImageInfo{
			Name: imageName(page, i, f.MediaType), PageNumber: page, Box: rounded(f.Box), Width: f.Width, Height: f.Height, MediaType: f.MediaType,
		}
	}
	return list
}

// rounded is the box as the page's record has it.
func rounded(box layout.Box) [4]float32 {
	for i, v := range box {
		box[i] = float32(math.Round(float64(v)*100) / 100)
	}
	return box
}

// imageName is p12-3.jpg for the third image of page 12.
func imageName(page, index int, media string) string {
	ending := "png"
	if media == pdf.JPEG {
		ending = "jpg"
	}
	return fmt.Sprintf("p%d-%d.%s", page, index+1, ending)
}

var imageNames = regexp.MustCompile(`^p([1-9][0-9]{0,6})-([1-9][0-9]{0,4})\.(?:jpg|png)$`)

// parseImageName reads a name. Its ending is of no account: a JPEG that turned
// out to be none is a PNG.
func parseImageName(name string) (page, index int, ok bool) {
	m := imageNames.FindStringSubmatch(name)
	if m == nil {
		return 0, 0, false
	}
	page, _ = strconv.Atoi(m[1])
	index, _ = strconv.Atoi(m[2])
	return page, index - 1, true
}

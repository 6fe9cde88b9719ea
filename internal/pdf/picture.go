package pdf

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // what a reader may answer with
	_ "image/png"

	"github.com/mivaa/mivaa/internal/layout"
)

// Bounds of a picture. A page that would have more pixels is drawn with fewer
// dots an inch, never refused.
const (
	LowestDPI  = 18
	HighestDPI = 300
	mostPixels = 25_000_000
	longest    = 16_384 // pixels of a side; a JPEG cannot have more than 65,535
	maxPicture = 16 << 20
)

// The media types of a Picture.
const (
	JPEG = "image/jpeg"
	PNG  = "image/png"
)

// ErrNoImage: the page has no image of that number.
var ErrNoImage = errors.New("pdf: no such image")

// Picture is an image, encoded.
type Picture struct {
	MediaType     string // JPEG or PNG
	Width, Height int    // in pixels
	Data          []byte // at most 16 MiB
}

// ImageInfo is an image that stands on a page.
type ImageInfo struct {
	Box       layout.Box `json:"bbox"`
	Width     int        `json:"width"` // of the image itself, in pixels
	Height    int        `json:"height"`
	MediaType string     `json:"mime_type"` // what Image gives: JPEG where the document holds one, else PNG
}

// renderRequest is the payload of frameRender, imageRequest of frameImage.
type (
	renderRequest struct {
		Page    int `json:"page"`
		DPI     int `json:"dpi"`
		Quality int `json:"quality"`
	}
	imageRequest struct {
		Page  int `json:"page"`
		Index int `json:"index"` // from 0, in the order of the list
	}
)

// Picture draws a page (from 1) as a JPEG of a quality (1 to 100), at so many
// dots an inch, brought between LowestDPI and HighestDPI, and fewer where the
// picture would have more than 25 million pixels. It is bound by the limits of a
// page. Failures are an *Error, ErrClosed, or the cause of ctx.
func (d *Document) Picture(ctx context.Context, page, dpi, quality int) (Picture, error) {
	if err := d.has(page); err != nil {
		return Picture{}, err
	}
	request, err := json.Marshal(renderRequest{page, min(max(dpi, LowestDPI), HighestDPI), min(max(quality, 1), 100)})
	if err != nil {
		return Picture{}, fail(CodeInternal, "encode request: %w", err)
	}
	var p Picture
	err = d.ask(ctx, fmt.Sprintf("draw page %d", page), frameRender, request, func(f frame) (err error) {
		p, err = decodePicture(f)
		if err == nil && p.MediaType != JPEG {
			err = errPicture
		}
		return err
	})
	return p, err
}

// Images lists the images of a page (from 1), in the order in which the page's
// record has their boxes, at most layout.MaxImages. Failures as of Picture.
func (d *Document) Images(ctx context.Context, page int) ([]ImageInfo, error) {
	if err := d.has(page); err != nil {
		return nil, err
	}
	var list []ImageInfo
	err := d.ask(ctx, fmt.Sprintf("list images of page %d", page), frameImages, encodePage(page), func(f frame) (err error) {
		list, err = decodeImageList(f)
		return err
	})
	return list, err
}

// Image returns an image of a page by its place in the list, from 0: the
// document's own JPEG, or a PNG with at most 25 million pixels and 16 MiB, made
// smaller where it has to be. Failures as of Picture, and ErrNoImage.
func (d *Document) Image(ctx context.Context, page, index int) (Picture, error) {
	if err := d.has(page); err != nil {
		return Picture{}, err
	}
	if index < 0 || index >= layout.MaxImages {
		return Picture{}, ErrNoImage
	}
	request, err := json.Marshal(imageRequest{page, index})
	if err != nil {
		return Picture{}, fail(CodeInternal, "encode request: %w", err)
	}
	var p Picture
	err = d.ask(ctx, fmt.Sprintf("read image %d of page %d", index+1, page), frameImage, request, func(f frame) (err error) {
		if f.kind == framePicture && len(f.payload) == 0 {
			p = Picture{}
			return nil
		}
		p, err = decodePicture(f)
		return err
	})
	if err == nil && p.Data == nil {
		err = ErrNoImage
	}
	return p, err
}

// has reports a page that the document has not got: the caller's mistake.
func (d *Document) has(page int) error {
	if page < 1 || page > d.opened.PageCount {
		return fail(CodeInternal, "page %d of %d asked for", page, d.opened.PageCount)
	}
	return nil
}

var errPicture = errors.New("a picture that cannot be")

// encodePicture is what a reader answers with.
func encodePicture(width, height int, data []byte) []byte {
	b := make([]byte, 0, 8+len(data))
	b = binary.LittleEndian.AppendUint32(b, uint32(width))
	b = binary.LittleEndian.AppendUint32(b, uint32(height))
	return append(b, data...)
}

// decodePicture checks what a reader says is a picture: it is of one of two
// kinds, and as large as the reader says, which is not too large.
func decodePicture(f frame) (Picture, error) {
	if f.kind != framePicture || len(f.payload) <= 8 || len(f.payload) > 8+maxPicture {
		return Picture{}, errPicture
	}
	width, height := int(binary.LittleEndian.Uint32(f.payload)), int(binary.LittleEndian.Uint32(f.payload[4:]))
	data := f.payload[8:]
	config, kind, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return Picture{}, fmt.Errorf("%w: %w", errPicture, err)
	}
	if config.Width != width || config.Height != height || !bounded(width, height) {
		return Picture{}, fmt.Errorf("%w: %d by %d pixels, not %d by %d", errPicture, config.Width, config.Height, width, height)
	}
	p := Picture{Width: width, Height: height, Data: bytes.Clone(data)} // the payload is overwritten by the next
	switch kind {
	case "jpeg":
		p.MediaType = JPEG
	case "png":
		p.MediaType = PNG
	default:
		return Picture{}, errPicture
	}
	return p, nil
}

func bounded(width, height int) bool {
	return width >= 1 && height >= 1 && width <= longest && height <= longest && width*height <= mostPixels
}

// decodeImageList checks a list of images.
func decodeImageList(f frame) ([]ImageInfo, error) {
	if f.kind != frameImageList {
		return nil, errors.New("not a list of images")
	}
	var list []ImageInfo
	if err := json.Unmarshal(f.payload, &list); err != nil {
		return nil, err
	}
	if len(list) > layout.MaxImages {
		return nil, fmt.Errorf("a list of %d images", len(list))
	}
	for _, i := range list {
		if i.Width < 1 || i.Height < 1 || i.MediaType != JPEG && i.MediaType != PNG {
			return nil, errPicture
		}
	}
	return list, nil
}

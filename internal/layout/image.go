package layout

import (
	"slices"
	"strconv"
	"strings"
)

// ImageData is what the document says of an image that stands on a page.
type ImageData struct {
	Width     int    `json:"width"` // of the image itself, in pixels
	Height    int    `json:"height"`
	MediaType string `json:"mime_type"` // image/jpeg where the document holds one, else image/png: what it is given out as

	// SHA256 is that of the image's data as the document holds it, in hex: of a
	// JPEG, of the file that is given out. Empty for one that is very large.
	SHA256 string `json:"sha256,omitempty"`

	Alt string `json:"alt,omitempty"` // what a tagged document says in its place
}

// A picture that says something is larger than this. What is smaller is a
// bullet, an icon, a rule or a shadow drawn as an image.
const (
	leastSide   = 12.0  // points
	leastArea   = 900.0 // square points
	leastPixels = 8     // of a side
	mostAspect  = 20.0  // of a strip that is thin
	thinStrip   = 20.0  // points

	// mostShown bounds what one page puts into the flow: a page of more images
	// is a drawing in pieces.
	mostShown = 100

	// A page of more characters than this, under which an image lies that covers
	// it, has a background: its own scan, or paper.
	backgroundChars = 200
	backgroundShare = 0.85
)

// Shows reports whether an image of the page says something: small decoration,
// backgrounds and what lies outside the page do not.
func (p *Page) Shows(image int) bool {
	b := p.Images[image]
	w := min(float64(b[2]), p.Width) - max(float64(b[0]), 0)
	h := min(float64(b[3]), p.Height) - max(float64(b[1]), 0)
	switch {
	case w < leastSide || h < leastSide || w*h < leastArea:
		return false
	case min(w, h) < thinStrip && max(w, h) > mostAspect*min(w, h):
		return false
	case w > backgroundShare*p.Width && h > backgroundShare*p.Height && len(p.Text) > backgroundChars:
		return false
	}
	if len(p.ImageData) == 0 {
		return true
	}
	d := &p.ImageData[image]
	return min(d.Width, d.Height) >= leastPixels
}

// withImages puts the page's images where they are read: behind what stands
// above them in the same column, else before what stands below.
func withImages(p *Page, prof *Profile, elements []Element) []Element {
	shown := 0
	for i, box := range p.Images {
		if shown == mostShown {
			break
		}
		if !p.Shows(i) || slices.Contains(p.Images[:i], box) { // drawn twice: a picture and its mask
			continue
		}
		shown++
		at := placeOf(box, elements)
		e := Element{
			ID: "p" + strconv.Itoa(p.Number) + "i" + strconv.Itoa(i+1), Type: TypeImage, Layer: LayerBody,
			Page: p.Number, Box: box, Image: i, Confidence: 1,
		}
		if at > 0 {
			e.Start = elements[at-1].End
		} else if len(elements) > 0 {
			e.Start = elements[0].Start
		}
		e.End = e.Start
		if len(p.ImageData) > 0 && slices.Contains(prof.Logos, p.logoKey(i)) {
			e.Layer = LayerFurniture
		}
		elements = slices.Insert(elements, at, e)
	}
	if shown > 0 {
		for i := range elements {
			elements[i].Order = i
		}
	}
	return elements
}

// placeOf returns the index that an image at box has in reading order.
func placeOf(box Box, elements []Element) int {
	middle := (box[1] + box[3]) / 2
	behind, before, above := -1, -1, 0
	for i := range elements {
		e := &elements[i]
		if e.Box[3] <= middle || (e.Box[1]+e.Box[3])/2 <= box[1] {
			above = i + 1
		}
		if min(e.Box[2], box[2]) <= max(e.Box[0], box[0]) {
			continue // not in its column
		}
		switch {
		case (e.Box[1]+e.Box[3])/2 <= middle:
			behind = i
		case before < 0:
			before = i
		}
	}
	switch {
	case behind >= 0:
		return behind + 1
	case before >= 0:
		return before
	}
	return above
}

// nearCaption is how far a caption may stand from what it names, in points.
const nearCaption = 40

// Caption returns which of the elements of the page is the caption of an image
// or a table among them, -1 for none: the nearest before or behind it that names
// its kind.
func (p *Page) Caption(elements []Element, of int) int {
	e := &elements[of]
	best, far := -1, float32(nearCaption)
	for _, i := range []int{of + 1, of - 1} { // below, where both are as near
		if i < 0 || i >= len(elements) {
			continue
		}
		c := &elements[i]
		if c.Type != TypeCaption || namesTable(p.Text[c.Start:c.End]) != (e.Type == TypeTable) {
			continue
		}
		if d := max(c.Box[1]-e.Box[3], e.Box[1]-c.Box[3], 0); d < far {
			best, far = i, d
		}
	}
	return best
}

// namesTable reports whether a caption is of a table.
func namesTable(caption string) bool {
	return len(caption) >= 3 && strings.EqualFold(caption[:3], "tab")
}

// imageText is what a tagged document says in place of an image, or else the
// text of its caption: for those who do not see it.
func imageText(p *Page, elements []Element, of int) string {
	if k := elements[of].Image; k < len(p.ImageData) && p.ImageData[k].Alt != "" {
		return p.ImageData[k].Alt
	}
	i := p.Caption(elements, of)
	if i < 0 {
		return ""
	}
	return joinLines(p.Text[elements[i].Start+elements[i].skip : elements[i].End])
}

// image writes an image.
func (w *markdown) image(e *Element) {
	w.sb.WriteString("![")
	w.sb.WriteString(brackets.Replace(escape(w.alt)))
	w.sb.WriteString("](")
	w.sb.WriteString(w.style.Images)
	w.sb.WriteString(w.page.ImageName(e.Image))
	w.sb.WriteString(")")
}

// ImageName is the name that an image of the page has within its document:
// p12-3.jpg for the third of page 12.
func (p *Page) ImageName(image int) string {
	media := ""
	if len(p.ImageData) > 0 {
		media = p.ImageData[image].MediaType
	}
	return ImageName(p.Number, image, media)
}

// ImageName is the name of an image by its page, its index on it and its type.
func ImageName(page, index int, media string) string {
	ending := ".png"
	if media == "image/jpeg" {
		ending = ".jpg"
	}
	return "p" + strconv.Itoa(page) + "-" + strconv.Itoa(index+1) + ending
}

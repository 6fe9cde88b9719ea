package layout

import (
	"maps"
	"slices"
	"strconv"
)

const (
	maxLogos   = 4096 // images that a Profiler counts
	mostLogos  = 64   // that a Profile holds
	leastPages = 3    // that a logo is on, and of all pages
	logoShare  = 4    // one in so many
)

// logos counts on how many pages the same image stands at the same place. The
// zero value is ready.
type logos map[string]struct{ pages, last int }

// add counts the images of the page that is the nth.
func (l *logos) add(p *Page, nth int) {
	if len(p.ImageData) > 0 && *l == nil {
		*l = logos{}
	}
	for i := range p.ImageData {
		key := p.logoKey(i)
		t, known := (*l)[key]
		if key == "" || t.last == nth || !known && len(*l) >= maxLogos {
			continue
		}
		t.pages, t.last = t.pages+1, nth
		(*l)[key] = t
	}
}

// repeated returns the keys of those that the pages wear and not show.
func (l logos) repeated(pages int) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(l)) {
		if n := l[key].pages; n >= leastPages && logoShare*n >= pages && len(out) < mostLogos {
			out = append(out, key)
		}
	}
	return out
}

// logoKey names an image by its data and its place, "" where its data is not
// known. Half an inch more or less is the same place: left and right pages have
// margins of their own.
func (p *Page) logoKey(image int) string {
	const hash, step = 16, 36 // characters; points
	d := &p.ImageData[image]
	if len(d.SHA256) < hash || !p.Shows(image) {
		return ""
	}
	b := p.Images[image]
	return d.SHA256[:hash] + "@" + strconv.Itoa(int(b[1]+step/2)/step)
}

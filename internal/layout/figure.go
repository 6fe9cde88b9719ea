package layout

import (
	"cmp"
	"slices"
)

// What an image has to be to part the text around it.
const (
	figureLeast = 40  // points on either side
	figureMost  = 0.7 // of the page: else it is the page's ground
	figureText  = 10  // letters on it: else text lies over it
	figureFlank = 0.5 // of its height may have text at its side: else it stands in a column, or text runs around it
	maxFigures  = 64  // the largest of a page
)

// figures returns where pictures stand that part the text above from the text
// below: no text lies over them, and hardly any beside. Images that
// touch are one, as a picture in strips is.
func figures(p *Page, frags []fragment) []Box {
	if p.Width <= 0 || p.Height <= 0 {
		return nil
	}
	page := Box{0, 0, float32(p.Width), float32(p.Height)}
	boxes := make([]Box, 0, min(len(p.Images), maxFigures))
	for _, b := range p.Images {
		if b = b.within(page); b[2]-b[0] > 1 && b[3]-b[1] > 1 {
			boxes = append(boxes, b)
		}
	}
	slices.SortStableFunc(boxes, func(a, b Box) int { return cmp.Compare(b.area(), a.area()) })
	boxes = united(boxes[:min(len(boxes), maxFigures)])
	if len(boxes) == 0 {
		return nil
	}
	byBase := uprightText(frags)
	return slices.DeleteFunc(boxes, func(b Box) bool {
		return b[2]-b[0] < figureLeast || b[3]-b[1] < figureLeast || b.area() > figureMost*page.area() || lettersOn(b, byBase) > figureText || flanked(b, byBase)
	})
}

// uprightText returns the text that is not turned, sorted by its baselines.
func uprightText(frags []fragment) []*fragment {
	var byBase []*fragment
	for i := range frags {
		if f := &frags[i]; f.turn == 0 && f.letters > 0 {
			byBase = append(byBase, f)
		}
	}
	slices.SortStableFunc(byBase, func(a, b *fragment) int { return compare(a.base, b.base) })
	return byBase
}

// united unites boxes that touch.
func united(boxes []Box) []Box {
	for i := 0; i < len(boxes); {
		j := slices.IndexFunc(boxes[i+1:], func(b Box) bool { return b.touches(boxes[i]) })
		if j < 0 {
			i++
			continue
		}
		boxes[i] = boxes[i].union(boxes[i+1+j])
		boxes = slices.Delete(boxes, i+1+j, i+2+j)
		i = 0 // what was apart may touch now
	}
	return boxes
}

func lettersOn(b Box, frags []*fragment) (n int) {
	for _, f := range frags {
		if u, v := (f.u0+f.u1)/2, (f.v0+f.v1)/2; u > b[0] && u < b[2] && v > b[1] && v < b[3] {
			n += f.letters
		}
	}
	return n
}

// flanked reports whether text runs along the side of the box. The fragments
// are sorted by their baselines.
func flanked(b Box, frags []*fragment) bool {
	var high float32
	last := b[1] - far
	for _, f := range frags {
		if f.base > b[1] && f.base < b[3] && (f.u1 <= b[0]+1 || f.u0 >= b[2]-1) && f.base-last > 0.5*f.size {
			high += 1.2 * f.size
			last = f.base
		}
	}
	return high > figureFlank*(b[3]-b[1])
}

// figureUnits adds the figures to what is put in order: each comes behind what
// the file draws above it.
func figureUnits(units []fragment, free []int, figures []Box) ([]fragment, []int) {
	if len(figures) == 0 {
		return units, free
	}
	units = slices.Clone(units)
	for _, b := range figures {
		free = append(free, len(units))
		units = append(units, fragment{u0: b[0], v0: b[1], u1: b[2], v1: b[3], base: b[3], figure: true})
	}
	return units, free
}

func (b Box) area() float32 { return (b[2] - b[0]) * (b[3] - b[1]) }

// within returns the part of b that lies in c.
func (b Box) within(c Box) Box {
	return Box{max(b[0], c[0]), max(b[1], c[1]), min(b[2], c[2]), min(b[3], c[3])}
}

func (b Box) touches(c Box) bool {
	return b[0] <= c[2]+1 && c[0] <= b[2]+1 && b[1] <= c[3]+1 && c[1] <= b[3]+1
}

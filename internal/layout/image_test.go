package layout

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// figured is a page of two columns of paragraphs, each with a caption, and
// images.
func figured() Page {
	s := newSheet()
	s.Width, s.Height = 600, 800
	for i, at := range []struct{ x, y float32 }{{50, 100}, {50, 400}, {320, 100}, {320, 400}} {
		for l := range 4 {
			s.put(at.x, at.y+float32(l)*12, 10, regular, strings.Repeat("Words of column ", 2)+string(rune('a'+i)))
		}
	}
	s.put(50, 330, 9, regular, "Figure 1. What is seen [here]")
	return Read(s.Glyphs)
}

func order(elements []Element) (out []string) {
	for _, e := range elements {
		switch e.Type {
		case TypeImage:
			out = append(out, e.ID)
		case TypeCaption:
			out = append(out, "caption")
		default:
			out = append(out, e.Text[len(e.Text)-1:])
		}
	}
	return out
}

func TestImagesInTheFlow(t *testing.T) {
	t.Parallel()
	p := figured()
	p.Images = []Box{
		{320, 200, 550, 350}, // in the second column
		{50, 180, 280, 315},  // in the first, above its caption
		{50, 20, 550, 60},    // over both
		{50, 600, 280, 700},  // at the foot of the first
		{1, 1, 5, 5},         // too small to say anything
		{320, 200, 550, 350}, // drawn twice
		{0, 0, 600, 800},     // a background
		{50, 79, 550, 81},    // a rule
		{700, 0, 900, 100},   // beside the page
	}
	got := Elements(p, Profile{})
	if diff := cmp.Diff([]string{"p1i3", "a", "p1i2", "caption", "b", "p1i4", "c", "p1i1", "d"}, order(got)); diff != "" {
		t.Error(diff)
	}
	for i, e := range got {
		if e.Order != i || e.Start > e.End || e.End > len(p.Text) || e.Type == TypeImage && (e.Text != "" || e.Start != e.End) {
			t.Errorf("element %d: %+v", i, e)
		}
	}
	p.ImageData = make([]ImageData, len(p.Images))
	for i := range p.ImageData {
		p.ImageData[i] = ImageData{Width: 100, Height: 100, MediaType: "image/jpeg"}
	}
	p.ImageData[2].Height = 1
	if got := order(Elements(p, Profile{})); len(got) != 8 || got[0] != "a" {
		t.Errorf("an image of a line of pixels is a picture: %v", got)
	}
}

func TestImagesInMarkdown(t *testing.T) {
	t.Parallel()
	p := figured()
	p.Images = []Box{{50, 180, 280, 315}, {320, 200, 550, 350}}
	p.ImageData = []ImageData{{Width: 100, Height: 100, MediaType: "image/jpeg"}, {Width: 100, Height: 100, MediaType: "image/png"}}
	without := Markdown(p, Profile{}, Style{})
	if strings.Contains(without, "![") {
		t.Errorf("nobody asked for images: %s", without)
	}
	got := Markdown(p, Profile{}, Style{Images: "x/"})
	for _, want := range []string{"\n\n![Figure 1. What is seen \\[here\\]](x/p1-1.jpg)\n\n", "\n\n![](x/p1-2.png)\n\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
}

// What a document says in place of an image stays in its place.
func TestAltIsText(t *testing.T) {
	t.Parallel()
	p := figured()
	p.Images = []Box{{50, 180, 280, 315}}
	for alt, want := range map[string]string{
		"a](https://e.org/a.png) b": `![a\](https://e.org/a.png) b](x/p1-1.png)`,
		`a\`:                        `![a\\](x/p1-1.png)`,
		`a\[b]`:                     `![a\\\[b\]](x/p1-1.png)`,
	} {
		p.ImageData = []ImageData{{Width: 100, Height: 100, MediaType: "image/png", Alt: alt}}
		if got := Markdown(p, Profile{}, Style{Images: "x/"}); !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
}

// What people put on a page is cleaned and bounded like all that comes of a file.
func TestAnnotationsAreBounded(t *testing.T) {
	t.Parallel()
	s := newSheet()
	for range MaxAnnotations + 1 {
		s.Annotations = append(s.Annotations, Annotation{Kind: "text", Text: "a\r\nb\x00\xff" + strings.Repeat("x", maxRemark)})
	}
	s.Fields = []Field{{Name: "a\nb", Kind: "choice", Options: make([]string, MaxOptions+1)}}
	p := Read(s.Glyphs)
	if len(p.Annotations) != MaxAnnotations || !p.Truncated || !strings.HasPrefix(p.Annotations[0].Text, "a\nb\uFFFDx") || len(p.Annotations[0].Text) > maxRemark {
		t.Errorf("%d, %v, %.20q", len(p.Annotations), p.Truncated, p.Annotations[0].Text)
	}
	if f := p.Fields[0]; f.Name != "ab" || len(f.Options) != MaxOptions {
		t.Errorf("%q with %d options", f.Name, len(f.Options))
	}
	q, err := Decode(p.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, q); diff != "" {
		t.Error(diff)
	}
	p.Images, p.ImageData = []Box{{1, 2, 3, 4}}, make([]ImageData, 2)
	if _, err := Decode(p.Encode()); err == nil {
		t.Error("data of two images for one is accepted")
	}
}

// What stands on many pages at the same place is a logo, and belongs to the
// pages and not to the text.
func TestLogos(t *testing.T) {
	t.Parallel()
	page := func(n int) Page {
		p := figured()
		p.Number = n
		p.Images = []Box{{50, 20, 150, 60}, {320, 200, 550, 350}}
		p.ImageData = []ImageData{
			{Width: 100, Height: 40, MediaType: "image/png", SHA256: strings.Repeat("a", 64)},
			{Width: 100, Height: 40, MediaType: "image/png", SHA256: strings.Repeat(string(rune('b'+n)), 64)},
		}
		return p
	}
	layers := func(pages int) (logo, figure string) {
		var pr Profiler
		for n := range pages {
			pr.Add(page(n + 1))
		}
		for _, e := range Elements(page(1), pr.Profile()) {
			switch e.ID {
			case "p1i1":
				logo = e.Layer
			case "p1i2":
				figure = e.Layer
			}
		}
		return logo, figure
	}
	if logo, figure := layers(5); logo != LayerFurniture || figure != LayerBody {
		t.Errorf("the logo is %s, the figure %s", logo, figure)
	}
	if logo, _ := layers(2); logo != LayerBody {
		t.Errorf("on two pages it is %s", logo)
	}
}

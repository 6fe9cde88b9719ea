package extract

import (
	"bufio"
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/mivaa/mivaa/internal/layout"
)

// writeMarkdown joins what goes on over pages, but where markers part them.
func (res *Result) writeMarkdown(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	b := layout.Binder{Profile: res.profile, Style: res.request.style()}
	parting := ""
	for page, err := range res.steps.pages(ctx) {
		if err != nil {
			return err
		}
		var md string
		if res.request.PageMarkers {
			md = parting + marker(page) + layout.Markdown(page, b.Profile, b.Style)
			parting = "\n"
		} else {
			md = b.Add(page)
		}
		if _, err := out.WriteString(md); err != nil {
			return err
		}
	}
	if _, err := out.WriteString(b.End()); err != nil {
		return err
	}
	return out.Flush()
}

// marker is a comment that says where a page begins, and why it is empty.
func marker(page layout.Page) string {
	s := "<!-- page " + strconv.Itoa(page.Number)
	if page.Status == layout.StatusFailed {
		return s + ": " + page.Code + " -->\n"
	}
	s += " -->\n"
	if page.Text != "" {
		s += "\n"
	}
	return s
}

func (res *Result) writeText(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	for page, err := range res.steps.pages(ctx) {
		if err != nil {
			return err
		}
		text := page.Text
		if res.request.Furniture == FurnitureNone {
			text = bodyText(page, layout.Elements(page, res.profile))
		}
		if res.request.Hyphens == HyphensJoin {
			text = joinHyphens(text)
		}
		if _, err := out.WriteString(text + "\f"); err != nil {
			return err
		}
	}
	return out.Flush()
}

// bodyText is the page's text without its furniture.
func bodyText(page layout.Page, elements []layout.Element) string {
	var sb strings.Builder
	at := 0
	for _, e := range elements {
		if e.Layer == layout.LayerBody {
			continue
		}
		sb.WriteString(page.Text[at:max(at, e.Start)])
		if at = e.End; at < len(page.Text) && page.Text[at] == '\n' {
			at++
		}
	}
	if at == 0 {
		return page.Text
	}
	sb.WriteString(page.Text[at:])
	return sb.String()
}

package extract

import (
	"encoding/json"
	"fmt"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
)

// Facts are what is known of a document apart from its pages, from the moment
// it was opened.
type Facts struct {
	pdf.Info
	Outline        []pdf.OutlineItem `json:"outline,omitempty"` // depth first, at most 20,000
	OutlinePending bool              `json:"outline_pending,omitempty"`
	SelectedPages  int               `json:"selected_pages"` // of PageCount
	Engine         Engine            `json:"engine"`
	OCR            *OCRFacts         `json:"ocr,omitempty"` // once all pages are recorded; nil: it was no matter
}

// Engine names what read the pages.
type Engine struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// FactsOf reads the facts of a document; they are zero before it was opened.
func FactsOf(d documents.Document) (Facts, error) {
	var f Facts
	if len(d.Facts) == 0 {
		return f, nil
	}
	if err := json.Unmarshal(d.Facts, &f); err != nil {
		return f, fmt.Errorf("read facts of document %s: %w", d.ID, err)
	}
	return f, nil
}

// bookmarks returns the outline as layout looks at it.
func (f *Facts) bookmarks() []layout.Bookmark {
	out := make([]layout.Bookmark, len(f.Outline))
	for i, item := range f.Outline {
		out[i] = layout.Bookmark{Title: item.Title, Level: item.Level, Page: item.Page}
	}
	return out
}

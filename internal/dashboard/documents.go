package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

func (s *site) documentRoutes() {
	s.get("/documents", "documents.html", s.listDocuments)
	s.get("/documents/{id}", "document.html", s.showDocument)
	s.get("/documents/{id}/delete", "document_delete.html", s.askToDelete)
	s.get("/documents/{id}/pages/{n}", "document_page.html", s.showPage)
	s.get("/documents/{id}/chunks", "document_chunks.html", s.showChunks)
	s.mux.HandleFunc("GET /documents/{id}/page", s.goToPage)
	s.post("/documents/{id}/delete", s.deleteDocument)
	s.post("/documents/{id}/reprocess", s.reprocess)
}

// documentList is what the page shows.
type documentList struct {
	Owner       string
	Rows        []documentRow
	First, Next string // addresses; "": there is none
}

type documentRow struct {
	ID, Filename, Owner string
	Title               string // the submitter's
	Size                int64
	Pages               int // that can be read; 0: none yet
	Created             time.Time
	State               documentState
}

// documentState is how far a document has been read.
type documentState struct {
	Chip     chip
	Progress int // percent, while it is read
	Running  bool
	Job      string // that makes, or made, its content; "": none is left
}

const documentsOnPage = 50

func (s *site) listDocuments(r *http.Request) (view, error) {
	q := r.URL.Query()
	owner := strings.TrimSpace(q.Get("owner"))
	f := documents.Filter{Owner: owner, Limit: documentsOnPage + 1}
	if after := q.Get("after"); after != "" {
		var err error
		if f.After, err = s.behind(r.Context(), after); err != nil {
			return view{}, err
		}
	}
	found, err := s.documents.List(r.Context(), f)
	if err != nil {
		return view{}, fmt.Errorf("list documents: %w", err)
	}
	d := documentList{Owner: owner}
	if f.After != nil {
		d.First = documentsAddress(owner, "")
	}
	if len(found) > documentsOnPage {
		found = found[:documentsOnPage]
		d.Next = documentsAddress(owner, found[len(found)-1].ID.String())
	}
	for _, doc := range found {
		row, err := s.documentRow(r.Context(), doc)
		if err != nil {
			return view{}, err
		}
		d.Rows = append(d.Rows, row)
	}
	return view{Title: "Documents", Section: "documents", Events: allEvents, Styles: []string{"document.css"}, Data: d}, nil
}

// behind returns the document that a part of the list begins behind. A UUID of
// version 7 says itself when it was made; that of one deleted meanwhile will do.
func (s *site) behind(ctx context.Context, after string) (*documents.Document, error) {
	id, err := jobs.ParseID(after)
	if err != nil {
		return nil, invalid("after is not the id of a document.")
	}
	doc, err := s.documents.Get(ctx, id)
	if err == nil {
		return &doc, nil
	}
	if at, ok := id.Time(); ok && errors.Is(err, documents.ErrNotFound) {
		return &documents.Document{ID: id, CreatedAt: at}, nil
	}
	return nil, err
}

func documentsAddress(owner, after string) string {
	q := url.Values{}
	if owner != "" {
		q.Set("owner", owner)
	}
	if after != "" {
		q.Set("after", after)
	}
	return (&url.URL{Path: "/documents", RawQuery: q.Encode()}).String()
}

func (s *site) documentRow(ctx context.Context, d documents.Document) (documentRow, error) {
	row := documentRow{
		ID: d.ID.String(), Filename: d.Filename, Owner: d.Owner, Title: titleOf(d.Metadata), Size: d.SourceSize, Created: d.CreatedAt,
	}
	var err error
	row.State, row.Pages, err = s.documentState(ctx, d)
	return row, err
}

// documentState tells how far a document has been read, and how many pages of
// it there are to read here.
func (s *site) documentState(ctx context.Context, d documents.Document) (documentState, int, error) {
	content, err := s.documents.Content(ctx, d.ID)
	switch {
	case errors.Is(err, documents.ErrNoContent), errors.Is(err, documents.ErrNotFound): // deleted between two questions
		return documentState{Chip: chip{"cancelled", "Not read"}}, 0, nil
	case err != nil:
		return documentState{}, 0, fmt.Errorf("look for content of %s: %w", d.ID, err)
	}
	pages, err := s.documents.Recorded(ctx, content.JobID)
	if err != nil {
		return documentState{}, 0, fmt.Errorf("count pages of %s: %w", d.ID, err)
	}
	state := documentState{Chip: chip{"completed", "Read"}, Job: content.JobID.String()}
	if content.Complete {
		return state, pages, nil
	}
	j, err := jobs.Get(ctx, s.jobs, content.JobID)
	if errors.Is(err, jobs.ErrNotFound) {
		return documentState{Chip: chip{"cancelled", "Not read"}}, pages, nil
	}
	if err != nil {
		return documentState{}, 0, fmt.Errorf("look for job of %s: %w", d.ID, err)
	}
	state.Chip, state.Progress, state.Running = chipOf(j.Status, j.Cause), j.Progress, j.Status == jobs.Processing
	if state.Running {
		state.Chip.Word = "Being read"
	}
	return state, pages, nil
}

// documentOf returns the document that an address names.
func (s *site) documentOf(r *http.Request) (documents.Document, error) {
	id, err := pathID(r)
	if err != nil {
		return documents.Document{}, err
	}
	return s.documents.Get(r.Context(), id)
}

func documentAddress(id jobs.ID) string { return "/documents/" + id.String() }

// jobEvents is where the events of one job are.
func jobEvents(job string) string { return "/api/rag/documents/job/" + job + "/events" }

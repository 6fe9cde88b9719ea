package dashboard

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// document is what its page shows.
type document struct {
	documents.Document
	Title     string // the file's own, else the submitter's
	State     documentState
	Pages     int // recorded so far
	Facts     extract.Facts
	Known     []fact // what is known of the file
	Submitted string // the submitter's metadata, "" if there is none
	Failed    []documents.FailedPage
	Outline   []pdf.OutlineItem
	Cut       int // entries of the outline that are not shown
	Jobs      []jobs.Job
	Remarks   []remark
	Downloads []download
	Cells     []pageCell // of the first pages
	Pictures  bool       // cells are pictures
}

type fact struct{ Name, Value string }

// download is a form that a document can be had in.
type download struct {
	Name, Text   string
	Address      string
	File         string // the name it is saved under
	Copy, Opened bool   // it can be copied, and looked at in the browser
	Refused      bool   // there is nothing in it: Text says why
}

// pageCell is a page as its document's page lists it.
type pageCell struct {
	Number int
	Failed bool
}

const (
	outlineShown   = 200
	cellsShown     = 400
	pictureCells   = 12 // each is rendered for whoever looks: the first ones tell what it is
	documentsJobs  = 20
	mostCopied     = 2000 // pages of a document whose text is still copied whole
	mostJSONPretty = 64 << 10
)

func (s *site) showDocument(r *http.Request) (view, error) {
	doc, err := s.documentOf(r)
	if err != nil {
		return view{}, err
	}
	ctx := r.Context()
	d := document{Document: doc, Submitted: pretty(doc.Metadata), Pictures: s.pictures != nil}
	if d.State, d.Pages, err = s.documentState(ctx, doc); err != nil {
		return view{}, err
	}
	if d.Facts, err = extract.FactsOf(doc); err != nil {
		return view{}, err
	}
	d.Title = cmp.Or(d.Facts.Title, titleOf(doc.Metadata))
	d.Known = knownOf(d.Facts)
	found, err := extract.FoundIn(doc)
	if err != nil {
		return view{}, err
	}
	d.Remarks = remarksOf(doc, d.Facts, found)
	d.Outline = d.Facts.Outline[:min(len(d.Facts.Outline), outlineShown)]
	d.Cut = len(d.Facts.Outline) - len(d.Outline)
	if d.Jobs, err = s.jobs.List(ctx, jobs.Filter{DocumentID: doc.ID, Limit: documentsJobs}); err != nil {
		return view{}, fmt.Errorf("list jobs of %s: %w", doc.ID, err)
	}
	if err := s.addPages(ctx, &d); err != nil {
		return view{}, err
	}
	d.Downloads = downloads(doc, d.Pages, found)
	v := view{Title: doc.Filename, Section: "documents", Styles: []string{"document.css"}, Scripts: []string{"document.js"}, Data: d}
	if d.State.Running || d.State.Chip.Class == "pending" {
		v.Events = jobEvents(d.State.Job)
	}
	return v, nil
}

// addPages adds what is known of the pages.
func (s *site) addPages(ctx context.Context, d *document) error {
	if d.Pages == 0 {
		return nil
	}
	job, err := jobs.ParseID(d.State.Job)
	if err != nil {
		return nil //nolint:nilerr // the job is gone, and what it recorded with it
	}
	if d.Failed, err = s.documents.FailedPages(ctx, job); err != nil {
		return fmt.Errorf("list failed pages of %s: %w", d.ID, err)
	}
	numbers, err := s.pageNumbers(d.Document, d.Facts, d.Pages)
	if err != nil {
		return err
	}
	failed := map[int]bool{}
	for _, f := range d.Failed {
		failed[f.PageNumber] = true
	}
	most := cellsShown
	if d.Pictures {
		most = pictureCells
	}
	for _, n := range numbers[:min(len(numbers), most)] {
		d.Cells = append(d.Cells, pageCell{n, failed[n]})
	}
	return nil
}

// pageNumbers returns the numbers of the pages that are recorded: all up to the
// last, or those that the submitter selected.
func (s *site) pageNumbers(d documents.Document, f extract.Facts, recorded int) ([]int, error) {
	selected, err := extract.SelectedPages(d)
	if err != nil {
		return nil, err
	}
	numbers := selected.Select(max(f.PageCount, recorded))
	return numbers[:min(len(numbers), recorded)], nil
}

// knownOf is what a file says of itself.
func knownOf(f extract.Facts) []fact {
	var out []fact
	add := func(name, value string) {
		if value != "" {
			out = append(out, fact{name, value})
		}
	}
	if f.PageCount > 0 {
		add("Pages", thousands(f.PageCount))
	}
	if f.SelectedPages > 0 && f.SelectedPages < f.PageCount {
		add("Pages asked for", thousands(f.SelectedPages))
	}
	add("Author", f.Author)
	add("Subject", f.Subject)
	add("Keywords", f.Keywords)
	add("Made with", f.Creator)
	add("Written by", f.Producer)
	add("Created", dateOf(f.CreatedAt))
	add("Modified", dateOf(f.ModifiedAt))
	if f.Version != "" {
		add("Format", "PDF "+f.Version)
	}
	if f.Encrypted {
		add("Encrypted", "yes")
	}
	add("Attachments", strings.Join(f.Attachments, ", "))
	if f.Engine.Name != "" {
		add("Read by", f.Engine.Name+" "+f.Engine.Version)
	}
	return out
}

func dateOf(rfc3339 string) string {
	t, err := time.Parse(time.RFC3339, rfc3339)
	if err != nil {
		return rfc3339
	}
	return t.Format("2 January 2006, 15:04")
}

// downloads are the forms a document can be had in, with what was found in it,
// where that is known.
func downloads(d documents.Document, pages int, found *extract.Found) []download {
	base := "/api/rag/documents/" + d.ID.String()
	stem := stem(d.Filename)
	var out []download
	if pages > 0 {
		content := base + "/content?format="
		small := pages <= mostCopied
		out = []download{
			{Name: "Markdown", Text: "headings, lists and tables", Address: content + "markdown", File: stem + ".md", Copy: small, Opened: true},
			{Name: "Text", Text: "verbatim, a form feed after each page", Address: content + "text", File: stem + ".txt", Copy: small, Opened: true},
			{Name: "JSON", Text: "everything: pages, elements with boxes, chunks", Address: content + "json", File: stem + ".json", Copy: small, Opened: true},
			tablesOf(content, stem, small, found),
			{Name: "Chunks", Text: "for retrieval, with headings and places", Address: content + "chunks", File: stem + ".chunks.json", Copy: small, Opened: true},
			{Name: "Chunks for LangChain", Text: "a list of Document", Address: content + "chunks&shape=langchain", File: stem + ".langchain.json", Copy: small, Opened: true},
			{Name: "Chunks for LlamaIndex", Text: "a list of TextNode", Address: content + "chunks&shape=llamaindex", File: stem + ".llamaindex.json", Copy: small, Opened: true},
			{Name: "Elements for Unstructured", Text: "a list of elements", Address: content + "chunks&shape=unstructured", File: stem + ".unstructured.json", Copy: small, Opened: true},
		}
	}
	if pages > 0 {
		out = append(out, download{
			Name: "Archive", Text: "Markdown, text, JSON, tables, images, attachments", Address: base + "/content?format=zip", File: stem + ".zip",
		})
	}
	if d.SourceSHA256 != "" {
		out = append(out, download{Name: "Source", Text: "the file as it came, " + byteSize(d.SourceSize), Address: base + "/source", File: d.Filename})
	}
	return out
}

// tablesOf is the tables, which a document may be known to have none of.
func tablesOf(content, stem string, small bool, found *extract.Found) download {
	if found != nil && found.Tables == 0 {
		return download{Name: "Tables", Text: "no table was found in it", Refused: true}
	}
	return download{Name: "Tables", Text: "as CSV, one below the other", Address: content + "csv", File: stem + ".csv", Copy: small}
}

// stem is a file's name without its ending.
func stem(filename string) string { return strings.TrimSuffix(filename, path.Ext(filename)) }

// pretty lays out JSON for reading; "" for an empty object.
func pretty(data json.RawMessage) string {
	if trimmed := bytes.TrimSpace(data); len(trimmed) == 0 || string(trimmed) == "{}" {
		return ""
	}
	var buf bytes.Buffer
	if len(data) > mostJSONPretty || json.Indent(&buf, data, "", "  ") != nil {
		return string(data)
	}
	return buf.String()
}

func (s *site) askToDelete(r *http.Request) (view, error) {
	doc, err := s.documentOf(r)
	if err != nil {
		return view{}, err
	}
	if !operates(r) {
		return view{}, readOnly()
	}
	list, err := s.jobs.List(r.Context(), jobs.Filter{DocumentID: doc.ID, Limit: documentsJobs})
	if err != nil {
		return view{}, fmt.Errorf("list jobs of %s: %w", doc.ID, err)
	}
	return view{Title: "Delete " + doc.Filename, Section: "documents", Styles: []string{"document.css"}, Data: document{Document: doc, Jobs: list}}, nil
}

func (s *site) deleteDocument(_ http.ResponseWriter, r *http.Request) (string, error) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	doc, err := s.documentOf(r.WithContext(ctx))
	if err != nil {
		return "", err
	}
	if err := s.api.DeleteDocument(ctx, doc.ID, by); err != nil {
		return "", fmt.Errorf("delete document %s: %w", doc.ID, err)
	}
	return "/documents", nil
}

// reprocess reads a document once more. Its content stays readable until the
// new one is there.
func (s *site) reprocess(_ http.ResponseWriter, r *http.Request) (string, error) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	doc, err := s.documentOf(r.WithContext(ctx))
	if err != nil {
		return "", err
	}
	done, err := s.api.Reprocess(ctx, doc.ID, documents.Reprocess{By: by})
	if err != nil {
		return "", fmt.Errorf("reprocess document %s: %w", doc.ID, err)
	}
	return "/jobs/" + done.Job.ID.String(), nil
}

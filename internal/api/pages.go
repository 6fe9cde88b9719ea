package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/jobs"
)

const pagesPath = "/api/rag/documents/{id}/pages"

// PageList is a part of a document's recorded pages.
type PageList struct {
	DocumentID string             `json:"document_id" format:"uuid"`
	JobID      string             `json:"job_id" format:"uuid" doc:"Whose steps they are"`
	PageCount  int                `json:"page_count" doc:"Of the document; 0: not known yet"`
	Recorded   int                `json:"recorded" doc:"Pages that were read, of all"`
	Complete   bool               `json:"complete" doc:"false: the job has not come to its end; more may come"`
	Pages      []extract.PageInfo `json:"pages" nullable:"false" doc:"In order"`
	Count      int                `json:"count" doc:"Pages in this answer"`
	NextAfter  *int               `json:"next_after" doc:"after of the next part; null: there are no more now"`
}

// Page is a recorded page with what stands on it.
type Page struct {
	extract.PageInfo
	DocumentID string                  `json:"document_id" format:"uuid"`
	JobID      string                  `json:"job_id" format:"uuid" doc:"Whose step it is"`
	PageCount  int                     `json:"page_count" doc:"Of the document"`
	Complete   bool                    `json:"complete" doc:"false: the job has not come to its end; what is a heading is told by the pages there are"`
	Text       string                  `json:"text" doc:"Verbatim, in reading order"`
	Markdown   string                  `json:"markdown"`
	Language   string                  `json:"language,omitempty" doc:"As BCP 47 names it; none where it is not certain"`
	Elements   []extract.Element       `json:"elements" nullable:"false" doc:"As in the content's JSON, in reading order"`
	Tables     []extract.Table         `json:"tables" nullable:"false"`
	Images     []extract.DocumentImage `json:"images" nullable:"false" doc:"That say something; /images lists decoration as well"`

	FormFields  []extract.Field      `json:"form_fields" nullable:"false"`
	Annotations []extract.Annotation `json:"annotations" nullable:"false"`
	Links       map[string]string    `json:"links"`
}

type (
	pageInput struct {
		IDParam
		Page int `path:"n" minimum:"1" maximum:"1000000" doc:"Number of the page in the document, from 1"`
	}
	listPagesInput struct {
		IDParam
		After int `query:"after" minimum:"0" maximum:"1000000" doc:"Only pages behind this one: next_after of the answer before"`
		Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many at most"`
	}
	listPagesOutput struct{ Body PageList }
	getPageOutput   struct{ Body Page }
)

func (a *API) pageRoutes(h huma.API) {
	register(a, h, huma.Operation{
		OperationID: "list-pages", Method: http.MethodGet, Path: pagesPath, Tags: []string{tagDocuments},
		Summary: "List a document's pages", Description: "Those that were read, also while the job runs.",
	}, a.listPages)
	register(a, h, huma.Operation{
		OperationID: "get-page", Method: http.MethodGet, Path: pagesPath + "/{n}", Tags: []string{tagDocuments},
		Summary:     "Read a page",
		Description: "Its text, Markdown and elements. Problems: 404 no_content, no_such_page: it is not in the document, was not asked for at the upload, or is not read yet.",
	}, a.getPage)
}

func (a *API) results() *extract.Results {
	return &extract.Results{Documents: a.documents, Jobs: a.jobs, Pictures: a.pictures}
}

func (a *API) listPages(ctx context.Context, in *listPagesInput) (*listPagesOutput, error) {
	found, err := a.results().Pages(ctx, in.id(), in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	out := PageList{
		DocumentID: found.DocumentID.String(), JobID: found.JobID.String(), PageCount: found.PageCount, Recorded: found.Recorded,
		Complete: found.Complete, Pages: found.Pages, Count: len(found.Pages),
	}
	if found.More {
		out.NextAfter = &found.Pages[len(found.Pages)-1].PageNumber
	}
	return &listPagesOutput{Body: out}, nil
}

func (a *API) getPage(ctx context.Context, in *pageInput) (*getPageOutput, error) {
	p, err := a.results().Page(ctx, in.id(), in.Page)
	if err != nil {
		return nil, err
	}
	self := pageURL(in.id(), in.Page)
	for i := range p.Images {
		p.Images[i].URL = documentURL(in.id()) + "/" + p.Images[i].URL
	}
	return &getPageOutput{Body: Page{
		PageInfo: p.PageInfo, DocumentID: p.DocumentID.String(), JobID: p.JobID.String(), PageCount: p.PageCount, Complete: p.Complete,
		Text: p.Text, Markdown: p.Markdown, Language: p.Language, Elements: p.Elements, Tables: p.Tables, Images: p.Images,
		FormFields: p.FormFields, Annotations: p.Annotations,
		Links: map[string]string{"self": self, "image": self + "/image", "document": documentURL(in.id())},
	}}, nil
}

func pageURL(document jobs.ID, number int) string {
	return documentURL(document) + "/pages/" + strconv.Itoa(number)
}

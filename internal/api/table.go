package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/jobs"
)

const tablesPath = "/api/rag/documents/{id}/tables"

// DocumentTable is a table, and where it is to be had.
type DocumentTable struct {
	extract.Table
	URL string `json:"url" doc:"Gives the table as CSV"`
}

// TableList is a part of a document's tables.
type TableList struct {
	DocumentID string          `json:"document_id" format:"uuid"`
	JobID      string          `json:"job_id" format:"uuid" doc:"Whose steps they are of"`
	Complete   bool            `json:"complete" doc:"false: the job has not come to its end; more may come"`
	Tables     []DocumentTable `json:"tables" nullable:"false" doc:"In reading order"`
	Count      int             `json:"count" doc:"Tables in this answer"`
	NextAfter  *int            `json:"next_after" doc:"after of the next part; null: there are no more now"`
}

type (
	listTablesInput struct {
		IDParam
		After int `query:"after" minimum:"0" maximum:"1000000" doc:"Only of pages behind this one: next_after of the answer before"`
		Limit int `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"Pages with tables, at most"`
	}
	tableInput struct {
		IDParam
		Table string `path:"table" maxLength:"20" doc:"Its table_id" example:"p12t1"`
	}
	listTablesOutput struct{ Body TableList }
)

func (a *API) tableRoutes(h huma.API) {
	register(a, h, huma.Operation{
		OperationID: "list-tables", Method: http.MethodGet, Path: tablesPath, Tags: []string{tagDocuments},
		Summary: "List a document's tables", Description: "Those of the pages that were read, with their cells, some pages at a time. Problems: 404 no_content.",
	}, a.listTables)
	registerOpen(a, h, huma.Operation{
		OperationID: "get-table", Method: http.MethodGet, Path: tablesPath + "/{table}", Tags: []string{tagDocuments},
		Summary:     "Get a table as CSV",
		Description: "A row a line. What a spreadsheet would take for a formula begins with an apostrophe. Problems: 404 no_content, no_such_table.",
		Responses: map[string]*huma.Response{"200": {Description: "The table", Content: map[string]*huma.MediaType{
			"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}},
		}}},
	}, a.table)
}

func (a *API) listTables(ctx context.Context, in *listTablesInput) (*listTablesOutput, error) {
	found, err := a.results().Tables(ctx, in.id(), in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	out := TableList{
		DocumentID: found.DocumentID.String(), JobID: found.JobID.String(), Complete: found.Complete,
		Tables: make([]DocumentTable, len(found.Tables)), Count: len(found.Tables),
	}
	for i, t := range found.Tables {
		out.Tables[i] = DocumentTable{t, tableURL(in.id(), t.ID)}
	}
	if found.More {
		out.NextAfter = &found.After
	}
	return &listTablesOutput{Body: out}, nil
}

func (a *API) table(ctx context.Context, in *tableInput) (*contentOutput, error) {
	req := extract.Request{Document: in.id(), Format: extract.CSV, Table: in.Table}
	ctx, cancel := a.untilStop(ctx)
	defer cancel()
	result, err := a.results().Open(ctx, req)
	if err != nil {
		return nil, err
	}
	return &contentOutput{Body: func(hc huma.Context) {
		r, w := humachi.Unwrap(hc)
		w.Header().Set("Content-Disposition", attachment(in.Table+".csv"))
		a.stream(w, r, extract.CSV.MediaType(), result.Write)
	}}, nil
}

func tableURL(document jobs.ID, table string) string {
	return documentURL(document) + "/tables/" + table
}

package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

type reprocessInput struct {
	IDParam
	Priority int `query:"priority" minimum:"-1000" maximum:"1000" doc:"Higher ones first"`
}

// DocumentGone is the answer to the deletion of a document.
type DocumentGone struct {
	Success    bool   `json:"success"`
	Message    string `json:"message" example:"Document deleted."`
	DocumentID string `json:"document_id" format:"uuid"`
}

type documentGoneOutput struct{ Body DocumentGone }

func (a *API) reprocessRoutes(h huma.API) {
	register(a, h, huma.Operation{
		OperationID: "reprocess-document", Method: http.MethodPost, Path: "/api/rag/documents/{id}/reprocess", Tags: []string{tagDocuments},
		DefaultStatus: http.StatusAccepted, Summary: "Read a document again",
		Description: "A new job, with the options of the upload; those of the document that are still alive are cancelled. Its content stays readable until the new job has come to its end. A callback_url that was to be told of the job it replaces is told of the new one. " +
			"Problems: 404 not_found, source_missing.",
	}, a.reprocess)
	register(a, h, huma.Operation{
		OperationID: "delete-document", Method: http.MethodDelete, Path: "/api/rag/documents/{id}", Tags: []string{tagDocuments},
		Summary: "Delete a document", Description: "With its pages, its jobs and their history. A job that is still alive is cancelled first.",
	}, a.deleteDocument)
}

func (a *API) reprocess(ctx context.Context, in *reprocessInput) (*uploadOutput, error) {
	done, err := a.Reprocess(ctx, in.id(), documents.Reprocess{By: "api", Priority: in.Priority})
	if err != nil {
		return nil, err
	}
	out := &uploadOutput{Status: http.StatusAccepted, Body: accepted(done)}
	out.Location = out.Body.StatusURL
	return out, nil
}

// Reprocess makes a new job for a document.
func (a *API) Reprocess(ctx context.Context, id jobs.ID, r documents.Reprocess) (documents.Submitted, error) {
	if a.isStopping() {
		return documents.Submitted{}, stopping()
	}
	if r.Recovery == "" {
		r.Recovery = a.recovery
	}
	return a.documents.Reprocess(ctx, id, r)
}

func (a *API) deleteDocument(ctx context.Context, in *IDParam) (*documentGoneOutput, error) {
	if err := a.DeleteDocument(ctx, in.id(), "api"); err != nil {
		return nil, err
	}
	return &documentGoneOutput{Body: DocumentGone{Success: true, Message: "Document deleted.", DocumentID: in.ID}}, nil
}

// DeleteDocument deletes a document with everything of it; by says for the
// history of the job it cancels who asked.
func (a *API) DeleteDocument(ctx context.Context, id jobs.ID, by string) error {
	return a.documents.Delete(ctx, id, by)
}

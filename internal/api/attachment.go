package api

import (
	"cmp"
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mivaa/mivaa/internal/extract"
)

// Attachment is a file that a document carries.
type Attachment struct {
	Number     int    `json:"number" doc:"From 1; the last element of its address"`
	Name       string `json:"name" doc:"As the document has it: it may be a path"`
	MediaType  string `json:"mime_type,omitempty" doc:"As the document says"`
	CreatedAt  string `json:"created_at,omitempty"`
	ModifiedAt string `json:"modified_at,omitempty"`
	Size       int    `json:"size" doc:"In bytes; -1: it cannot be read"`
	URL        string `json:"url"`
}

// AttachmentList is the files that a document carries.
type AttachmentList struct {
	DocumentID  string       `json:"document_id" format:"uuid"`
	Attachments []Attachment `json:"attachments" nullable:"false" doc:"In the document's own order, at most 1,000"`
	Count       int          `json:"count"`
}

type (
	attachmentInput struct {
		IDParam
		Number int `path:"n" minimum:"1" maximum:"1000" doc:"Number of the attachment, from 1"`
	}
	attachmentsOutput struct{ Body AttachmentList }
)

const (
	attachmentsPath = "/api/rag/documents/{id}/attachments"
)

func (a *API) attachmentRoutes(h huma.API) {
	const problems = " Read from the source. Problems: 404 source_missing; 422 password_required, damaged, too_large and the like: it cannot be had of this document; 501 not_available."
	registerOpen(a, h, huma.Operation{
		OperationID: "list-attachments", Method: http.MethodGet, Path: attachmentsPath, Tags: []string{tagDocuments},
		Summary: "List a document's attachments", Description: "Files that the PDF carries." + problems,
	}, a.listAttachments)
	registerOpen(a, h, huma.Operation{
		OperationID: "get-attachment", Method: http.MethodGet, Path: attachmentsPath + "/{n}", Tags: []string{tagDocuments},
		Summary:     "Download an attachment",
		Description: "At most 16 MiB, to be stored and never shown: nobody vouches for it." + problems + " 404 no_such_attachment.",
		Responses:   fileResponses("The file", extract.AnyMedia),
	}, a.attachment)
}

func (a *API) listAttachments(ctx context.Context, in *IDParam) (*attachmentsOutput, error) {
	if a.pictures == nil {
		return nil, noPictures()
	}
	ctx, cancel := a.patientWithPictures(ctx)
	defer cancel()
	found, err := a.pictures.Attachments(ctx, in.id())
	if err != nil {
		return nil, err
	}
	out := AttachmentList{DocumentID: in.id().String(), Attachments: make([]Attachment, len(found)), Count: len(found)}
	for i, f := range found {
		out.Attachments[i] = Attachment{
			Number: i + 1, Name: f.Name, MediaType: f.MediaType, CreatedAt: f.CreatedAt, ModifiedAt: f.ModifiedAt, Size: f.Size,
			URL: documentURL(in.id()) + "/attachments/" + strconv.Itoa(i+1),
		}
	}
	return &attachmentsOutput{Body: out}, nil
}

func (a *API) attachment(ctx context.Context, in *attachmentInput) (*fileOutput, error) {
	if a.pictures == nil {
		return nil, noPictures()
	}
	ctx, cancel := a.patientWithPictures(ctx)
	defer cancel()
	file, err := a.pictures.Attachment(ctx, in.id(), in.Number)
	if err != nil {
		return nil, err
	}
	list, err := a.pictures.Attachments(ctx, in.id())
	if err != nil {
		return nil, err
	}
	name := ""
	if in.Number <= len(list) {
		name = extract.FileName(list[in.Number-1].Name)
	}
	return a.sendFile(file, attachment(cmp.Or(name, "attachment-"+strconv.Itoa(in.Number)))), nil
}

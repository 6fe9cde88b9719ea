package extract

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/mivaa/mivaa/internal/layout"
)

// Shape is the form of chunks that a library's own loaders give: a list of them
// and nothing else.
type Shape string

// The shapes.
const (
	LangChain    Shape = "langchain"    // Document, as its dict
	LlamaIndex   Shape = "llamaindex"   // TextNode, as its dict
	Unstructured Shape = "unstructured" // CompositeElement, as its dict
)

func (s Shape) validate(f Format) error {
	switch s {
	case "":
		return nil
	case LangChain, LlamaIndex, Unstructured:
		if f != Chunks {
			return errors.New("shape is of chunks: ask for format chunks")
		}
		return nil
	}
	return fmt.Errorf("shape %.20q is none of langchain, llamaindex, unstructured", string(s))
}

// writeShape writes one list.
func (res *Result) writeShape(ctx context.Context, w io.Writer) error {
	out := &jsonWriter{w: bufio.NewWriterSize(w, 64<<10)}
	shape := map[Shape]func(*layout.Page, *Chunk) any{
		LangChain: res.langChain, LlamaIndex: res.llamaIndex, Unstructured: res.unstructured,
	}[res.request.Shape]
	out.write("[")
	err := res.eachChunk(ctx, func(p *layout.Page, ch *Chunk) error { return out.item(shape(p, ch)) })
	if err != nil {
		return err
	}
	out.write("]\n")
	return out.flush()
}

// langDocument is a langchain_core Document. The first keys of its metadata are
// those of PyPDFLoader, whose pages count from 0, and of text splitters that
// add_start_index; the others are ours.
type langDocument struct {
	ID          string       `json:"id"`
	Metadata    langMetadata `json:"metadata"`
	PageContent string       `json:"page_content"`
	Type        string       `json:"type"`
}

type langMetadata struct {
	Producer     string `json:"producer"`
	Creator      string `json:"creator"`
	CreationDate string `json:"creationdate"`
	Title        string `json:"title,omitempty"`
	Author       string `json:"author,omitempty"`
	ModDate      string `json:"moddate,omitempty"`
	Source       string `json:"source"`
	TotalPages   int    `json:"total_pages"`
	Page         int    `json:"page"`
	PageLabel    string `json:"page_label"`
	StartIndex   int    `json:"start_index"`
	DocumentID   string `json:"document_id"`
	ChunkIndex   int    `json:"chunk_index"`
	PageNumber   int    `json:"page_number"`
	Heading      string `json:"heading,omitempty"` // the headings it stands under
}

func (res *Result) langChain(p *layout.Page, ch *Chunk) any {
	info := res.facts.Info
	return langDocument{
		ID: ch.ID, PageContent: ch.Text, Type: "Document",
		Metadata: langMetadata{
			Producer: info.Producer, Creator: info.Creator, CreationDate: info.CreatedAt, Title: info.Title, Author: info.Author, ModDate: info.ModifiedAt,
			Source: res.document.Filename, TotalPages: res.PageCount, Page: p.Number - 1, PageLabel: label(p), StartIndex: ch.CharStart,
			DocumentID: res.DocumentID.String(), ChunkIndex: ch.Index, PageNumber: p.Number, Heading: heading(ch),
		},
	}
}

// label is what people call the page: its number where the document has no
// other name for it.
func label(p *layout.Page) string {
	if p.Label != "" {
		return p.Label
	}
	return strconv.Itoa(p.Number)
}

// heading is one string: stores of vectors take no lists.
func heading(ch *Chunk) string { return strings.Join(ch.HeadingPath, " > ") }

// llamaNode is a llama_index TextNode. Its metadata are flat, and the first ones
// those of PDFReader and SimpleDirectoryReader, with the same left out of what
// models are shown.
type llamaNode struct {
	ID                        string                  `json:"id_"`
	Embedding                 []float64               `json:"embedding"`
	Metadata                  llamaMetadata           `json:"metadata"`
	ExcludedEmbedMetadataKeys []string                `json:"excluded_embed_metadata_keys"`
	ExcludedLLMMetadataKeys   []string                `json:"excluded_llm_metadata_keys"`
	Relationships             map[string]llamaRelated `json:"relationships"`
	MetadataTemplate          string                  `json:"metadata_template"`
	MetadataSeparator         string                  `json:"metadata_separator"`
	Text                      string                  `json:"text"`
	MIMEType                  string                  `json:"mimetype"`
	StartCharIdx              int                     `json:"start_char_idx"`
	EndCharIdx                int                     `json:"end_char_idx"`
	TextTemplate              string                  `json:"text_template"`
	ClassName                 string                  `json:"class_name"`
}

type llamaMetadata struct {
	PageLabel  string `json:"page_label"`
	FileName   string `json:"file_name"`
	FileType   string `json:"file_type"`
	FileSize   int64  `json:"file_size"`
	DocumentID string `json:"document_id"`
	PageNumber int    `json:"page_number"`
	ChunkIndex int    `json:"chunk_index"`
	Heading    string `json:"heading,omitempty"` // the headings it stands under
}

type llamaRelated struct {
	NodeID    string         `json:"node_id"`
	NodeType  string         `json:"node_type"`
	Metadata  map[string]any `json:"metadata"`
	Hash      *string        `json:"hash"`
	ClassName string         `json:"class_name"`
}

// Numbers that llama_index has for a relationship and for a type of node.
const (
	llamaSource   = "1"
	llamaDocument = "4"
)

func (res *Result) llamaIndex(p *layout.Page, ch *Chunk) any {
	hidden := []string{"file_name", "file_type", "file_size", "document_id", "page_number", "chunk_index"}
	return llamaNode{
		ID: ch.ID,
		Metadata: llamaMetadata{
			PageLabel: label(p), FileName: res.document.Filename, FileType: res.document.MediaType, FileSize: res.document.SourceSize,
			DocumentID: res.DocumentID.String(), PageNumber: p.Number, ChunkIndex: ch.Index, Heading: heading(ch),
		},
		ExcludedEmbedMetadataKeys: hidden, ExcludedLLMMetadataKeys: hidden[1:],
		Relationships: map[string]llamaRelated{llamaSource: {
			NodeID: res.DocumentID.String(), NodeType: llamaDocument, Metadata: map[string]any{"file_name": res.document.Filename}, ClassName: "RelatedNodeInfo",
		}},
		MetadataTemplate: "{key}: {value}", MetadataSeparator: "\n", TextTemplate: "{metadata_str}\n\n{content}",
		Text: ch.Text, MIMEType: "text/plain", StartCharIdx: ch.CharStart, EndCharIdx: ch.CharEnd, ClassName: "TextNode",
	}
}

// unstructuredElement is an element of unstructured, of the type that its own
// chunking gives.
type unstructuredElement struct {
	Type      string               `json:"type"`
	ElementID string               `json:"element_id"`
	Text      string               `json:"text"`
	Metadata  unstructuredMetadata `json:"metadata"`
}

type unstructuredMetadata struct {
	Filename     string `json:"filename"`
	FileType     string `json:"filetype"`
	LastModified string `json:"last_modified,omitempty"`
	PageNumber   int    `json:"page_number"`
}

func (res *Result) unstructured(p *layout.Page, ch *Chunk) any {
	return unstructuredElement{
		Type: "CompositeElement", ElementID: ch.ID, Text: ch.Text,
		Metadata: unstructuredMetadata{
			Filename: res.document.Filename, FileType: res.document.MediaType, LastModified: res.facts.ModifiedAt, PageNumber: p.Number,
		},
	}
}

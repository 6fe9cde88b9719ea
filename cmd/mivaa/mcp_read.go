package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/mivaa/mivaa/internal/extract"
)

// mostText is how many bytes of a document one answer holds: an assistant's
// memory is short, and it can ask for more.
const mostText = 40_000

// readTools offer the content of documents, as text: what they give is for
// reading, and would only be there twice as an object.
func (t *tools) readTools(s *mcp.Server) {
	reads := &mcp.ToolAnnotations{ReadOnlyHint: true, OpenWorldHint: new(false)}
	addText(s, "read_pages", fmt.Sprintf("The content of a document's pages as Markdown, with a comment <!-- page N --> before each. It ends with a note where pages could not be read, or need OCR and got none. "+
		"An answer has at most %d bytes; where there is more it ends with the offset to go on at. While its job runs, the pages that are finished can be read.", mostText), reads, t.readPages)
	addText(s, "read_chunks", "A document in pieces as retrieval uses them, one JSON object a line with chunk_index, page_numbers, heading_path and text. "+
		"Where there are more the answer ends with the index to go on at.", reads, t.readChunks)
}

func addText[In any](s *mcp.Server, name, description string, hints *mcp.ToolAnnotations, do func(context.Context, In) (string, error)) {
	mcp.AddTool(s, &mcp.Tool{Name: name, Description: description, Annotations: hints},
		func(ctx context.Context, _ *mcp.CallToolRequest, in In) (*mcp.CallToolResult, any, error) {
			text, err := do(ctx, in)
			if err != nil {
				return nil, nil, forAssistant(err)
			}
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}}, nil, nil
		})
}

type readPagesInput struct {
	DocumentID string `json:"document_id" jsonschema:"id of the document, or its beginning"`
	Pages      string `json:"pages,omitempty" jsonschema:"only these pages, such as 1-5,9,20-; all if empty"`
	Offset     int    `json:"offset,omitempty" jsonschema:"where the answer before ended, with the same pages"`
}

func (t *tools) readPages(ctx context.Context, in readPagesInput) (string, error) {
	c, known, err := t.content(ctx, in.DocumentID, extract.Request{Format: extract.Markdown, PageMarkers: true}, in.Pages)
	if err != nil {
		return "", err
	}
	in.Offset = max(0, in.Offset)
	w := &window{skip: in.Offset, most: mostText}
	if err := c.write(ctx, w); err != nil && !errors.Is(err, errWindowFull) {
		return "", err
	}
	text, next := w.text()
	notes := []string{}
	if next > 0 {
		notes = append(notes, fmt.Sprintf("There is more: call read_pages again with offset %d.", in.Offset+next))
	} else if text == "" && in.Offset > 0 {
		notes = append(notes, "There is no text from there on.")
	}
	return text + footnotes(append(notes, shortcomings(c.Summary, known)...)), nil
}

type readChunksInput struct {
	DocumentID string `json:"document_id" jsonschema:"id of the document, or its beginning"`
	Start      int    `json:"start,omitempty" jsonschema:"chunk_index to begin at"`
	Limit      int    `json:"limit,omitempty" jsonschema:"how many at most; 20 if 0, at most 100"`
}

// chunkAnswer is what an assistant is told of a chunk.
type chunkAnswer struct {
	Index   int      `json:"chunk_index"`
	Pages   []int    `json:"page_numbers"`
	Heading []string `json:"heading_path,omitempty"`
	Text    string   `json:"text"`
}

func (t *tools) readChunks(ctx context.Context, in readChunksInput) (string, error) {
	c, known, err := t.content(ctx, in.DocumentID, extract.Request{Format: extract.Chunks}, "")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	limit, n, next := listLimit(in.Limit), 0, -1
	err = streamed(ctx, c, func(chunk chunkAnswer) (bool, error) {
		if chunk.Index < in.Start {
			return true, nil
		}
		line, err := json.Marshal(chunk)
		if err != nil {
			return false, fmt.Errorf("encode chunk: %w", err)
		}
		if n == limit || n > 0 && b.Len()+len(line) > mostText {
			next = chunk.Index
			return false, nil
		}
		n++
		b.Write(line)
		b.WriteByte('\n')
		return true, nil
	})
	if err != nil {
		return "", err
	}
	notes := []string{}
	if next >= 0 {
		notes = append(notes, fmt.Sprintf("There are more: call read_chunks again with start %d.", next))
	} else if n == 0 {
		notes = append(notes, "There are no chunks from there on.")
	}
	return b.String() + footnotes(append(notes, shortcomings(c.Summary, known)...)), nil
}

func (t *tools) content(ctx context.Context, id string, r extract.Request, pages string) (content, extract.OCRFacts, error) {
	doc, err := t.desk.document(ctx, id)
	if err != nil {
		return content{}, extract.OCRFacts{}, err
	}
	known, err := ocrOf(doc)
	if err != nil {
		return content{}, known, err
	}
	r.Document = doc.ID
	if r.Pages, err = extract.ParsePages(pages); err != nil {
		return content{}, known, usagef("pages: %w", err)
	}
	c, err := t.desk.content(ctx, r)
	return c, known, err
}

// shortcomings say what is not the whole document.
func shortcomings(s extract.Summary, known extract.OCRFacts) []string {
	var notes []string
	if !s.Complete {
		notes = append(notes, "The document's job has not come to its end: these are the pages there are.")
	}
	if len(s.Failed) > 0 {
		notes = append(notes, "Pages that could not be read: "+failedPages(s.Failed))
	}
	return append(notes, unrecognised(known)...)
}

func footnotes(notes []string) string {
	if len(notes) == 0 {
		return ""
	}
	return "\n\n[" + strings.Join(notes, " ") + "]\n"
}

// window keeps a part of what is written to it, and refuses what comes behind.
type window struct {
	skip, most int
	buf        bytes.Buffer
}

var errWindowFull = errors.New("enough was read")

func (w *window) Write(p []byte) (int, error) {
	n := len(p)
	if skipped := min(w.skip, len(p)); skipped > 0 {
		w.skip -= skipped
		p = p[skipped:]
	}
	w.buf.Write(p[:max(0, min(len(p), w.most+utf8.UTFMax-w.buf.Len()))])
	if w.buf.Len() > w.most {
		return n, errWindowFull
	}
	return n, nil
}

// text is the part, which ends with a whole line where it can, and where the
// next one begins behind it; 0: that was the end.
func (w *window) text() (text string, next int) {
	data := w.buf.Bytes()
	if len(data) <= w.most {
		return string(data), 0
	}
	end := w.most
	if line := bytes.LastIndexByte(data[:end], '\n'); line > end/2 {
		end = line + 1
	}
	for end > 0 && !utf8.RuneStart(data[end]) {
		end--
	}
	return string(data[:end]), end
}

// streamed calls visit with the chunks of a document as they are written, until
// it returns false.
func streamed(ctx context.Context, c content, visit func(chunkAnswer) (bool, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, w := io.Pipe()
	written := make(chan struct{})
	go func() {
		defer close(written)
		w.CloseWithError(c.write(ctx, w))
	}()
	err := eachChunk(json.NewDecoder(r), visit)
	_ = r.CloseWithError(errWindowFull) // ends the writer
	<-written
	return err
}

func eachChunk(d *json.Decoder, visit func(chunkAnswer) (bool, error)) error {
	if _, err := d.Token(); err != nil { // {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		if name != "chunks" {
			var skip json.RawMessage
			if err := d.Decode(&skip); err != nil {
				return err
			}
			continue
		}
		if _, err := d.Token(); err != nil { // [
			return err
		}
		for d.More() {
			var chunk chunkAnswer
			if err := d.Decode(&chunk); err != nil {
				return err
			}
			if more, err := visit(chunk); err != nil || !more {
				return err
			}
		}
		if _, err := d.Token(); err != nil { // ]
			return err
		}
	}
	return nil
}

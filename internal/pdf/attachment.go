package pdf

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// maxAttachment is the most bytes of an attached file that are given out.
const maxAttachment = 16 << 20

// ErrNoAttachment: the document has no attached file of that number.
var ErrNoAttachment = errors.New("pdf: no such attachment")

// Attachment is a file that a document carries.
type Attachment struct {
	Name       string `json:"name"`                  // as the document has it: it may be a path, or not fit for a file's name
	MediaType  string `json:"mime_type,omitempty"`   // as the document says
	CreatedAt  string `json:"created_at,omitempty"`  // RFC 3339; empty if the document's date is none
	ModifiedAt string `json:"modified_at,omitempty"` // the same
	Size       int    `json:"size"`                  // in bytes; -1: it cannot be read
}

// AttachedFiles lists the files that the document carries, at most 1,000, in its
// own order, which is that of Info.Attachments. Failures as of Picture.
func (d *Document) AttachedFiles(ctx context.Context) ([]Attachment, error) {
	var list []Attachment
	err := d.ask(ctx, "list attachments", frameAttachments, nil, func(f frame) error {
		if f.kind != frameAttachmentList {
			return errors.New("not a list of attachments")
		}
		list = nil
		if err := json.Unmarshal(f.payload, &list); err != nil {
			return err
		}
		if len(list) > maxAttachments {
			return fmt.Errorf("a list of %d attachments", len(list))
		}
		return nil
	})
	return list, err
}

// AttachedFile returns the bytes of an attached file by its place in the list,
// from 0: at most 16 MiB. Failures as of Picture, and ErrNoAttachment.
func (d *Document) AttachedFile(ctx context.Context, index int) ([]byte, error) {
	if index < 0 || index >= maxAttachments {
		return nil, ErrNoAttachment
	}
	var data []byte
	found := false
	request := binary.LittleEndian.AppendUint32(nil, uint32(index))
	err := d.ask(ctx, fmt.Sprintf("read attachment %d", index+1), frameAttachment, request, func(f frame) error {
		if f.kind != frameFile || len(f.payload) > 1+maxAttachment {
			return errors.New("not an attached file")
		}
		// The first byte says that there is one; the payload is overwritten by the next.
		if found = len(f.payload) > 0; found {
			data = bytes.Clone(f.payload[1:])
		}
		return nil
	})
	if err == nil && !found {
		err = ErrNoAttachment
	}
	return data, err
}

func (w *readerMain) attachments() (byte, []byte, error) {
	if err := w.ready(); err != nil {
		return 0, nil, err
	}
	answer, err := json.Marshal(w.engine.attachments(w.doc))
	if err != nil {
		return 0, nil, fmt.Errorf("encode list of attachments: %w", err)
	}
	return frameAttachmentList, answer, w.shrink(w.engine.memory.limit / 2)
}

func (w *readerMain) attachment(payload []byte) (byte, []byte, error) {
	index, err := decodePage(payload)
	if err != nil {
		return 0, nil, err
	}
	if err := w.roomy(); err != nil {
		return 0, nil, err
	}
	data, found, err := w.engine.attachment(w.doc, index)
	if err != nil {
		return 0, nil, err
	}
	var answer []byte
	if found {
		answer = append([]byte{1}, data...)
	}
	return frameFile, answer, w.shrink(w.engine.memory.limit / 2)
}

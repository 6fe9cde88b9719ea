package pdf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The service and a reader speak in frames: one byte that says what it is, four
// bytes of length, little endian, and that many bytes. The service asks, the
// reader answers with exactly one answer, but may ask for bytes of the document
// (frameRead) any number of times before.
type frame struct {
	kind    byte
	payload []byte
}

const (
	// From the service.
	frameOpen        byte = 'O' // an openRequest as JSON; answered by frameInfo
	framePage        byte = 'P' // number of the page, uint32; answered by framePageRecord
	framePing        byte = 'p' // answered by framePong
	frameOutline     byte = 'B' // answered by frameBookmarks
	frameRender      byte = 'G' // a renderRequest; answered by framePicture
	frameImages      byte = 'L' // number of the page, uint32; answered by frameImageList
	frameImage       byte = 'M' // an imageRequest; answered by framePicture, empty if there is no such image
	frameAttachments byte = 'A' // answered by frameAttachmentList
	frameAttachment  byte = 'a' // index of the attachment, uint32; answered by frameFile
	frameForget      byte = 'F' // close the document; not answered
	frameData        byte = 'D' // the answer to frameRead
	frameDataError   byte = 'd' // the same, if the source could not be read; no payload

	// From a reader.
	frameHello          byte = 'H' // once, when it is warm
	frameRead           byte = 'R' // offset uint64, length uint32
	frameInfo           byte = 'I' // a document is open: a description as JSON, empty if it was not asked for
	framePageRecord     byte = 'J' // a layout.Page (wire.go)
	frameBookmarks      byte = 'b' // a list of OutlineItem as JSON
	framePicture        byte = 'g' // width and height, uint32 each, and a JPEG or PNG of that size
	frameImageList      byte = 'l' // a list of ImageInfo as JSON
	frameAttachmentList byte = 't' // a list of Attachment as JSON
	frameFile           byte = 'f' // a 1 and the bytes of a file; empty if there is none
	framePong           byte = 'q'
	frameFailed         byte = 'X' // a failure as JSON, in place of any other answer
)

const frameHeader = 5

// maxFrame is the largest payload that is ever read. Each side's messages stay
// well under it; a length above it can only be nonsense.
const maxFrame = maxRecord + 1<<20

// maxRecord is the largest page record, by its weight as JSON; in a frame it is less.
const maxRecord = 16 << 20

// readFrame reads one frame, its payload into buf if it fits. An end of the
// stream between two frames is io.EOF, within one io.ErrUnexpectedEOF.
func readFrame(r io.Reader, buf []byte) (frame, error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return frame{}, err
	}
	n := int(binary.LittleEndian.Uint32(header[1:]))
	if n > maxFrame {
		return frame{}, fmt.Errorf("frame %q of %d bytes: more than %d", header[0], n, maxFrame)
	}
	// A liar costs no more memory than it sends bytes: a large payload is
	// grown as it arrives.
	const step = 1 << 20
	payload := buf[:0]
	for len(payload) < n {
		chunk := min(n-len(payload), step)
		payload = grow(payload, chunk)
		read, err := io.ReadFull(r, payload[len(payload):len(payload)+chunk])
		payload = payload[:len(payload)+read]
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return frame{}, err
		}
	}
	return frame{kind: header[0], payload: payload}, nil
}

// grow is slices.Grow, spelled out to double: large payloads are copied few times.
func grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	next := make([]byte, len(b), max(2*cap(b), len(b)+n))
	copy(next, b)
	return next
}

// writeFrame writes one frame in one write, so that nothing is seen of it if
// the writer dies before.
func writeFrame(w io.Writer, kind byte, payload []byte) error {
	if len(payload) > maxFrame {
		return fmt.Errorf("frame %q of %d bytes: more than %d", kind, len(payload), maxFrame)
	}
	b := make([]byte, frameHeader+len(payload))
	copy(b[frameHeader:], payload)
	putHeader(b, kind)
	_, err := w.Write(b)
	return err
}

// putHeader fills in the header of a whole frame, whose payload is already there.
func putHeader(b []byte, kind byte) {
	b[0] = kind
	binary.LittleEndian.PutUint32(b[1:], uint32(len(b)-frameHeader))
}

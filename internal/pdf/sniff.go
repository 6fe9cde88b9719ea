package pdf

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// headerWithin is how far into a file readers look for its header: real files
// have mail headers and printer commands before it.
const headerWithin = 1024

// errHeader says why what has no header is refused.
var errHeader = errors.New("not a PDF: none of its first 1024 bytes begins %PDF-")

// Sniff returns r, to be read from its start, if what it gives may be a PDF,
// and an *Error of CodeNotAPDF if it cannot be. What reading fails with is
// returned as it is.
func Sniff(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	head, err := b.Peek(headerWithin)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !hasHeader(head) {
		return nil, &Error{Code: CodeNotAPDF, Err: errHeader}
	}
	return b, nil
}

func hasHeader(head []byte) bool { return bytes.Contains(head, []byte("%PDF-")) }

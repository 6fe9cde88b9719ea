package pdf

import (
	"container/list"
	"errors"
	"fmt"
	"io"
)

// blockSize and blockCount bound what a reader keeps of a document: 8 MiB. Each
// miss is a round trip to the service; PDFium reads a few hundred bytes at a time.
const (
	blockSize  = 128 << 10
	blockCount = 64
)

// source is the document as PDFium reads it: blocks that the service sends when
// asked. It is an io.ReadSeeker.
type source struct {
	// fetch asks the service for length bytes at offset; the answer is valid
	// until the next fetch.
	fetch  func(offset int64, length int) ([]byte, error)
	size   int64
	pos    int64
	blocks map[int64]*list.Element // of *block, by number
	recent *list.List              // most recently used first
}

type block struct {
	number int64
	data   []byte
}

var errSourceRead = errors.New("the source could not be read")

// reset makes it another document's source.
func (s *source) reset(size int64) {
	s.size, s.pos = size, 0
	s.blocks, s.recent = map[int64]*list.Element{}, list.New()
}

// Seek implements io.Seeker.
func (s *source) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.pos
	case io.SeekEnd:
		offset += s.size
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to %d", offset)
	}
	s.pos = offset
	return offset, nil
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	if s.pos >= s.size {
		return 0, io.EOF
	}
	data, err := s.block(s.pos / blockSize)
	if err != nil {
		return 0, err
	}
	n := copy(p, data[s.pos%blockSize:])
	s.pos += int64(n)
	return n, nil
}

// ReadAt implements io.ReaderAt. It leaves alone where Read stands.
func (s *source) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("read at %d", off)
	}
	for n < len(p) {
		at := off + int64(n)
		if at >= s.size {
			return n, io.EOF
		}
		data, err := s.block(at / blockSize)
		if err != nil {
			return n, err
		}
		n += copy(p[n:], data[at%blockSize:])
	}
	return n, nil
}

func (s *source) block(number int64) ([]byte, error) {
	if e, ok := s.blocks[number]; ok {
		s.recent.MoveToFront(e)
		return e.Value.(*block).data, nil
	}
	offset := number * blockSize
	data, err := s.fetch(offset, int(min(blockSize, s.size-offset)))
	if err != nil {
		return nil, err
	}
	var b *block
	if s.recent.Len() < blockCount {
		b = &block{}
		s.blocks[number] = s.recent.PushFront(b)
	} else {
		oldest := s.recent.Back()
		b = oldest.Value.(*block)
		delete(s.blocks, b.number)
		s.recent.MoveToFront(oldest)
		s.blocks[number] = oldest
	}
	b.number, b.data = number, append(b.data[:0], data...)
	return b.data, nil
}

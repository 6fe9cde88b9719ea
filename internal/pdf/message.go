package pdf

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// settings are given to a reader as its one argument, as JSON.
type settings struct {
	Parent  int    `json:"parent"`  // process id of the service
	Sandbox int64  `json:"sandbox"` // most bytes of PDFium's memory
	Cache   string `json:"cache"`   // directory of compiled code
}

// openRequest is the payload of frameOpen.
type openRequest struct {
	Size     int64  `json:"size"`
	Media    string `json:"media"` // PDF, or that of a picture
	Password []byte `json:"password,omitempty"`
	Describe bool   `json:"describe,omitempty"` // answer with a description, not with nothing
}

// failure is the payload of frameFailed.
type failure struct {
	Code  string `json:"code"`
	Error string `json:"error"`
	// Broken says that the reader cannot go on: PDFium's state is half done.
	Broken bool `json:"broken,omitempty"`
}

// maxBlock is the most bytes a reader may ask for at once.
const maxBlock = 256 << 10

func encodeRead(offset int64, length int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(offset))
	return binary.LittleEndian.AppendUint32(b, uint32(length))
}

// decodeRead checks the request against the size of the document: it comes
// from a reader.
func decodeRead(payload []byte, size int64) (offset int64, length int, err error) {
	if len(payload) != 12 {
		return 0, 0, fmt.Errorf("read request of %d bytes", len(payload))
	}
	offset = int64(binary.LittleEndian.Uint64(payload))
	length = int(binary.LittleEndian.Uint32(payload[8:]))
	if offset < 0 || length <= 0 || length > maxBlock || offset > size-int64(length) {
		return 0, 0, fmt.Errorf("read request for %d bytes at %d of %d", length, offset, size)
	}
	return offset, length, nil
}

func encodePage(number int) []byte {
	return binary.LittleEndian.AppendUint32(nil, uint32(number))
}

func decodePage(payload []byte) (int, error) {
	if len(payload) != 4 {
		return 0, fmt.Errorf("page request of %d bytes", len(payload))
	}
	return int(binary.LittleEndian.Uint32(payload)), nil
}

// knownCodes are the codes a reader may answer with; what else it says is a
// crash by another name.
var knownCodes = map[string]bool{
	CodePasswordRequired: true, CodePasswordWrong: true, CodeDamaged: true,
	CodeTooLarge: true, CodeOutOfMemory: true, CodeReaderCrashed: true, CodeInternal: true,
}

func decodeFailure(payload []byte) (failure, error) {
	var f failure
	if err := json.Unmarshal(payload, &f); err != nil {
		return f, fmt.Errorf("decode failure: %w", err)
	}
	if !knownCodes[f.Code] {
		return f, fmt.Errorf("decode failure: unknown code %.40q", f.Code)
	}
	const longest = 2000
	if len(f.Error) > longest {
		f.Error = f.Error[:longest]
	}
	return f, nil
}

package pdf

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestFrames(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	sizes := []int{0, 1, 1 << 20, 3<<20 + 1}
	for _, n := range sizes {
		if err := writeFrame(&b, 'x', bytes.Repeat([]byte{7}, n)); err != nil {
			t.Fatal(err)
		}
	}
	var buf []byte
	for _, n := range sizes {
		f, err := readFrame(&b, buf)
		if err != nil || f.kind != 'x' || !bytes.Equal(f.payload, bytes.Repeat([]byte{7}, n)) {
			t.Fatalf("frame of %d: kind %q, %d bytes, %v", n, f.kind, len(f.payload), err)
		}
		buf = f.payload[:0]
	}
	if _, err := readFrame(&b, nil); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	if err := writeFrame(io.Discard, 'x', make([]byte, maxFrame+1)); err == nil {
		t.Error("a frame too large was written")
	}
}

// Bytes of a reader that was taken over cost nothing but an error.
func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("J\x02\x00\x00\x00{}"))
	f.Add([]byte("J\xff\xff\xff\xff"))
	f.Add([]byte("J\xff\xff\xff\x00x"))
	f.Add(append([]byte("R\x0c\x00\x00\x00"), encodeRead(100, 10)...))
	f.Add([]byte("X\x20\x00\x00\x00{\"code\":\"damaged\",\"error\":\"...\"}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		for {
			fr, err := readFrame(r, nil)
			if err != nil {
				return
			}
			if len(fr.payload) > len(data) || cap(fr.payload) > 4<<20 {
				t.Fatalf("%d bytes of input made %d, capacity %d", len(data), len(fr.payload), cap(fr.payload))
			}
			if offset, length, err := decodeRead(fr.payload, 1000); err == nil && (offset < 0 || length < 1 || offset+int64(length) > 1000) {
				t.Fatalf("read of %d at %d allowed", length, offset)
			}
			if f, err := decodeFailure(fr.payload); err == nil && !knownCodes[f.Code] {
				t.Fatalf("code %q allowed", f.Code)
			}
			_, _ = decodePage(fr.payload)
		}
	})
}

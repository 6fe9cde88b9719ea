package pdf

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/child"
	"github.com/mivaa/mivaa/internal/layout"
)

// lie is a reader that has been taken over by the document.
func lie(how string) int {
	in, out := bufio.NewReader(os.Stdin), os.Stdout
	say := func(kind byte, payload string) { _ = writeFrame(out, kind, []byte(payload)) }
	say(frameHello, "")
	for {
		f, err := readFrame(in, nil)
		if err != nil {
			return 0
		}
		switch {
		case f.kind == framePing:
			say(framePong, "")
		case f.kind == frameOpen && how == "stuck":
		case f.kind == frameOpen && how == "gone":
			return 1
		case f.kind == frameOpen && how == "info":
			say(frameInfo, "{")
		case f.kind == frameOpen:
			say(frameInfo, `{"page_count": 2, "has_outline": true}`)
		case f.kind == frameOutline && how == "outline":
			say(frameBookmarks, `{}`)
		case f.kind == frameOutline && how == "long outline":
			say(frameBookmarks, "[{}"+strings.Repeat(",{}", maxOutline)+"]")
		case how == "picture text":
			say(framePicture, string(encodePicture(3, 2, []byte("<html>"))))
		case how == "picture size":
			say(framePicture, string(encodePicture(30, 20, smallJPEG(3, 2))))
		case how == "picture huge":
			say(framePicture, string(encodePicture(longest, longest, smallJPEG(3, 2))))
		case how == "picture gif":
			say(framePicture, string(encodePicture(1, 1, []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00"))))
		case how == "picture empty":
			say(framePicture, "")
		case how == "length":
			_, _ = out.Write([]byte{framePageRecord, 0xff, 0xff, 0xff, 0xff})
		case how == "noise":
			_, _ = out.Write(bytes.Repeat([]byte("noise"), 1000))
		case how == "number":
			say(framePageRecord, string(encodeRecord(nil, &layout.Page{Version: layout.Version, Number: 77, Status: layout.StatusOK})))
		case how == "offsets":
			say(framePageRecord, string(encodeRecord(nil, &layout.Page{Version: layout.Version, Number: 1, Status: layout.StatusOK, Lines: []layout.Line{{End: 99}}})))
		case how == "record":
			say(framePageRecord, "[")
		case how == "beyond":
			say(frameRead, string(encodeRead(1<<40, 10)))
		case how == "huge read":
			say(frameRead, string(encodeRead(0, 1<<30)))
		case how == "code":
			say(frameFailed, `{"code":"all_is_well"}`)
		case how == "kind":
			say('?', "")
		case how == "exit":
			fmt.Fprintln(os.Stderr, strings.Repeat("blah ", 10000)+"last words")
			return 1
		}
	}
}

func smallJPEG(w, h int) []byte {
	var b bytes.Buffer
	_ = jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, w, h)), nil)
	return b.Bytes()
}

func TestLyingReader(t *testing.T) {
	t.Parallel()
	b := []byte("%PDF-1.4 no more is needed")
	self, err := executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"info", "gone", "length", "noise", "number", "offsets", "record", "beyond", "huge read", "code", "kind", "exit"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, Config{Readers: 1, Command: []string{self, liarCommand, how}, PageTimeout: 20 * time.Second})
			d, err := p.Open(t.Context(), bytes.NewReader(b), int64(len(b)), "")
			if how == "info" || how == "gone" {
				wantCode(t, err, CodeReaderCrashed)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			pages, err := readAll(t.Context(), t, d, all(d))
			if err != nil {
				t.Fatal(err)
			}
			for _, page := range pages {
				if page.Code != CodeReaderCrashed {
					t.Errorf("page %d: %q %s", page.Number, page.Code, page.Error)
				}
				if how == "exit" && (!strings.HasSuffix(page.Error, "last words") || len(page.Error) > 2*child.TailSize) {
					t.Errorf("error %q", page.Error)
				}
			}
		})
	}
}

func TestLyingOutline(t *testing.T) {
	t.Parallel()
	b := []byte("%PDF-1.4 no more is needed")
	self, err := executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"outline", "long outline", "kind", "exit", "beyond"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, Config{Readers: 1, Command: []string{self, liarCommand, how}, PageTimeout: 20 * time.Second})
			d, err := p.Open(t.Context(), bytes.NewReader(b), int64(len(b)), "")
			if err != nil {
				t.Fatal(err)
			}
			_, err = d.Outline(t.Context())
			wantCode(t, err, CodeReaderCrashed)
			if !strings.HasPrefix(err.Error(), "read outline: ") {
				t.Error(err)
			}
			d.Close()
			if _, err := d.Outline(t.Context()); !errors.Is(err, ErrClosed) {
				t.Errorf("closed: %v", err)
			}
		})
	}
}

func TestStuckOpening(t *testing.T) {
	t.Parallel()
	b := []byte("%PDF-1.4 no more is needed")
	self, err := executable()
	if err != nil {
		t.Fatal(err)
	}
	p := newPool(t, Config{Readers: 1, Command: []string{self, liarCommand, "stuck"}, PageTimeout: 300 * time.Millisecond})
	_, err = p.Open(t.Context(), bytes.NewReader(b), int64(len(b)), "")
	wantCode(t, err, CodePageTimeout)
	if pids := p.pids(false); len(pids) > 0 {
		t.Errorf("readers %v live", pids)
	}
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mivaa/mivaa/examples"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/pdf"
)

// A service without workers starts a reader when the first picture is asked for,
// and ends it with the rest.
func TestPicturesWithoutWorkers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles the engine")
	}
	w := newWorld(t)
	ref, err := w.blobs.Put(t.Context(), bytes.NewReader(examples.Sample), 0)
	w.ok(err)
	sub, err := w.docs.Submit(t.Context(), documents.Submission{Source: ref})
	w.ok(err)
	// The compiled engine is kept between runs, beside that of the other tests.
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("mivaa-pictures-test-%d", os.Getuid()))
	d := &data{dir: dir, documents: w.docs, blobs: w.blobs}
	s := &workSettings{pageTimeout: time.Minute, pageMemory: 512 << 20, maxPages: 100}
	pictures, end := s.pictures(d, nil, slog.New(slog.DiscardHandler))
	got, err := pictures.Page(t.Context(), sub.Document.ID, 1, 72)
	w.ok(err)
	if _, kind, err := image.DecodeConfig(bytes.NewReader(got.Data)); err != nil || kind != "jpeg" {
		t.Errorf("%s, %v", kind, err)
	}
	w.ok(end())
	if _, err := pictures.Page(t.Context(), sub.Document.ID, 1, 72); !errors.Is(err, pdf.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

// Where there are two readers pictures hold one at most, so that jobs have one.
func TestPicturesAtOnce(t *testing.T) {
	t.Parallel()
	for readers, want := range map[int]int{1: 1, 2: 1, 3: 1, 4: 2, 16: 8} {
		if got := picturesAtOnce(readers); got != want {
			t.Errorf("%d of %d readers", got, readers)
		}
	}
}

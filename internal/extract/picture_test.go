package extract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// TestMain lets this test binary be its own reader.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == pdf.ReaderCommand {
		os.Exit(pdf.ReaderMain(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// sketches draws specs: a picture is what was asked for, in words.
type sketches struct {
	made   atomic.Int64
	opened atomic.Int64
}

func (s *sketches) open(_ context.Context, src io.ReaderAt, size int64, password string) (Drawing, error) {
	s.opened.Add(1)
	var d sketch
	if err := json.NewDecoder(io.NewSectionReader(src, 0, size)).Decode(&d.spec); err != nil {
		return nil, err
	}
	if d.spec.Open != "" && password == "" {
		return nil, &pdf.Error{Code: d.spec.Open, Err: errors.New("cannot open")}
	}
	d.sketches = s
	return &d, nil
}

type sketch struct {
	*sketches
	spec spec
}

func (s *sketch) Info() pdf.Info { return pdf.Info{PageCount: s.spec.Pages} }

func (s *sketch) Close() error { return nil }

func (s *sketch) Picture(_ context.Context, page, dpi, _ int) (pdf.Picture, error) {
	s.made.Add(1)
	return pdf.Picture{MediaType: pdf.JPEG, Data: fmt.Appendf(nil, "page %d at %d", page, dpi)}, nil
}

func (s *sketch) Images(_ context.Context, page int) ([]pdf.ImageInfo, error) {
	s.made.Add(1)
	return []pdf.ImageInfo{{MediaType: pdf.PNG, Width: page, Height: 1}, {MediaType: pdf.JPEG, Width: page, Height: 2}}, nil
}

func (s *sketch) Image(_ context.Context, page, index int) (pdf.Picture, error) {
	if index > 1 {
		return pdf.Picture{}, pdf.ErrNoImage
	}
	s.made.Add(1)
	return pdf.Picture{MediaType: pdf.PNG, Data: fmt.Appendf(nil, "image %d of page %d", index, page)}, nil
}

func (s *sketch) AttachedFiles(context.Context) ([]pdf.Attachment, error) {
	s.made.Add(1)
	return []pdf.Attachment{{Name: "data.xml", MediaType: "text/xml", Size: 6}, {Name: "huge.bin", Size: 1 << 30}}, nil
}

func (s *sketch) AttachedFile(_ context.Context, index int) ([]byte, error) {
	s.made.Add(1)
	switch index {
	case 0:
		return []byte("<data>"), nil
	case 1:
		return nil, &pdf.Error{Code: pdf.CodeTooLarge, Err: errors.New("too large")}
	}
	return nil, pdf.ErrNoAttachment
}

func (e *env) pictures() (*Pictures, *sketches) {
	s := &sketches{}
	p := NewPictures(PicturesConfig{Open: s.open, Documents: e.docs, Blobs: e.blobs})
	e.Cleanup(func() { e.ok(p.Close()) })
	return p, s
}

func TestPictures(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	p, s := e.pictures()
	id := e.submit(spec{Pages: 12}, Options{}).Document.ID // no page was read yet
	for _, c := range []struct{ page, dpi, want int }{{1, 96, 96}, {1, 96, 96}, {12, 5, 18}, {12, 1000, 300}, {12, 300, 300}} {
		got, err := p.Page(t.Context(), id, c.page, c.dpi)
		if want := fmt.Sprintf("page %d at %d", c.page, c.want); err != nil || string(got.Data) != want || len(got.ETag) != 32 {
			t.Errorf("%+v: %q %q, %v", c, got.Data, got.ETag, err)
		}
	}
	list, err := p.Images(t.Context(), id, 12)
	want := []ImageInfo{
		{Name: "p12-1.png", PageNumber: 12, Width: 12, Height: 1, MediaType: pdf.PNG},
		{Name: "p12-2.jpg", PageNumber: 12, Width: 12, Height: 2, MediaType: pdf.JPEG},
	}
	if diff := cmp.Diff(want, list); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for range 2 {
		got, err := p.Image(t.Context(), id, "p12-2.jpg")
		if err != nil || string(got.Data) != "image 1 of page 12" || got.MediaType != pdf.PNG {
			t.Errorf("%q, %v", got.Data, err)
		}
	}
	if s.made.Load() != 5 || s.opened.Load() != 1 {
		t.Errorf("made %d and opened %d times, want 5 and 1", s.made.Load(), s.opened.Load())
	}
}

func TestPicturesThatAreNot(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	p, s := e.pictures()
	id := e.submit(spec{Pages: 3}, Options{}).Document.ID
	check := func(what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	_, err := p.Page(t.Context(), jobs.NewID(), 1, 96)
	check("no document", err, documents.ErrNotFound)
	for _, n := range []int{0, -1, 4, 1 << 40} {
		_, err = p.Page(t.Context(), id, n, 96)
		check("no page", err, ErrNoSuchPage)
		_, err = p.Images(t.Context(), id, n)
		check("no page's images", err, ErrNoSuchPage)
	}
	for _, name := range []string{"p1-3.png", "p4-1.png", "p0-1.png", "p1-0.png", "p01-1.png", "p1-1.gif", "p1-1.png/..", "../p1-1.png", "", "p99999999-1.png", "p1-1"} {
		_, err = p.Image(t.Context(), id, name)
		check("image "+name, err, ErrNoSuchImage)
	}
	opened := s.opened.Load()
	e.run() // now its pages are known
	_, err = p.Page(t.Context(), id, 4, 96)
	check("no page", err, ErrNoSuchPage)
	if s.opened.Load() != opened {
		t.Error("opened for a page that is known not to be there")
	}
	e.ok(e.docs.Delete(t.Context(), id, "test"))
	_, err = p.Page(t.Context(), id, 1, 96)
	check("deleted document", err, documents.ErrNotFound)
}

// Whoever submits the same bytes without the password is not shown what somebody
// else's password opened, though it is kept and the document still open.
func TestPicturesAskForThePassword(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	p, s := e.pictures()
	data, err := json.Marshal(spec{Pages: 1, Open: pdf.CodePasswordRequired})
	e.ok(err)
	ref, err := e.blobs.Put(t.Context(), bytes.NewReader(data), 0)
	e.ok(err)
	submit := func(owner, password string) jobs.ID {
		out, err := e.docs.Submit(t.Context(), documents.Submission{Source: ref, Owner: owner, Password: password})
		e.ok(err)
		return out.Document.ID
	}
	with, without, again := submit("a", "secret"), submit("b", ""), submit("c", "secret")
	if _, err := p.Page(t.Context(), with, 1, 96); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Page(t.Context(), without, 1, 96); jobs.Code(err) != pdf.CodePasswordRequired {
		t.Errorf("without the password: %v", err)
	}
	if _, err := p.Page(t.Context(), again, 1, 96); err != nil || s.made.Load() != 1 {
		t.Errorf("with the same password: %v, made %d times", err, s.made.Load())
	}
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	p, s := e.pictures()
	id := e.submit(spec{Pages: 1}, Options{}).Document.ID
	for range 2 { // the second time nothing is made
		list, err := p.Attachments(t.Context(), id)
		if err != nil || len(list) != 2 || list[0].Name != "data.xml" {
			t.Errorf("%+v, %v", list, err)
		}
		got, err := p.Attachment(t.Context(), id, 1)
		if err != nil || string(got.Data) != "<data>" {
			t.Errorf("%q, %v", got.Data, err)
		}
		if _, err := p.Attachment(t.Context(), id, 2); !blames(err) {
			t.Errorf("a file that is too large: %v", err)
		}
	}
	if n := s.made.Load(); n != 3 {
		t.Errorf("made %d times, want 3", n)
	}
	for _, n := range []int{-1, 0, 3} {
		if _, err := p.Attachment(t.Context(), id, n); !errors.Is(err, ErrNoSuchAttachment) {
			t.Errorf("number %d: %v", n, err)
		}
	}
	if got, err := p.Attachment(t.Context(), id, 1); err != nil || string(got.Data) != "<data>" {
		t.Errorf("one that cannot be had is not the others' fault: %q, %v", got.Data, err)
	}
}

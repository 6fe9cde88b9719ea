package api

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/ocr"
)

// Beginnings of pictures: nothing more is looked at before they are read.
var pictures = map[string]string{
	"image/png": "\x89PNG\r\n\x1a\n and so on", "image/jpeg": "\xff\xd8\xff\xe0 and so on", "image/tiff": "II*\x00 and so on",
}

func TestUploadPictures(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for media, content := range pictures {
		for _, a := range []answer{
			e.uploadForm("form", content+"form", "file", ""),
			e.send(http.MethodPost, uploadPath, strings.NewReader(content+"raw"), "Content-Type", media),
			e.send(http.MethodPost, uploadPath, strings.NewReader(content+"liar"), "Content-Type", "application/pdf"), // the bytes say what it is
		} {
			body := read[Accepted](e, a, http.StatusAccepted)
			if d := read[Document](e, e.get(body.DocumentURL), http.StatusOK); d.MediaType != media {
				t.Errorf("media type %q, want %q", d.MediaType, media)
			}
			if got := e.get(body.DocumentURL + "/source").Header.Get("Content-Type"); got != media {
				t.Errorf("its source is sent as %q, want %q", got, media)
			}
		}
	}
}

// What is no document is refused, by its name where that is known.
func TestUploadRefusedByName(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for content, want := range map[string]string{
		"GIF89a and so on":                "image/gif, which is not accepted: PDF, PNG, JPEG or TIFF are",
		"PK\x03\x04 and so on":            "application/zip",
		"<!DOCTYPE html><title>x</title>": "text/html",
		"hello":                           "not a PDF",
	} {
		if p := e.problem(e.uploadForm("x", content, "file", ""), http.StatusBadRequest, "not_a_pdf"); !strings.Contains(p.Detail, want) {
			t.Errorf("%q: %s", content, p.Detail)
		}
	}
}

func TestUploadOCR(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *Config) { c.OCR = tesseract(t) })
	body := read[Accepted](e, e.uploadForm("a.pdf", samplePDF("ocr"), "ocr", "force", "ocr_languages", "deu, eng", "file", ""), http.StatusAccepted)
	d, err := e.docs.Get(t.Context(), mustID(e, body.DocumentID))
	e.ok(err)
	if want := `{"ocr":"force","ocr_languages":"deu+eng"}`; string(d.Options) != want {
		t.Errorf("options %s, want %s", d.Options, want)
	}
	// Other pages are recognised: it is another document. The same again is not.
	other := read[Accepted](e, e.send(http.MethodPost, uploadPath+"?ocr=off", strings.NewReader(samplePDF("ocr")), "Content-Type", "application/pdf"), http.StatusAccepted)
	again := read[Accepted](e, e.uploadForm("a.pdf", samplePDF("ocr"), "ocr", "off", "file", ""), http.StatusOK)
	if other.DocumentID == body.DocumentID || again.DocumentID != other.DocumentID {
		t.Errorf("documents %s, %s, %s", body.DocumentID, other.DocumentID, again.DocumentID)
	}
	for query, want := range map[string]string{
		"ocr=yes":               `"yes" is none of auto, off, force`,
		"ocr_languages=fra+deu": "Tesseract has no fra: installed are deu, eng",
		"ocr_languages=--psm":   "is no language of Tesseract",
	} {
		query = strings.ReplaceAll(query, "+", url.QueryEscape("+"))
		a := e.send(http.MethodPost, uploadPath+"?"+query, strings.NewReader(samplePDF(query)), "Content-Type", "application/pdf")
		if p := read[Problem](e, a, http.StatusBadRequest); !strings.Contains(a.body, strings.ReplaceAll(want, `"`, `\"`)) {
			t.Errorf("%s: %+v", query, p)
		}
	}
}

// tesseract is one that has two languages.
func tesseract(t *testing.T) *ocr.Engine {
	t.Helper()
	path, err := filepath.Abs("testdata/tesseract.sh")
	if err != nil {
		t.Fatal(err)
	}
	e, err := ocr.New(t.Context(), ocr.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

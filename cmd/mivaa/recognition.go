package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/ocr"
)

// ocrSettings say how pages that are pictures get their text.
type ocrSettings struct {
	mode      choice
	languages string
	tesseract string

	recognised func(took time.Duration, code string) // told of each page; nil: nobody is
}

func ocrModes() []string {
	words := make([]string, len(ocr.Modes()))
	for i, m := range ocr.Modes() {
		words[i] = string(m)
	}
	return words
}

func (s *ocrSettings) register(f *pflag.FlagSet) {
	s.mode = choice{value: string(ocr.Auto), of: ocrModes()}
	f.Var(&s.mode, "ocr", "pages that Tesseract recognises from their picture, where a document does not say: auto those that are pictures of text, force all")
	f.StringVar(&s.languages, "ocr-languages", "", "languages in which it does, where a document does not say: eng+deu. Default: eng, or the first that is installed")
	f.StringVar(&s.tesseract, "tesseract", "", "path of the program. Default: tesseract on PATH; without one such pages stay without text, and are named")
}

func (s *ocrSettings) validate() error {
	if _, err := ocr.Normal(s.languages); err != nil {
		return fmt.Errorf("--ocr-languages: %w", err)
	}
	return nil
}

// asked says whether somebody wants more of it than comes by itself.
func (s *ocrSettings) asked() bool {
	return s.languages != "" || s.tesseract != "" || s.mode.value == string(ocr.Force)
}

// recognition finds Tesseract. One that is not there, or is broken, is only an
// error where it was asked for by its path; languages that it has not always
// are. Close it, if it has an engine.
func (s *workSettings) recognition(ctx context.Context, log *slog.Logger) (extract.Recognition, error) {
	r := extract.Recognition{Mode: ocr.Mode(s.ocr.mode.value), Log: log}
	e, err := ocr.New(ctx, ocr.Config{
		Path: s.ocr.tesseract, Languages: s.ocr.languages, Timeout: s.pageTimeout, Memory: int64(s.pageMemory),
		Available: s.memory().Available, Logger: log, Recognised: s.ocr.recognised,
	})
	lacking, isOurs := errors.AsType[*ocr.Error](err)
	switch {
	case err == nil:
		r.Engine = e
	case ctx.Err() != nil:
		return r, err
	case isOurs && lacking.Code == ocr.CodeLanguages:
		return r, usagef("--ocr-languages: %w", err)
	case s.ocr.tesseract != "":
		return r, usagef("--tesseract: %w", err)
	case !errors.Is(err, ocr.ErrNotInstalled) || s.ocr.asked():
		log.Warn("pages that are pictures stay without text", keyError, err)
	}
	return r, nil
}

func closeRecognition(r extract.Recognition) {
	if r.Engine != nil {
		r.Engine.Close()
	}
}

// lateRecognition finds Tesseract when the first document has to be read. The
// zero value works.
type lateRecognition struct {
	mu     sync.Mutex
	found  bool
	closed bool
	r      extract.Recognition
}

func (l *lateRecognition) get(find func() (extract.Recognition, error)) (extract.Recognition, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.found || l.closed {
		return l.r, nil
	}
	r, err := find()
	if err == nil {
		l.r, l.found = r, true
	}
	return r, err
}

func (l *lateRecognition) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	closeRecognition(l.r)
}

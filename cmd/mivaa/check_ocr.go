package main

import (
	"context"
	"errors"
	"strings"

	"github.com/mivaa/mivaa/internal/ocr"
)

// foundOCR is what there is to recognise text with.
type foundOCR struct {
	version   string
	languages []string
}

// findOCR asks Tesseract what it is. A path of "" is wherever PATH has it.
func findOCR(ctx context.Context, path, languages string) (foundOCR, error) {
	e, err := ocr.New(ctx, ocr.Config{Path: path, Languages: languages})
	if err != nil {
		return foundOCR{}, err
	}
	defer e.Close()
	return foundOCR{e.Version(), e.Installed()}, nil
}

// recognition looks for Tesseract where the service would.
func (k *checker) recognition(ctx context.Context) finding {
	const name = "ocr"
	path, _ := k.lookup(envName("tesseract"))
	languages, _ := k.lookup(envName("ocr-languages"))
	found, err := k.ocr(ctx, path, languages)
	lacking, isOurs := errors.AsType[*ocr.Error](err)
	switch {
	case err == nil:
		return ok(name, "tesseract %s, languages %s", found.version, strings.Join(found.languages, ", "))
	case errors.Is(err, ocr.ErrNotInstalled) && languages == "":
		return ok(name, "%s: scans stay without text, and their pages are named (apt-get install tesseract-ocr)", err)
	case isOurs && lacking.Code == ocr.CodeLanguages:
		return finding{Check: name, State: stateFail, Detail: err.Error(), Hint: "install them (apt-get install tesseract-ocr-deu, and the like), or change MIVAA_OCR_LANGUAGES"}
	case path != "":
		return finding{Check: name, State: stateFail, Detail: err.Error(), Hint: "mend MIVAA_TESSERACT: the service does not start"}
	}
	return finding{Check: name, State: stateWarn, Detail: err.Error(), Hint: "scans stay without text: apt-get install tesseract-ocr"}
}

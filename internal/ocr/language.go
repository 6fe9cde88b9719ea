package ocr

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// languageName is what Tesseract names its models by: eng, chi_sim,
// script/Latin. It cannot be taken for an option.
var languageName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{1,30}(/[A-Za-z][A-Za-z0-9_]{1,30})?$`)

// mostLanguages bounds a list: each costs Tesseract a pass over the page.
const mostLanguages = 10

// orientation is a model that recognises no text.
const orientation = "osd"

// ParseLanguages reads a list such as eng+deu, in the order in which they are
// tried. Spaces and commas part them as well; one given twice counts once. It
// does not know what is installed.
func ParseLanguages(list string) ([]string, error) {
	var names []string
	for _, name := range strings.FieldsFunc(list, func(r rune) bool { return r == '+' || r == ',' || r == ' ' }) {
		if !languageName.MatchString(name) || name == orientation {
			return nil, fmt.Errorf("%.40q is no language of Tesseract: write them like eng+deu", name)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > mostLanguages {
		return nil, fmt.Errorf("%d languages at once are more than %d", len(names), mostLanguages)
	}
	return names, nil
}

// Normal is a list in the form that equal lists share.
func Normal(list string) (string, error) {
	names, err := ParseLanguages(list)
	return strings.Join(names, "+"), err
}

// missing reports which languages are not installed.
func missing(names, installed []string) error {
	var lacking []string
	for _, name := range names {
		if !slices.Contains(installed, name) {
			lacking = append(lacking, name)
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	return fail(CodeLanguages, "Tesseract has no %s: installed are %s", strings.Join(lacking, ", "), strings.Join(installed, ", "))
}

package ocr

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What Tesseract's table begins with.
const tsvHeader = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"

// Levels of its rows.
const (
	levelPage = 1
	levelWord = 5
)

// Bounds of what a table may say.
const (
	mostNumber = 1 << 20 // of blocks, lines and pixels
	longWord   = 500     // runes; nothing that people write is longer
)

// word is a word as Tesseract saw it, in pixels of the picture.
type word struct {
	left, top, right, bottom int
	confidence               float64 // 0 to 100
	text                     string
}

// line is the words of a line, in the order they are read.
type line struct {
	block, paragraph int
	words            []word
}

var errTable = errors.New("not a table of Tesseract's")

// parseTSV reads Tesseract's table of a picture. What is not as it has to be is
// an error: nothing is guessed.
func parseTSV(out []byte, width, height int) ([]line, error) {
	header, rest, _ := bytes.Cut(out, []byte("\n"))
	if strings.TrimSuffix(string(header), "\r") != tsvHeader {
		return nil, fmt.Errorf("%w: it begins %.40q", errTable, header)
	}
	if !utf8.Valid(rest) {
		return nil, fmt.Errorf("%w: it is not UTF-8", errTable)
	}
	t := table{width: width, height: height}
	for row := range strings.Lines(string(rest)) {
		row = strings.TrimSuffix(strings.TrimSuffix(row, "\n"), "\r")
		if err := t.row(row); err != nil {
			return nil, fmt.Errorf("%w: row %.80q: %w", errTable, row, err)
		}
	}
	if !t.sized {
		return nil, fmt.Errorf("%w: it has no page", errTable)
	}
	return t.lines, nil
}

// table is what was read of one so far.
type table struct {
	width, height int
	sized         bool // the row of the page was there
	at            [3]int
	lines         []line
}

func (t *table) row(row string) error {
	const columns = 12
	fields := strings.Split(row, "\t")
	if len(fields) != columns {
		return fmt.Errorf("%d columns", len(fields))
	}
	var n [10]int
	for i := range n {
		v, err := strconv.Atoi(fields[i])
		if err != nil || v < 0 || v > mostNumber {
			return fmt.Errorf("column %d is no number that can be", i+1)
		}
		n[i] = v
	}
	confidence, err := strconv.ParseFloat(fields[10], 64)
	if err != nil || !(confidence >= -1 && confidence <= 100) {
		return errors.New("a confidence that cannot be")
	}
	level, left, top, right, bottom := n[0], n[6], n[7], n[6]+n[8], n[7]+n[9]
	switch {
	case level < levelPage || level > levelWord || n[1] != 1:
		return errors.New("a level or a page that cannot be")
	case level == levelPage:
		if t.sized || n[8] != t.width || n[9] != t.height {
			return errors.New("another picture's")
		}
		t.sized = true
	case right > t.width || bottom > t.height:
		return errors.New("beside the picture")
	case level == levelWord:
		return t.word(n[2:5], word{left, top, right, bottom, max(confidence, 0), fields[11]})
	}
	return nil
}

// word adds a word to the line that its numbers name. Places without text,
// which Tesseract gives for a picture or a rule, are passed over.
func (t *table) word(at []int, w word) error {
	if !t.sized {
		return errors.New("a word before the page")
	}
	if strings.IndexFunc(w.text, unicode.IsControl) >= 0 || utf8.RuneCountInString(w.text) > longWord {
		return errors.New("text that cannot be")
	}
	w.text = strings.TrimSpace(w.text)
	if w.text == "" || w.right <= w.left || w.bottom <= w.top {
		return nil
	}
	place := [3]int{at[0], at[1], at[2]}
	if len(t.lines) == 0 || place != t.at {
		t.lines = append(t.lines, line{block: at[0], paragraph: at[1]})
		t.at = place
	}
	last := &t.lines[len(t.lines)-1]
	last.words = append(last.words, w)
	return nil
}

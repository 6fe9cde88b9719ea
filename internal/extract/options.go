package extract

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/ocr"
)

// Kind is the kind of the jobs that Handle runs.
const Kind = documents.Kind

// Options are what a submitter may ask for. The zero value reads all pages.
type Options struct {
	Pages string `json:"pages,omitempty"` // as ParsePages reads it
	// OCR says which pages are recognised, OCRLanguages in which languages, such as
	// eng+deu. Empty: as the process is told that reads the pages.
	OCR          ocr.Mode `json:"ocr,omitempty"`
	OCRLanguages string   `json:"ocr_languages,omitempty"`

	Cut *Cut `json:"cut,omitempty"` // how chunks are cut where a reader does not say; nil: DefaultCut
}

// Unit is what the length of chunks is counted in.
type Unit string

// The units.
const (
	Characters Unit = ""       // Unicode code points; also written characters
	Tokens     Unit = "tokens" // of cl100k_base
)

// ParseUnit reads a unit as people write it.
func ParseUnit(s string) (Unit, error) {
	switch s {
	case "", "characters":
		return Characters, nil
	case string(Tokens):
		return Tokens, nil
	}
	return "", fmt.Errorf("chunk_unit %.20q is neither characters nor tokens", s)
}

func (u Unit) String() string {
	if u == Characters {
		return "characters"
	}
	return string(u)
}

// Cut is how long chunks are.
type Cut struct {
	Size    int  `json:"chunk_size"`           // the longest, MinChunk to MaxChunk
	Overlap int  `json:"chunk_overlap"`        // how much of a chunk the next repeats, at most half of Size
	Unit    Unit `json:"chunk_unit,omitempty"` // what both count
}

// Bounds of Cut.Size, in characters; in tokens they are a fifth.
const (
	MinChunk = 50
	MaxChunk = 100_000
)

// Bounds are those of Cut.Size in a unit.
func (u Unit) Bounds() (least, most int) {
	if u == Tokens {
		return MinChunk / 5, MaxChunk / 5
	}
	return MinChunk, MaxChunk
}

// DefaultCut returns 1000 and 200 characters.
func DefaultCut() Cut { return Cut{Size: 1000, Overlap: 200} }

// defaultTokens is the size of chunks where only the unit was given: about as
// much as 1000 characters.
const defaultTokens = 250

// NewCut makes a Cut of what was given; nil is the default, for the overlap a
// fifth of the size.
func NewCut(unit Unit, size, overlap *int) (Cut, error) {
	c := DefaultCut()
	if unit == Tokens {
		c = Cut{Size: defaultTokens, Overlap: defaultTokens / 5, Unit: Tokens}
	}
	if size != nil {
		c.Size, c.Overlap = *size, *size/5
	}
	if overlap != nil {
		c.Overlap = *overlap
	}
	return c, c.Validate()
}

// Validate reports what is wrong.
func (c Cut) Validate() error {
	least, most := c.Unit.Bounds()
	switch {
	case c.Unit != Characters && c.Unit != Tokens:
		return fmt.Errorf("chunk_unit %.20q is neither characters nor tokens", string(c.Unit))
	case c.Size < least || c.Size > most:
		return fmt.Errorf("chunk_size is %d %s: it must be %d to %d", c.Size, c.Unit, least, most)
	case c.Overlap < 0 || c.Overlap > c.Size/2:
		return fmt.Errorf("chunk_overlap is %d %s: it must be 0 to %d, half of chunk_size", c.Overlap, c.Unit, c.Size/2)
	}
	return nil
}

// Normal returns the options in the one form that equal options share, or what
// is wrong with them.
func (o Options) Normal() (Options, error) {
	pages, err := ParsePages(o.Pages)
	if err != nil {
		return o, err
	}
	o.Pages = pages.String()
	if o.OCR != "" && !slices.Contains(ocr.Modes(), o.OCR) {
		return o, fmt.Errorf("ocr is %.20q: it must be auto, off or force", o.OCR)
	}
	if o.OCRLanguages, err = ocr.Normal(o.OCRLanguages); err != nil {
		return o, err
	}
	if o.Cut != nil {
		if err := o.Cut.Validate(); err != nil {
			return o, err
		}
	}
	return o, nil
}

// Apply puts normal options into a submission.
func (o Options) Apply(sub *documents.Submission) error {
	o, err := o.Normal()
	if err != nil {
		return err
	}
	if sub.Options, err = json.Marshal(o); err != nil {
		return fmt.Errorf("encode options: %w", err)
	}
	sub.RecordOptions = o.record()
	return nil
}

// record is the part of the options that changes what is recorded.
func (o Options) record() string {
	record := "pages=" + o.Pages
	if o.OCR != "" || o.OCRLanguages != "" {
		record += " ocr=" + string(o.OCR) + " " + o.OCRLanguages
	}
	return record
}

// hash names what the pages were read with.
func (o Options) hash() string {
	sum := sha256.Sum256([]byte(o.record()))
	return hex.EncodeToString(sum[:])
}

// SelectedPages returns which of a document's pages its submitter asked for.
func SelectedPages(d documents.Document) (Pages, error) {
	_, pages, err := optionsOf(d)
	return pages, err
}

// optionsOf reads a document's options, which a person may have written.
func optionsOf(d documents.Document) (Options, Pages, error) {
	var o Options
	if len(d.Options) > 0 {
		if err := json.Unmarshal(d.Options, &o); err != nil {
			return o, nil, fmt.Errorf("read options of document %s: %w", d.ID, err)
		}
	}
	o, err := o.Normal()
	if err != nil {
		return o, nil, fmt.Errorf("read options of document %s: %w", d.ID, err)
	}
	pages, err := ParsePages(o.Pages)
	return o, pages, err
}

package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/ocr"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// form is the fields of an upload as they came. Empty ones are left out: that
// is how browsers send what nobody filled in.
type form map[string]string

// field describes a field of an upload.
type field struct {
	name string
	most int // bytes
	doc  string
}

const (
	fieldPassword  = "password"
	fieldOCR       = "ocr"
	fieldLanguages = "ocr_languages"
)

func fields() []field {
	return []field{
		{"title", 1000, "Kept in the document's metadata"},
		{"description", 16 << 10, "Kept in the document's metadata"},
		{"tags", 8 << 10, "A JSON array of strings, or a comma-separated list; kept in the document's metadata"},
		{"pages", 4 << 10, "Only these pages: 1-5,9,12-"},
		{fieldOCR, 20, "Which pages are recognised from their picture: auto (those that are pictures of text), off or force (all). Default: the service's"},
		{fieldLanguages, 100, "In which languages, as Tesseract names them: eng+deu. Default: the service's"},
		{"chunk_size", 20, "Length of a chunk, where its reader does not say; 1000 characters or 250 tokens"},
		{"chunk_overlap", 20, "How much of a chunk the next repeats; a fifth of chunk_size"},
		{"chunk_unit", 20, "What both count: characters, or tokens of cl100k_base"},
		{fieldPassword, 1 << 10, "Opens an encrypted PDF. Kept apart, and shown nowhere"},
		{"priority", 20, "-1000 to 1000; higher runs first"},
		{"owner", 255, "Whose it is"},
		{"recovery", 20, "auto: goes on by itself after an interruption; manual: waits for a person"},
		{fieldCallback, 2000, "Where the service is to tell, by a signed POST, that the job was completed, failed or interrupted: an https address"},
	}
}

// queryForm takes the fields from the address, which is where they are when the
// body is the file itself. A password is refused there: addresses are logged.
func queryForm(q url.Values) (form, error) {
	f := form{}
	for _, known := range fields() {
		if !q.Has(known.name) {
			continue
		}
		if known.name == fieldPassword {
			return nil, invalid("query.password", "addresses are logged: send a password as a field of multipart/form-data")
		}
		if err := f.set(known, q.Get(known.name)); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// read takes a field of the form. Fields that nobody knows are passed over: the
// contract lets clients send more.
func (f form) read(name string, r io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(r, mostField+1))
	if err != nil {
		return formError(err)
	}
	i := slices.IndexFunc(fields(), func(k field) bool { return k.name == name })
	if i < 0 {
		if len(data) > mostField {
			return invalid("body."+clip(name), "longer than %d bytes", mostField)
		}
		return nil
	}
	return f.set(fields()[i], string(data))
}

func (f form) set(k field, value string) error {
	switch {
	case len(value) > k.most:
		return invalid("body."+k.name, "longer than %d bytes", k.most)
	case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
		return invalid("body."+k.name, "not text in UTF-8")
	case value != "":
		f[k.name] = value
	}
	return nil
}

// submission makes of the fields what is submitted, without the file.
func (f form) submission(recovery jobs.Recovery) (documents.Submission, error) {
	sub := documents.Submission{Owner: f["owner"], Password: f[fieldPassword], Recovery: recovery}
	if r, ok := f["recovery"]; ok {
		sub.Recovery = jobs.Recovery(r)
		if sub.Recovery != jobs.RecoveryAuto && sub.Recovery != jobs.RecoveryManual {
			return sub, invalid("body.recovery", "%q is neither auto nor manual", clip(r))
		}
	}
	priority, err := f.number("priority")
	if err != nil {
		return sub, err
	}
	if priority != nil {
		if sub.Priority = *priority; sub.Priority < -1000 || sub.Priority > 1000 {
			return sub, invalid("body.priority", "it must be -1000 to 1000")
		}
	}
	options, err := f.options()
	if err != nil {
		return sub, err
	}
	if err := options.Apply(&sub); err != nil {
		return sub, fmt.Errorf("apply options: %w", err)
	}
	sub.Metadata, err = f.metadata(options.Cut)
	return sub, err
}

func (f form) options() (extract.Options, error) {
	o := extract.Options{Pages: f["pages"]}
	if _, err := extract.ParsePages(o.Pages); err != nil {
		return o, invalid("body.pages", "%v", err)
	}
	if o.OCR = ocr.Mode(f[fieldOCR]); o.OCR != "" && !slices.Contains(ocr.Modes(), o.OCR) {
		return o, invalid("body."+fieldOCR, "%q is none of auto, off, force", clip(f[fieldOCR]))
	}
	var err error
	if o.OCRLanguages, err = ocr.Normal(f[fieldLanguages]); err != nil {
		return o, invalid("body."+fieldLanguages, "%v", err)
	}
	size, err := f.number("chunk_size")
	if err != nil {
		return o, err
	}
	overlap, err := f.number("chunk_overlap")
	if err != nil || size == nil && overlap == nil && f["chunk_unit"] == "" {
		return o, err
	}
	unit, err := extract.ParseUnit(f["chunk_unit"])
	if err != nil {
		return o, invalid("body.chunk_unit", "%v", err)
	}
	cut, err := newCut("body", unit, size, overlap)
	if err != nil {
		return o, err
	}
	o.Cut = &cut
	return o, nil
}

// metadata is the submitter's object.
func (f form) metadata(cut *extract.Cut) (json.RawMessage, error) {
	m := map[string]any{}
	for _, name := range []string{"title", "description"} {
		if v, ok := f[name]; ok {
			m[name] = v
		}
	}
	if v, ok := f["tags"]; ok {
		tags, err := parseTags(v)
		if err != nil {
			return nil, err
		}
		m["tags"] = tags
	}
	if cut != nil {
		m["chunk_size"], m["chunk_overlap"] = cut.Size, cut.Overlap
		if cut.Unit != extract.Characters {
			m["chunk_unit"] = cut.Unit
		}
	}
	return json.Marshal(m)
}

// parseTags reads a JSON array of strings, or words between commas.
func parseTags(s string) ([]string, error) {
	var given []string
	if strings.HasPrefix(strings.TrimSpace(s), "[") {
		if err := json.Unmarshal([]byte(s), &given); err != nil {
			return nil, invalid("body.tags", "not a JSON array of strings")
		}
	} else {
		given = strings.Split(s, ",")
	}
	tags := []string{}
	for _, t := range given {
		if t = strings.TrimSpace(t); t != "" && !slices.Contains(tags, t) {
			tags = append(tags, t)
		}
	}
	if len(tags) > 100 {
		return nil, invalid("body.tags", "more than 100 of them")
	}
	return tags, nil
}

func (f form) number(name string) (*int, error) {
	s, ok := f[name]
	if !ok {
		return nil, nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		return nil, invalid("body."+name, "%q is not a whole number", clip(s))
	}
	return &n, nil
}

// clip shortens what a message repeats.
func clip(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}

func uploadParameters() []*huma.Param {
	params := []*huma.Param{
		{Name: "Idempotency-Key", In: "header", Description: "Unique to this upload: sending it again is answered with the first job", Schema: &huma.Schema{Type: huma.TypeString}},
		{Name: "X-Filename", In: "header", Description: "With a raw body: the file's name, where Content-Disposition does not say", Schema: &huma.Schema{Type: huma.TypeString}},
		{Name: "filename", In: "query", Description: "With a raw body: the file's name, where no header says", Schema: &huma.Schema{Type: huma.TypeString}},
	}
	for _, k := range fields() {
		if k.name != fieldPassword {
			params = append(params, &huma.Param{Name: k.name, In: "query", Description: "With a raw body: " + k.doc, Schema: &huma.Schema{Type: huma.TypeString}})
		}
	}
	return params
}

func uploadBody() *huma.RequestBody {
	properties := map[string]*huma.Schema{"file": {Type: huma.TypeString, Format: "binary", Description: "The PDF, or a PNG, JPEG or TIFF"}}
	for _, k := range fields() {
		properties[k.name] = &huma.Schema{Type: huma.TypeString, Description: k.doc, MaxLength: new(k.most)}
	}
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"multipart/form-data": {Schema: &huma.Schema{Type: huma.TypeObject, Properties: properties, Required: []string{"file"}}},
		pdf.PDF:               {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		pdf.PNG:               {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		pdf.JPEG:              {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		pdf.TIFF:              {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
	}}
}

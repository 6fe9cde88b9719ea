package api

import (
	"context"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/ocr"
	"github.com/mivaa/mivaa/internal/pdf"
)

// What a conversion can be asked for, in docling's words.
const (
	formatMarkdown = "md"
	formatJSON     = "json"
	formatText     = "text"
)

func formatsMade() []string { return []string{formatMarkdown, formatJSON, formatText} }

// receiveConversion reads the body of a conversion, as receive does that of an
// upload.
func (a *API) receiveConversion(ctx context.Context, w http.ResponseWriter, r *http.Request, asked *convertForm) (documents.Submission, error) {
	if r.ContentLength > a.maxUpload+mostForm {
		return documents.Submission{}, a.tooLarge()
	}
	media, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // "" where it is none
	if media != "multipart/form-data" || params["boundary"] == "" {
		return documents.Submission{}, problem(http.StatusUnsupportedMediaType, codeMediaType,
			"Send multipart/form-data with the PDF as its field \"files\".")
	}
	body := newBody(w, r, a.maxUpload+mostForm)
	defer a.interruptOnStop(body)()
	defer body.settle()
	r.Body = body
	source, err := a.readForm(ctx, multipart.NewReader(body, params["boundary"]), "files", asked.read)
	if err != nil {
		return documents.Submission{}, err
	}
	if !asked.allows(source.media) {
		return documents.Submission{}, invalid("body.from_formats", "only PDFs (pdf) and pictures (image) are read; the file is %s", source.media)
	}
	pages, err := asked.selection()
	if err != nil {
		return documents.Submission{}, err
	}
	fields := form{}
	if asked.ocr != "" {
		fields[fieldOCR] = string(asked.ocr)
	}
	if pages != "" {
		fields["pages"] = pages
	}
	sub, err := fields.submission(a.recovery)
	sub.TraceParent = traceParent(r)
	sub.Source, sub.Filename, sub.MediaType = source.ref, source.name, source.media
	return sub, err
}

// convertForm is the fields of a conversion. The zero value asks for Markdown of
// the whole document.
type convertForm struct {
	formats []string
	from    []string // from_formats: what the file may be
	pages   []string // page_range: the first and the last
	ocr     ocr.Mode // of do_ocr and force_ocr; "": the service's
}

// allows says whether from_formats, if there are any, have what the file is.
func (f *convertForm) allows(media string) bool {
	if len(f.from) == 0 {
		return true
	}
	if media == pdf.PDF {
		return slices.Contains(f.from, "pdf")
	}
	return slices.Contains(f.from, "image")
}

// wanted is what the answer is to have: Markdown where nothing was said.
func (f *convertForm) wanted() []string {
	if len(f.formats) == 0 {
		return []string{formatMarkdown}
	}
	return f.formats
}

// notDone are fields that ask for what this service has not, unless they say no.
var notDone = map[string]string{
	"do_code_enrichment":        "there are no models here",
	"do_formula_enrichment":     "there are no models here",
	"do_picture_classification": "there are no models here",
	"do_picture_description":    "there are no models here",
	"do_chart_extraction":       "there are no models here",
	"md_page_break_placeholder": "Markdown has no page breaks here",
}

// read takes a field. Those that only say how docling is to do its work (which
// engine, which language, how long) change nothing here and are passed over.
func (f *convertForm) read(name string, r io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(r, mostField+1))
	if err != nil {
		return formError(err)
	}
	if len(data) > mostField {
		return invalid("body."+clip(name), "longer than %d bytes", mostField)
	}
	value := strings.TrimSpace(string(data))
	if value == "" {
		return nil
	}
	no := slices.Contains([]string{"false", "0", "no", "off", "none", "null"}, strings.ToLower(value))
	if why, ok := notDone[name]; ok {
		if no {
			return nil
		}
		return invalid("body."+name, "not done here: %s", why)
	}
	switch name {
	case "do_ocr":
		if no {
			f.ocr = ocr.Off
		}
	case "force_ocr":
		if !no && f.ocr != ocr.Off {
			f.ocr = ocr.Force
		}
	case "to_formats":
		return f.addFormats(words(value))
	case "from_formats":
		f.from = append(f.from, words(value)...)
	case "page_range":
		f.pages = append(f.pages, words(value)...)
	case "image_export_mode":
		return allOf(name, words(value), "placeholder", "images are not put into text: ask for placeholder")
	case "target_type":
		return allOf(name, words(value), "inbody", "there are no archives: ask for inbody")
	case "pipeline":
		if value != "legacy" && value != "standard" {
			return invalid("body.pipeline", "not done here: there are no models; ask for standard")
		}
	}
	return nil
}

func (f *convertForm) addFormats(given []string) error {
	for _, format := range given {
		if !slices.Contains(formatsMade(), format) {
			return invalid("body.to_formats", "%q is not made here: %s are", clip(format), strings.Join(formatsMade(), ", "))
		}
		if !slices.Contains(f.formats, format) {
			f.formats = append(f.formats, format)
		}
	}
	return nil
}

func allOf(name string, given []string, must, why string) error {
	for _, value := range given {
		if value != must {
			return invalid("body."+name, "%q is not done here: %s", clip(value), why)
		}
	}
	return nil
}

// words reads a list as docling's clients send it: a field for each, a JSON
// array, or commas.
func words(value string) []string {
	var list []any
	if json.Unmarshal([]byte(value), &list) == nil {
		out := make([]string, 0, len(list))
		for _, v := range list {
			word, err := json.Marshal(v)
			if err == nil {
				out = append(out, strings.Trim(string(word), `"`))
			}
		}
		return out
	}
	out := strings.Split(value, ",")
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return out
}

// selection makes of the range of pages the words in which an upload says it.
func (f *convertForm) selection() (string, error) {
	if len(f.pages) == 0 {
		return "", nil
	}
	const allOfThem = 1 << 30 // clients say the largest number they have
	var ends []int64
	for _, p := range f.pages {
		n, err := strconv.ParseInt(p, 10, 64)
		if err != nil || n < 1 {
			break
		}
		ends = append(ends, n)
	}
	if len(ends) != 2 || len(f.pages) != 2 || ends[0] > ends[1] || ends[0] > allOfThem {
		return "", invalid("body.page_range", "it is the first and the last page, from 1")
	}
	switch {
	case ends[0] == 1 && ends[1] >= allOfThem:
		return "", nil
	case ends[1] >= allOfThem:
		return strconv.FormatInt(ends[0], 10) + "-", nil
	}
	return strconv.FormatInt(ends[0], 10) + "-" + strconv.FormatInt(ends[1], 10), nil
}

func convertBody() *huma.RequestBody {
	list := func(doc string, of ...any) *huma.Schema {
		return &huma.Schema{Type: huma.TypeArray, Description: doc, Items: &huma.Schema{Type: huma.TypeString, Enum: of}}
	}
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"multipart/form-data": {Schema: &huma.Schema{Type: huma.TypeObject, Required: []string{"files"}, Properties: map[string]*huma.Schema{
			"files":             {Type: huma.TypeString, Format: "binary", Description: "The PDF, PNG, JPEG or TIFF: one"},
			"to_formats":        list("What to make of it; md", formatMarkdown, formatJSON, formatText),
			"from_formats":      list("pdf, or for a picture image, has to be among them", "pdf", "image"),
			"do_ocr":            {Type: huma.TypeBoolean, Description: "false: no page is recognised from its picture"},
			"force_ocr":         {Type: huma.TypeBoolean, Description: "true: all pages are, whatever text they have"},
			"page_range":        {Type: huma.TypeArray, Description: "The first and the last page, from 1", Items: &huma.Schema{Type: huma.TypeInteger}},
			"image_export_mode": {Type: huma.TypeString, Description: "How Markdown shows images", Enum: []any{"placeholder"}},
			"target_type":       {Type: huma.TypeString, Description: "Where the result goes", Enum: []any{"inbody"}},
		}}},
	}}
}

package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/jobs"
)

// converted answers with what an ended conversion made.
func (a *API) converted(ctx context.Context, c conversion) (*contentOutput, error) {
	if !c.ended() {
		return nil, problem(http.StatusNotFound, codeNotReady, "The conversion is %s. Wait until it is a success.", c.word())
	}
	if c.word() == taskFailure {
		return nil, failedConversion(c.job)
	}
	ctx, cancel := a.untilStop(ctx)
	defer cancel()
	out := &conversionResult{seconds: max(0, c.job.CompletedAt.Sub(c.job.StartedAt).Seconds())}
	results := &extract.Results{Documents: a.documents, Jobs: a.jobs}
	for _, part := range conversionParts() {
		if part.write == nil || !slices.Contains(c.formats, part.format) {
			continue
		}
		res, err := results.Open(ctx, extract.Request{Document: c.document, Format: part.source, ImageBase: documentURL(c.document) + "/images/"})
		if err != nil {
			return nil, err
		}
		out.results = append(out.results, openPart{part, res})
	}
	doc, err := a.documents.Get(ctx, c.document)
	if err != nil {
		return nil, err
	}
	out.filename = doc.Filename
	return &contentOutput{Body: func(hc huma.Context) {
		r, w := humachi.Unwrap(hc)
		a.stream(w, r, "application/json", out.write)
	}}, nil
}

// failedConversion says why there is no result: the file's fault is the
// request's.
func failedConversion(j jobs.Job) *Problem {
	status, code := http.StatusConflict, codeConversionFailed
	if extract.Refused(j.ErrorCode) {
		status, code = http.StatusBadRequest, j.ErrorCode
	}
	return problem(status, code, "The conversion failed: %s", j.Error)
}

// conversionPart is a key of the result's document.
type conversionPart struct {
	key    string
	format string         // in docling's words
	source extract.Format // what it is made of
	write  func(context.Context, *extract.Result, *bufio.Writer) error
}

// conversionParts are all that docling has; those nobody makes here are null.
func conversionParts() []conversionPart {
	return []conversionPart{
		{"md_content", formatMarkdown, extract.Markdown, writeQuoted},
		{"json_content", formatJSON, extract.JSON, func(ctx context.Context, res *extract.Result, w *bufio.Writer) error { return res.WriteDocling(ctx, w) }},
		{"html_content", "html", "", nil},
		{"text_content", formatText, extract.Text, writeQuoted},
		{"doctags_content", "doctags", "", nil},
	}
}

type openPart struct {
	conversionPart
	result *extract.Result
}

// conversionResult is the answer, which is written as it is read: a document may
// be larger than the memory.
type conversionResult struct {
	filename string
	seconds  float64
	results  []openPart
}

// conversionError is a page that could not be read, as docling puts it.
type conversionError struct {
	Component string `json:"component_type"`
	Module    string `json:"module_name"`
	Message   string `json:"error_message"`
}

func (c *conversionResult) write(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	name, err := json.Marshal(c.filename)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `{"document":{"filename":%s`, name)
	for _, part := range conversionParts() {
		fmt.Fprintf(out, ",\n%q:", part.key)
		i := slices.IndexFunc(c.results, func(o openPart) bool { return o.key == part.key })
		if i < 0 {
			fmt.Fprint(out, "null")
			continue
		}
		if err := part.write(ctx, c.results[i].result, out); err != nil {
			return err
		}
	}
	status, errs := c.outcome()
	list, err := json.Marshal(errs)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "},\n\"status\":%q,\"errors\":%s,\"processing_time\":%g,\"timings\":{}}\n", status, list, c.seconds)
	return out.Flush()
}

// outcome is the same for each part: they are of the same pages.
func (c *conversionResult) outcome() (status string, errs []conversionError) {
	errs = []conversionError{} // never null
	if len(c.results) == 0 {
		return taskSuccess, errs
	}
	for _, f := range c.results[0].result.Failed {
		errs = append(errs, conversionError{"document_backend", "mivaa", fmt.Sprintf("page %d: %s: %s", f.PageNumber, f.Code, f.Error)})
	}
	if len(errs) > 0 {
		return "partial_success", errs
	}
	return taskSuccess, errs
}

func writeQuoted(ctx context.Context, res *extract.Result, w *bufio.Writer) error {
	_ = w.WriteByte('"') // an error stays, and comes again
	if err := res.Write(ctx, quoted{w}); err != nil {
		return err
	}
	return w.WriteByte('"')
}

// quoted writes text as the inside of a JSON string.
type quoted struct{ w *bufio.Writer }

// Write implements io.Writer. It needs no whole characters: what JSON escapes is
// a byte each.
func (q quoted) Write(p []byte) (int, error) {
	const hex = "0123456789abcdef"
	from := 0
	for i, b := range p {
		if b >= ' ' && b != '"' && b != '\\' {
			continue
		}
		_, _ = q.w.Write(p[from:i]) // an error stays
		switch b {
		case '\n':
			_, _ = q.w.WriteString(`\n`)
		case '"', '\\':
			_, _ = q.w.Write([]byte{'\\', b})
		default:
			_, _ = q.w.Write([]byte{'\\', 'u', '0', '0', hex[b>>4], hex[b&15]})
		}
		from = i + 1
	}
	if _, err := q.w.Write(p[from:]); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Converted describes the answer, which is not made of it.
type Converted struct {
	Document struct {
		Filename string         `json:"filename"`
		Markdown *string        `json:"md_content"`
		JSON     map[string]any `json:"json_content" nullable:"true" doc:"A DoclingDocument: its pages, and its elements as texts in reading order"`
		HTML     *string        `json:"html_content" doc:"Not made here: null"`
		Text     *string        `json:"text_content"`
		Doctags  *string        `json:"doctags_content" doc:"Not made here: null"`
	} `json:"document"`
	Status string `json:"status" enum:"success,partial_success" doc:"partial_success: some pages could not be read"`
	Errors []struct {
		Component string `json:"component_type"`
		Module    string `json:"module_name"`
		Message   string `json:"error_message"`
	} `json:"errors" nullable:"false" doc:"The pages that could not be read"`
	ProcessingTime float64  `json:"processing_time" doc:"Seconds of the latest attempt"`
	Timings        struct{} `json:"timings" doc:"Not measured here: empty"`
}

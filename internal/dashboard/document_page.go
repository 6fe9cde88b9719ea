package dashboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/ocr"
	"github.com/mivaa/mivaa/jobs"
)

// documentPage is what the page of a page shows.
type documentPage struct {
	Document     documents.Document
	Number       int
	Label        string // as the document names the page, where that is not its number
	Last         int    // page that can be read
	Previous     int    // 0: there is none
	Next         int
	Mode         string // read, markdown or text
	Modes        []choice
	Failed       bool
	Code, Error  string
	Remarks      []remark
	Width        string // of the page, in points
	Height       string
	Blocks       []block
	Text         string
	Markdown     string
	Picture      string // its address; "": this service makes none
	Images       []pageImage
	ImagesFailed string // why the images cannot be listed
	Quiet        bool   // there is nothing to read on the page
}

// block is an element of the page: text on the right, a box on the left.
type block struct {
	ID       string // within the page
	Kind     string // as the document's JSON has it
	Word     string
	Tag      string // heading, item or text: how it is written
	Level    int
	Marker   string
	Text     string
	Rows     [][]extract.Cell // of a table
	Furnish  bool             // a running header or footer
	X, Y     string
	Wide     string
	High     string
	FromLeft int // how deep a list item lies, from 1
}

type pageImage struct {
	Name, Address string
	Width, Height int
	Text          string
}

const (
	modeRead     = "read"
	modeMarkdown = "markdown"
	modeText     = "text"
	dpiOfPage    = 110
	blocksShown  = 2000
	imagesShown  = 60
)

func (s *site) showPage(r *http.Request) (view, error) {
	doc, err := s.documentOf(r)
	if err != nil {
		return view{}, err
	}
	number, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || number < 1 {
		return view{}, problem(http.StatusNotFound, "no_such_page", "Pages count from 1; %.20q is none of them.", r.PathValue("n"))
	}
	mode := cmp.Or(r.URL.Query().Get("as"), modeRead)
	if !slices.Contains([]string{modeRead, modeMarkdown, modeText}, mode) {
		return view{}, invalid("as is none of read, markdown, text.")
	}
	d := documentPage{Document: doc, Number: number, Mode: mode}
	facts, err := extract.FactsOf(doc)
	if err != nil {
		return view{}, err
	}
	running, err := s.aroundPage(r.Context(), &d, facts)
	if err != nil {
		return view{}, err
	}
	v := view{Title: fmt.Sprintf("Page %d of %s", number, doc.Filename), Section: "documents", Styles: []string{"document.css"}, Scripts: []string{"document.js"}}
	results := extract.Results{Documents: s.documents, Jobs: s.jobs}
	read, err := results.Page(r.Context(), doc.ID, number)
	switch {
	case errors.Is(err, extract.ErrNoSuchPage) && running != "":
		d.Quiet, v.Events = true, jobEvents(running)
	case err != nil:
		return view{}, err
	default:
		d.fill(read)
		var mode ocr.Mode
		if facts.OCR != nil {
			mode = facts.OCR.Mode
		}
		d.Remarks = remarksOn(read.PageInfo, mode)
	}
	s.addPictures(r.Context(), &d)
	for _, m := range []string{modeRead, modeMarkdown, modeText} {
		d.Modes = append(d.Modes, choice{Word: capital(m), Link: readingAddress(doc.ID, number, m), Current: m == mode})
	}
	v.Data = d
	return v, nil
}

// readingAddress is a page's, in the mode in which it is read.
func readingAddress(id jobs.ID, number int, mode string) string {
	address := pageAddress(id.String(), number)
	if mode != modeRead {
		address += "?as=" + mode
	}
	return address
}

// aroundPage finds the pages before and after. It returns the job that still
// reads the document, if one does.
func (s *site) aroundPage(ctx context.Context, d *documentPage, facts extract.Facts) (running string, err error) {
	state, recorded, err := s.documentState(ctx, d.Document)
	if err != nil {
		return "", err
	}
	numbers, err := s.pageNumbers(d.Document, facts, recorded)
	if err != nil {
		return "", err
	}
	if n := len(numbers); n > 0 {
		d.Last = numbers[n-1]
	}
	i, here := slices.BinarySearch(numbers, d.Number)
	if i > 0 {
		d.Previous = numbers[i-1]
	}
	if here {
		i++
	}
	if i < len(numbers) {
		d.Next = numbers[i]
	}
	if state.Running || state.Chip.Class == string(jobs.Pending) {
		return state.Job, nil
	}
	return "", nil
}

func (d *documentPage) fill(p extract.Page) {
	d.Failed, d.Code, d.Error = p.Status == layout.StatusFailed, p.ErrorCode, p.Error
	d.Text, d.Markdown = p.Text, p.Markdown
	d.Width, d.Height = points(p.Width), points(p.Height)
	if p.PageLabel != strconv.Itoa(d.Number) {
		d.Label = p.PageLabel
	}
	left := cellsOfTables
	for i, e := range p.Elements[:min(len(p.Elements), blocksShown)] {
		b := block{
			ID: "e" + strconv.Itoa(i+1), Kind: e.Type, Word: capital(strings.ReplaceAll(e.Type, "_", " ")), Tag: "text", Level: e.Level, Marker: e.Marker,
			Text: e.Text, Furnish: e.Layer != layout.LayerBody, X: points(e.Box[0]), Y: points(e.Box[1]), Wide: points(e.Box[2] - e.Box[0]), High: points(e.Box[3] - e.Box[1]),
		}
		switch e.Type {
		case layout.TypeTitle, layout.TypeHeading:
			b.Tag, b.Word = "heading", b.Word+" "+strconv.Itoa(max(1, e.Level))
		case layout.TypeListItem:
			b.Tag, b.FromLeft = "item", min(max(1, e.Level), 6)
		case layout.TypeTable:
			b.Rows = rowsOf(p.Tables, e.ID, left)
			for _, row := range b.Rows {
				left -= len(row)
			}
		}
		d.Blocks = append(d.Blocks, b)
	}
	d.Quiet = len(d.Blocks) == 0
}

// cellsOfTables is how many cells of tables a page draws: the tables behind are text.
const cellsOfTables = 10_000

// rowsOf is an element's table, row by row, with a cell in every place that no
// other reaches over; nil where there is none of at most so many cells.
func rowsOf(tables []extract.Table, element string, most int) [][]extract.Cell {
	i := slices.IndexFunc(tables, func(t extract.Table) bool { return t.ElementID == element })
	if i < 0 || tables[i].Rows < 1 || tables[i].Cols < 1 || tables[i].Cols > most/tables[i].Rows {
		return nil
	}
	t := tables[i]
	taken := make([]bool, t.Rows*t.Cols)
	rows := make([][]extract.Cell, t.Rows)
	take := func(c extract.Cell) {
		for r := c.Row; r < min(c.Row+c.RowSpan, t.Rows); r++ {
			for k := c.Col; k < min(c.Col+c.ColSpan, t.Cols); k++ {
				taken[r*t.Cols+k] = true
			}
		}
		rows[c.Row] = append(rows[c.Row], c)
	}
	for _, c := range t.Cells {
		if c.Row >= 0 && c.Row < t.Rows && c.Col >= 0 && c.Col < t.Cols && !taken[c.Row*t.Cols+c.Col] {
			take(c)
		}
	}
	for at := range taken {
		if !taken[at] {
			take(extract.Cell{Row: at / t.Cols, Col: at % t.Cols, RowSpan: 1, ColSpan: 1})
		}
	}
	for _, row := range rows {
		slices.SortFunc(row, func(a, b extract.Cell) int { return cmp.Compare(a.Col, b.Col) })
	}
	return rows
}

func points[T float32 | float64](f T) string {
	return strconv.FormatFloat(float64(max(f, 0)), 'f', 1, 64)
}

// addPictures adds the page's picture and the images in it. A page is of use
// without them: what goes wrong is said in their place.
func (s *site) addPictures(ctx context.Context, d *documentPage) {
	if s.pictures == nil || d.Document.SourceSHA256 == "" {
		return
	}
	base := "/api/rag/documents/" + d.Document.ID.String()
	d.Picture = fmt.Sprintf("%s/pages/%d/image?dpi=%d", base, d.Number, dpiOfPage)
	if d.Failed {
		return // its reader gave up once: it is not asked for more
	}
	images, err := s.pictures.Images(ctx, d.Document.ID, d.Number)
	if err != nil {
		d.ImagesFailed = s.api.Explain(ctx, err).Detail
		return
	}
	for _, im := range images[:min(len(images), imagesShown)] {
		d.Images = append(d.Images, pageImage{
			Name: im.Name, Address: base + "/images/" + im.Name, Width: im.Width, Height: im.Height,
			Text: fmt.Sprintf("%d × %d", im.Width, im.Height),
		})
	}
}

// goToPage takes the number that somebody typed.
func (s *site) goToPage(w http.ResponseWriter, r *http.Request) {
	doc, err := s.documentOf(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	n, err := strconv.Atoi(strings.TrimSpace(r.URL.Query().Get("n")))
	if err != nil || n < 1 {
		s.fail(w, r, invalid("Pages count from 1; %.20q is none of them.", r.URL.Query().Get("n")))
		return
	}
	mode := r.URL.Query().Get("as")
	if mode != modeMarkdown && mode != modeText {
		mode = modeRead
	}
	http.Redirect(w, r, readingAddress(doc.ID, n, mode), http.StatusSeeOther)
}

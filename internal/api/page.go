package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/mivaa/mivaa/jobs"
)

//go:embed page.html
var pageHTML string

//go:embed style.css
var styleCSS string

// style is the style sheet, ours, to stand in a page as it is.
func style() template.CSS { return template.CSS(styleCSS) }

// pageHeaders forbids a page everything but our style sheet and forms to
// ourselves.
func pageHeaders(w http.ResponseWriter) {
	sum := sha256.Sum256([]byte(styleCSS))
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+
		"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
}

// page is the list of jobs, for people: it works without scripts.
type page struct {
	a *API
	t *template.Template
}

func (a *API) pageRoutes(r chi.Router) error {
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return fmt.Errorf("read page template: %w", err)
	}
	p := &page{a: a, t: t}
	r.Get("/", p.list)
	r.Post("/upload", p.upload)
	for _, word := range moveWords() {
		r.Post(withUUID("/jobs/{id}/"+word), p.move(word))
	}
	return nil
}

const jobsOnPage = 50

// pageData is what the template shows.
type pageData struct {
	Style               template.CSS
	Version, MostUpload string
	Live                bool // the page loads itself again
	Problem             *Problem
	Counts              []count
	Listed              bool // Jobs were read
	Heading, Nothing    string
	Jobs                []row
	Links               struct{ Live, Still, First, Next string }
}

type count struct {
	Name, Link string
	Number     int
	Current    bool
}

type row struct {
	ID, Short, Link, Filename, Title, Error, Status, Icon, Word, Pages, Created, CreatedFull string
	Markdown, Text                                                                           string
	Running                                                                                  bool
	Progress                                                                                 int
	Moves                                                                                    []button
}

type button struct{ Word, Action string }

func (p *page) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	in := listJobsInput{Limit: jobsOnPage, Status: q.Get("status"), Cursor: q.Get("cursor")}
	d := p.data()
	d.Live = q.Get("live") != ""
	err := p.fill(r.Context(), &d, in)
	if err != nil {
		d.Live = false
		d.Problem = p.a.explain(r.Context(), err)
	}
	p.write(w, d)
}

func (p *page) data() pageData {
	return pageData{Style: style(), Version: p.a.version, MostUpload: size(p.a.maxUpload)}
}

// fill reads what the page lists.
func (p *page) fill(ctx context.Context, d *pageData, in listJobsInput) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f, err := in.filter()
	if err != nil {
		return err
	}
	s, err := p.a.jobs.Statistics(ctx)
	if err != nil {
		return err
	}
	found, more, err := p.a.listPart(ctx, f)
	if err != nil {
		return err
	}
	d.Listed, d.Counts = true, counts(s, in.Status)
	d.Heading, d.Nothing = "Jobs", "No job yet. Upload a PDF to make the first one."
	if in.Status != "" {
		d.Heading, d.Nothing = title(in.Status)+" jobs", "No job is "+in.Status+"."
	}
	d.Links.Live, d.Links.Still = address(in.Status, in.Cursor, "1"), address(in.Status, in.Cursor, "")
	if in.Cursor != "" {
		d.Links.First = address(in.Status, "", "")
	}
	if more {
		d.Links.Next = address(in.Status, jobCursor(f.Order, found[len(found)-1]).encode(), "")
	}
	for _, j := range found {
		d.Jobs = append(d.Jobs, rowOf(j))
	}
	return nil
}

func counts(s jobs.Statistics, current string) []count {
	all := []count{{Name: "Total", Link: "/", Number: s.Total, Current: current == ""}}
	numbers := map[jobs.Status]int{
		jobs.Pending: s.Pending, jobs.Processing: s.Processing, jobs.Completed: s.Completed, jobs.Failed: s.Failed, jobs.Interrupted: s.Interrupted,
	}
	for _, status := range jobs.Statuses() {
		all = append(all, count{title(string(status)), address(string(status), "", ""), numbers[status], current == string(status)})
	}
	return all
}

// address is a link to this page.
func address(status, cursor, live string) string {
	q := url.Values{}
	for name, v := range map[string]string{"status": status, "cursor": cursor, "live": live} {
		if v != "" {
			q.Set(name, v)
		}
	}
	return (&url.URL{Path: "/", RawQuery: q.Encode()}).String()
}

func rowOf(j jobs.Job) row {
	id := j.ID.String()
	r := row{
		ID: id, Short: id[len(id)-12:], Link: jobURL(j.ID), Filename: j.Filename, Error: j.Error, Status: string(j.Status), Word: title(string(j.Status)),
		Pages: strconv.Itoa(j.StepsDone), Created: j.CreatedAt.UTC().Format("2006-01-02 15:04"), CreatedFull: j.CreatedAt.UTC().Format(time.RFC3339),
		Running: j.Status == jobs.Processing, Progress: j.Progress, Icon: icon(j.Status),
	}
	if j.StepsTotal > 0 && j.Status != jobs.Completed {
		r.Pages += " of " + strconv.Itoa(j.StepsTotal)
	}
	if j.Cause == jobs.CauseCancelled {
		r.Word = "Cancelled"
	}
	var metadata struct {
		Title string `json:"title"`
	}
	if json.Unmarshal(j.Metadata, &metadata) == nil && metadata.Title != "" {
		r.Title = metadata.Title
	}
	if !j.DocumentID.IsZero() && j.StepsDone > 0 {
		r.Markdown, r.Text = contentURL(j.DocumentID)+"?format=markdown", contentURL(j.DocumentID)+"?format=text"
	}
	for _, word := range moveWords() {
		if shown(j, word) {
			r.Moves = append(r.Moves, button{title(word), "/jobs/" + id + "/" + word})
		}
	}
	return r
}

// shown tells which moves are offered as buttons: those that are legal, and of
// resume and retry, which are one move, the one that reads better.
func shown(j jobs.Job, word string) bool {
	_, legal := moveOf(word).Target(j.Status)
	switch word {
	case wordRetry:
		return legal && j.Status == jobs.Failed
	case wordResume:
		return legal && j.Status != jobs.Failed
	case wordCancel:
		return legal && j.Cause != jobs.CauseCancelled
	}
	return legal && j.Status != jobs.Pending
}

// icon says in a sign what colour says too.
func icon(s jobs.Status) string {
	switch s {
	case jobs.Pending:
		return "○"
	case jobs.Processing:
		return "▶"
	case jobs.Completed:
		return "✓"
	case jobs.Failed:
		return "✗"
	case jobs.Interrupted:
		return "‖"
	}
	return ""
}

func title(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

func (p *page) upload(w http.ResponseWriter, r *http.Request) {
	done, err := p.a.accept(r.Context(), w, r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	to := "/"
	if !done.Job.ID.IsZero() {
		to += "#job-" + done.Job.ID.String()
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (p *page) move(word string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		id, _ := jobs.ParseID(r.PathValue("id")) // the route's pattern
		if _, err := p.a.move(ctx, id, word, "page"); err != nil {
			p.fail(w, r, err)
			return
		}
		http.Redirect(w, r, "/#job-"+id.String(), http.StatusSeeOther)
	}
}

// fail shows what went wrong with a form.
func (p *page) fail(w http.ResponseWriter, r *http.Request, err error) {
	d := p.data()
	d.Problem = p.a.explain(r.Context(), err)
	maps.Copy(w.Header(), d.Problem.GetHeaders())
	p.write(w, d)
}

func (p *page) write(w http.ResponseWriter, d pageData) {
	var buf bytes.Buffer
	if err := p.t.Execute(&buf, d); err != nil {
		panic(fmt.Errorf("write page: %w", err)) // a fault of the template
	}
	pageHeaders(w)
	if d.Problem != nil {
		w.WriteHeader(d.Problem.Status)
	}
	_, _ = w.Write(buf.Bytes()) // a client that has gone
}

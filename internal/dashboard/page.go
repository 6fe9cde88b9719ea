package dashboard

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/mivaa/mivaa/internal/api"
)

//go:embed templates
var templateFiles embed.FS

// patience is how long a page may take that does not depend on the client.
const patience = 30 * time.Second

// policy lets a page load what is ours, from files, and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// view is what a page shows.
type view struct {
	Title   string // of the window
	Section string // which entry of the navigation it belongs to
	Events  string // address of the events that say when the page is out of date; "": it stands still
	Styles  []string
	Scripts []string // names of assets beside those that every page has
	Data    any      // what its template reads as .Data
	Problem *api.Problem
}

// page is what the layout shows around a view.
type page struct {
	view
	Version    string
	Theme      string // light, dark, or "": the system's
	Signed     bool   // the caller may read: there is a way to the pages
	SignOut    bool   // a token was asked for
	Operate    bool   // the caller may change things: there are buttons
	Here       string // the page's own address
	MostUpload int64
	Webhooks   bool   // an upload may say where its job's end is to be told
	Now        string // by the service's clock
	Retry      bool   // what is wrong may pass by itself, and looking again is harmless
}

// loadTemplates reads one template a page: the layout and the parts, which all
// share, with the page's own "main".
func (s *site) loadTemplates() (map[string]*template.Template, error) {
	shared, err := template.New("layout.html").Funcs(s.functions()).ParseFS(templateFiles, "templates/layout.html", "templates/part_*.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	all := map[string]*template.Template{}
	for _, name := range names {
		base := path.Base(name)
		if base == "layout.html" || strings.HasPrefix(base, "part_") {
			continue
		}
		own, err := shared.Clone()
		if err != nil {
			return nil, err
		}
		if all[base], err = own.ParseFS(templateFiles, name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// get adds a page: show says what its template ("jobs.html") shows.
func (s *site) get(pattern, name string, show func(*http.Request) (view, error)) {
	if s.templates[name] == nil {
		panic("dashboard: no template " + name)
	}
	s.mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		v, err := show(r.WithContext(ctx))
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.write(w, r, http.StatusOK, name, v)
	})
}

// post adds what a form does. The form is there when act begins: what came in
// half changes nothing.
func (s *site) post(pattern string, act func(http.ResponseWriter, *http.Request) (string, error)) {
	s.postUnread(pattern, func(w http.ResponseWriter, r *http.Request) (string, error) {
		defer removeFiles(r)
		if err := readForm(w, r); err != nil {
			return "", err
		}
		return act(w, r)
	})
}

// postUnread is post for what reads the request's body itself: act returns the
// address of the page that shows what came of it. Callers who may only read are
// refused.
func (s *site) postUnread(pattern string, act func(http.ResponseWriter, *http.Request) (string, error)) {
	s.mux.HandleFunc("POST "+pattern, func(w http.ResponseWriter, r *http.Request) {
		if !operates(r) {
			s.fail(w, r, readOnly())
			return
		}
		to, err := act(w, r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	})
}

func operates(r *http.Request) bool { return api.RoleOf(r) == api.RoleOperate }

// problem is an error of the pages' own.
func problem(status int, code, format string, args ...any) *api.Problem {
	return &api.Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *api.Problem {
	return problem(http.StatusBadRequest, "invalid_request", format, args...)
}

func readOnly() *api.Problem {
	return problem(http.StatusForbidden, "read_only", "You may look at everything here and change nothing. Sign in with the token for operators to change this.")
}

// fail shows an error as a page.
func (s *site) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := s.api.Explain(r.Context(), err)
	maps.Copy(w.Header(), p.GetHeaders())
	s.write(w, r, p.Status, "problem.html", view{Title: problemTitle(p), Problem: p})
}

// problemTitle says in a few words what happened to whoever asked.
func problemTitle(p *api.Problem) string {
	switch p.Status {
	case http.StatusNotFound:
		return "There is nothing here"
	case http.StatusGone:
		return "It is no longer kept"
	case http.StatusConflict:
		return "That is not possible now"
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
		return "That was not accepted"
	case http.StatusForbidden:
		return "You may not do that"
	case http.StatusServiceUnavailable:
		return "The service cannot do that right now"
	case http.StatusInternalServerError:
		return "Something went wrong"
	}
	return p.Title
}

func (s *site) write(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	reading := r.Method == http.MethodGet || r.Method == http.MethodHead
	p := page{
		view: v, Version: s.version, Theme: theme(r), Operate: operates(r), Signed: api.RoleOf(r) != api.RoleNone, MostUpload: s.maxUpload, Webhooks: s.api.SendsWebhooks(),
		Here: "/", Now: s.now().UTC().Format(time.RFC3339), Retry: reading && status >= http.StatusInternalServerError,
	}
	if reading {
		p.Here = r.URL.RequestURI()
	}
	p.SignOut = p.Signed && s.api.AsksForToken()
	var buf bytes.Buffer
	if err := s.templates[name].Execute(&buf, p); err != nil {
		if v.Problem != nil {
			panic(fmt.Errorf("write page %s: %w", name, err)) // there is no page left to say it on
		}
		s.fail(w, r, fmt.Errorf("write page %s: %w", name, err))
		return
	}
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // a client that has gone
}

// nothingHere answers what no page does.
func (s *site) nothingHere(w http.ResponseWriter, r *http.Request) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := s.mux.Handler(other); pattern != "/" {
			w.Header().Set("Allow", method)
			s.fail(w, r, problem(http.StatusMethodNotAllowed, "method_not_allowed", "%s is not possible at this address.", r.Method))
			return
		}
	}
	s.fail(w, r, problem(http.StatusNotFound, "not_found", "No page has the address %.200q.", r.URL.Path))
}

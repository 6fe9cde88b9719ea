package dashboard

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/extract"
)

// Config is what the pages are made of. API, Jobs and Documents are required.
type Config struct {
	API       *api.API
	Jobs      api.Store
	Documents documents.Store
	Version   string            // of the program
	MaxUpload int64             // bytes of one file, for people to read; 0: it is not said
	Pictures  *extract.Pictures // of pages; nil: documents are shown without
	Sample    []byte            // a PDF that an empty list offers to submit; nil: it offers none
}

// site is the pages and what they have in common.
type site struct {
	api       *api.API
	jobs      api.Store
	documents documents.Store
	pictures  *extract.Pictures
	version   string
	maxUpload int64
	sample    []byte
	assets    *assets
	templates map[string]*template.Template
	mux       *http.ServeMux
	now       func() time.Time
}

// New returns what answers the pages' addresses, and with a page everything that
// has none. It belongs behind the API's guard: see api.Config.Pages.
func New(c Config) (http.Handler, error) {
	if c.API == nil || c.Jobs == nil || c.Documents == nil {
		return nil, errors.New("dashboard: API, Jobs and Documents are required")
	}
	s := &site{
		api: c.API, jobs: c.Jobs, documents: c.Documents, pictures: c.Pictures, version: c.Version, maxUpload: c.MaxUpload, sample: c.Sample,
		mux: http.NewServeMux(), now: time.Now,
	}
	var err error
	if s.assets, err = loadAssets(); err != nil {
		return nil, fmt.Errorf("load assets: %w", err)
	}
	if s.templates, err = s.loadTemplates(); err != nil {
		return nil, fmt.Errorf("load templates: %w", err)
	}
	s.routes()
	return s.mux, nil
}

// routes adds the pages of every subject.
func (s *site) routes() {
	s.mux.Handle("GET "+api.AssetsPath, s.assets)
	s.mux.HandleFunc("GET /theme", s.switchTheme)
	s.mux.HandleFunc("/", s.nothingHere)
	s.loginRoutes()
	s.jobsRoutes()
	s.jobRoutes()
	s.bulkRoutes()
	s.reviewRoutes()
	s.docsRoutes()
	s.documentRoutes()
	s.instanceRoutes()
	s.figureRoutes()
}

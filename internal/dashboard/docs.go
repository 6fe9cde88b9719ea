package dashboard

import (
	"net/http"

	"github.com/mivaa/mivaa/internal/api"
)

// docsPage is what docs.html shows: the API, for people.
type docsPage struct {
	Groups []api.OperationGroup
	Host   string // by which the reader called the service
	Token  bool   // it asks for one
}

func (s *site) docsRoutes() {
	s.get("/docs", "docs.html", func(r *http.Request) (view, error) {
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		d := docsPage{Groups: s.api.Operations(), Host: scheme + "://" + r.Host, Token: s.api.AsksForToken()}
		return view{Title: "API", Section: "docs", Data: d}, nil
	})
}

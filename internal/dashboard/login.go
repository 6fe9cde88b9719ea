package dashboard

import (
	"errors"
	"maps"
	"net/http"

	"github.com/mivaa/mivaa/internal/api"
)

func (s *site) loginRoutes() {
	s.get(api.LoginPath, "login.html", func(r *http.Request) (view, error) {
		return loginView(r.URL.Query().Get("next"), nil), nil
	})
	// Both are for everybody: one asks for the token, the other needs none.
	s.mux.HandleFunc("POST "+api.LoginPath, s.login)
	s.mux.HandleFunc("POST "+api.LogoutPath, func(w http.ResponseWriter, r *http.Request) {
		s.api.Logout(w, r)
		http.Redirect(w, r, api.LoginPath, http.StatusSeeOther)
	})
}

func loginView(next string, p *api.Problem) view {
	return view{Title: "Sign in", Problem: p, Data: api.OwnPath(next)}
}

// mostLogin is how long the form may be: a token and an address.
const mostLogin = 16 << 10

func (s *site) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, mostLogin)
	next := api.OwnPath(r.PostFormValue("next"))
	err := s.api.Login(w, r, r.PostFormValue("token"))
	if p, ok := errors.AsType[*api.Problem](err); ok {
		maps.Copy(w.Header(), p.GetHeaders())
		s.write(w, r, p.Status, "login.html", loginView(next, p))
		return
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

package dashboard

import (
	"net/http"

	"github.com/mivaa/mivaa/internal/api"
)

const themeCookie = "mivaa_theme"

// theme returns which colours the reader chose: light, dark, or "" for those of
// the system.
func theme(r *http.Request) string {
	c, err := r.Cookie(themeCookie)
	if err == nil && (c.Value == "light" || c.Value == "dark") {
		return c.Value
	}
	return ""
}

// switchTheme remembers a choice of colours. It is a GET although it sets a
// cookie: those who may change nothing else may choose their colours.
func (s *site) switchTheme(w http.ResponseWriter, r *http.Request) {
	c := &http.Cookie{Name: themeCookie, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	switch to := r.URL.Query().Get("to"); to {
	case "light", "dark":
		c.Value = to
	default:
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
	http.Redirect(w, r, api.OwnPath(r.URL.Query().Get("back")), http.StatusSeeOther)
}

// nextTheme is the order in which the switch goes round.
func nextTheme(now string) string {
	switch now {
	case "":
		return "dark"
	case "dark":
		return "light"
	}
	return "system"
}

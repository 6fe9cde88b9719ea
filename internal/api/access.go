package api

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Access says who may do what. The zero value lets everybody who reaches the
// service do everything: it is then to listen on loopback alone.
type Access struct {
	Token     string // whoever shows it may do everything
	ReadToken string // whoever shows it may read
	// Proxies are the addresses of reverse proxies: what they say of a client's
	// address (X-Forwarded-For) and connection (X-Forwarded-Proto) is taken.
	Proxies []netip.Prefix
	// Origins are the other sites whose pages may call the API, such as
	// https://app.example, or "*" for every site. They need a token, if there is
	// one: a browser's session is for the service's own pages.
	Origins []string
}

// LeastToken is the least length of a token, in characters.
const LeastToken = 16

// CheckToken reports what is wrong with a token, without repeating it.
func CheckToken(token string) error {
	switch {
	case token == "":
		return errors.New("the token is empty")
	case len(token) < LeastToken:
		return fmt.Errorf("the token is shorter than %d characters", LeastToken)
	case strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }):
		return errors.New("the token has characters that a header cannot hold: letters, digits and signs of ASCII are allowed")
	}
	return nil
}

func (c Access) validate() error {
	var errs []error
	for name, token := range map[string]string{"Token": c.Token, "ReadToken": c.ReadToken} {
		if token == "" {
			continue
		}
		if err := CheckToken(token); err != nil {
			errs = append(errs, fmt.Errorf("api: %s: %w", name, err))
		}
	}
	if c.Token != "" && c.Token == c.ReadToken {
		errs = append(errs, errors.New("api: Token and ReadToken are the same: whoever may read could do everything"))
	}
	for _, origin := range c.Origins {
		if err := CheckOrigin(origin); err != nil {
			errs = append(errs, fmt.Errorf("api: %w", err))
		} else if origin == anyOrigin && c.open() {
			errs = append(errs, errors.New("api: origin * needs a token: every page that somebody here looks at could do everything"))
		}
	}
	return errors.Join(errs...)
}

// open reports whether nobody is asked for a token.
func (c Access) open() bool { return c.Token == "" && c.ReadToken == "" }

// access decides what a caller may do.
type access struct {
	keys     []key // none: everybody may do everything
	proxies  proxies
	origins  origins
	pages    bool // somebody answers /login
	failures failures
}

// key is a token: its hash, and what signs the sessions that it began.
type key struct {
	role Role
	hash [sha256.Size]byte
	sign []byte
}

func newAccess(c Access, pages bool) (*access, error) {
	acc := &access{proxies: c.Proxies, origins: newOrigins(c.Origins), pages: pages}
	for _, given := range []struct {
		role  Role
		token string
	}{{RoleOperate, c.Token}, {RoleView, c.ReadToken}} {
		if given.token == "" {
			continue
		}
		sign, err := sessionKey(given.token, given.role)
		if err != nil {
			return nil, err
		}
		acc.keys = append(acc.keys, key{given.role, sha256.Sum256([]byte(given.token)), sign})
	}
	return acc, nil
}

func (acc *access) open() bool { return len(acc.keys) == 0 }

// role returns the role of a token. Hashes are compared, each of them and in
// constant time, so that the time tells nothing of any token.
func (acc *access) role(token string) Role {
	role := RoleNone
	hash := sha256.Sum256([]byte(token))
	for _, k := range acc.keys {
		if subtle.ConstantTimeCompare(hash[:], k.hash[:]) == 1 {
			role = k.role
		}
	}
	return role
}

// Addresses that pages and the API have to agree on.
const (
	LoginPath  = "/login"
	LogoutPath = "/logout"
	ThemePath  = "/theme"   // keeps, in a cookie, how the pages look
	AssetsPath = "/assets/" // what stands below is the same for everybody
)

// needsNone reports whether an address is answered without a token: health, for
// what watches the service, and what it takes to give a token.
func (acc *access) needsNone(path string) bool {
	switch path {
	case "/health", "/health/live", "/health/ready":
		return true
	case LoginPath, LogoutPath, ThemePath:
		return acc.pages
	}
	return acc.pages && strings.HasPrefix(path, AssetsPath)
}

// authorize finds out what the caller may do, and lets pass who may do what
// the request asks.
func (a *API) authorize(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.access.open() {
			next.ServeHTTP(w, withRole(r, RoleOperate))
			return
		}
		if a.access.needsNone(r.URL.Path) {
			next.ServeHTTP(w, withRole(r, a.sessionRole(r)))
			return
		}
		role, err := a.callerRole(r)
		switch {
		case err != nil:
			a.refuse(w, r, err)
		case role == RoleNone:
			a.askForToken(w, r)
		case role == RoleView && !isSafe(r.Method):
			a.fail(w, r, problem(http.StatusForbidden, codeReadOnly, "This token may read only: it changes nothing. Use the token that operates."))
		default:
			next.ServeHTTP(w, withRole(r, role))
		}
	})
}

func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// callerRole goes by the token that the request shows or, where it shows none,
// by the session.
func (a *API) callerRole(r *http.Request) (Role, error) {
	token := shownToken(r)
	if token == "" {
		return a.sessionRole(r), nil
	}
	return a.tokenRole(r, token)
}

// tokenRole returns the role of a token, or the problem of a wrong one.
func (a *API) tokenRole(r *http.Request, token string) (Role, error) {
	from := a.access.proxies.client(r)
	if role := a.access.role(token); role != RoleNone {
		return role, nil
	}
	if wait := a.access.failures.wrong(from, a.now()); wait > 0 {
		return RoleNone, problem(http.StatusTooManyRequests, codeTooManyFailures,
			"Too many wrong tokens came from this address. Send the right one, or wait before the next try.").after(wait.Round(time.Second))
	}
	a.log.WarnContext(r.Context(), "wrong token", keyRemote, remoteName(from), keyPath, r.URL.Path, keyRequest, requestID(r.Context()))
	return RoleNone, problem(http.StatusUnauthorized, codeUnauthorized, "The token is wrong.")
}

func remoteName(addr fmt.Stringer) string {
	return cmp.Or(strings.TrimPrefix(addr.String(), "invalid IP"), "unknown")
}

// shownToken is the token in a header: as OAuth's bearer tokens are sent and,
// where other services' clients call, as they send theirs.
func shownToken(r *http.Request) string {
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/admin/"):
		return r.Header.Get("X-Admin-Token")
	case strings.HasPrefix(r.URL.Path, "/v1/"):
		return r.Header.Get("X-Api-Key")
	}
	return ""
}

// refuse answers who showed a wrong token.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if problemOf(err).Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="mivaa", error="invalid_token"`)
	}
	a.fail(w, r, err)
}

// askForToken answers who showed none: people go to the page that asks for one.
func (a *API) askForToken(w http.ResponseWriter, r *http.Request) {
	if a.access.pages && !isAPI(r.URL.Path) && strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Redirect(w, r, LoginPath+"?next="+url.QueryEscape(wayBack(r)), http.StatusSeeOther)
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="mivaa"`)
	a.fail(w, r, problem(http.StatusUnauthorized, codeUnauthorized,
		"This service asks for a token: send it as Authorization: Bearer TOKEN."))
}

// wayBack is where somebody goes on who gives a token: to the page asked for
// or, after a form was sent, to the page it stood on.
func wayBack(r *http.Request) string {
	if isSafe(r.Method) {
		return OwnPath(r.URL.RequestURI())
	}
	from, err := url.Parse(r.Referer())
	if err != nil || from.Host != r.Host {
		return "/"
	}
	return OwnPath(from.RequestURI())
}

// OwnPath returns a path of this service as it is, and "/" for what leads
// elsewhere: another site, or what a browser takes for one.
func OwnPath(path string) string {
	const most = 2 << 10
	if len(path) > most || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return "/"
	}
	if strings.ContainsFunc(path, func(c rune) bool { return c == '\\' || c <= ' ' || c == 0x7f }) {
		return "/"
	}
	if u, err := url.Parse(path); err != nil || u.Host != "" || u.Scheme != "" {
		return "/"
	}
	return path
}

// AsksForToken reports whether callers have to show a token.
func (a *API) AsksForToken() bool { return !a.access.open() }

// isAPI reports whether an address is one that programs call.
func isAPI(path string) bool {
	for _, ours := range []string{"/api/", "/v1/", "/health/"} {
		if strings.HasPrefix(path, ours) {
			return true
		}
	}
	return path == "/health" || path == "/metrics" || path == "/openapi.json"
}

type crossOriginKey struct{}

// isCrossOrigin reports whether a page of another site, one of Access.Origins,
// sent the request.
func isCrossOrigin(ctx context.Context) bool {
	return ctx.Value(crossOriginKey{}) != nil
}

package api

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	sessionCookie = "mivaa_session"
	sessionLength = 12 * time.Hour
)

// A session is a cookie and nothing else: when it ends, signed with a key that
// is made of the token it began with. So every instance with the same tokens
// takes it, none has to remember it, and a changed token ends it.

// sessionKey makes of a token what signs its sessions.
func sessionKey(token string, role Role) ([]byte, error) {
	sign, err := hkdf.Key(sha256.New, []byte(token), nil, "mivaa session 1 "+role.String(), sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive session key: %w", err)
	}
	return sign, nil
}

const sessionBytes = 8 + sha256.Size

// session writes the value of a cookie.
func (k key) session(until time.Time) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(until.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(b, k.mac(b)...))
}

// opens reports whether a cookie's value is a session of this token that has
// not ended.
func (k key) opens(value string, now time.Time) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || len(b) != sessionBytes || !hmac.Equal(b[8:], k.mac(b[:8])) {
		return false
	}
	return now.Before(time.Unix(int64(binary.BigEndian.Uint64(b)), 0))
}

func (k key) mac(b []byte) []byte {
	h := hmac.New(sha256.New, k.sign)
	h.Write(b)
	return h.Sum(nil)
}

// sessionRole is the role of the request's session. What a page of another site
// sends has none, whatever its browser adds to it.
func (a *API) sessionRole(r *http.Request) Role {
	if isCrossOrigin(r.Context()) {
		return RoleNone
	}
	for _, c := range r.CookiesNamed(sessionCookie) {
		for _, k := range a.access.keys {
			if k.opens(c.Value, a.now()) {
				return k.role
			}
		}
	}
	return RoleNone
}

// Login begins a browser's session with a token. A wrong one is a *Problem: 401,
// or 429 after too many of them.
func (a *API) Login(w http.ResponseWriter, r *http.Request, token string) error {
	role, err := a.tokenRole(r, strings.TrimSpace(token))
	if err != nil {
		return err
	}
	for _, k := range a.access.keys {
		if k.role == role {
			until := a.now().Add(sessionLength)
			http.SetCookie(w, a.cookie(r, k.session(until), until))
		}
	}
	a.log.InfoContext(r.Context(), "session began", keyRole, role.String(), keyRemote, remoteName(a.access.proxies.client(r)))
	return nil
}

// Logout ends a browser's session: there.
func (a *API) Logout(w http.ResponseWriter, r *http.Request) {
	if role := a.sessionRole(r); role != RoleNone {
		a.log.InfoContext(r.Context(), "session ended", keyRole, role.String(), keyRemote, remoteName(a.access.proxies.client(r)))
	}
	c := a.cookie(r, "", time.Unix(1, 0))
	c.MaxAge = -1
	http.SetCookie(w, c)
}

// cookie is Lax, not Strict: who follows a link to a job is to see it. Nothing
// is changed by a link, and forms of other sites get no cookie.
func (a *API) cookie(r *http.Request, value string, until time.Time) *http.Cookie {
	return &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/", Expires: until, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: a.access.proxies.overTLS(r),
	}
}

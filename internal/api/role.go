package api

import (
	"context"
	"net/http"
)

// Role is what a caller may do.
type Role uint8

const (
	// RoleNone may do nothing: it has shown no token, or a wrong one.
	RoleNone Role = iota
	// RoleView may read.
	RoleView
	// RoleOperate may do everything.
	RoleOperate
)

// String is the role in a word.
func (r Role) String() string {
	switch r {
	case RoleView:
		return "view"
	case RoleOperate:
		return "operate"
	case RoleNone:
	}
	return "none"
}

type roleKey struct{}

// RoleOf returns what the caller of a request, which came through the API's
// Handler, may do. Where no token is set everybody may do everything.
func RoleOf(r *http.Request) Role {
	role, _ := r.Context().Value(roleKey{}).(Role)
	return role
}

func withRole(r *http.Request, role Role) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), roleKey{}, role))
}

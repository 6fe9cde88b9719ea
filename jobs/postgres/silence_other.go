//go:build !linux

package postgres

import (
	"context"
	"syscall"
)

// giveUp is left to the system's keepalive.
func giveUp(context.Context, string, string, syscall.RawConn) error { return nil }

//go:build !unix

package pgtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
)

var quit = os.Kill

func (s *Server) own() error { return nil }

func (s *Server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	return cmd
}

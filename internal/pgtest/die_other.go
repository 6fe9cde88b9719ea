//go:build !linux

package pgtest

import "os/exec"

// StartWithUs starts a server. Here it may outlive a test that is killed.
func StartWithUs(cmd *exec.Cmd) error { return cmd.Start() }

//go:build !linux

package pgtest

import "os/exec"

// DieWithUs is of no use here: a server may outlive a test that is killed.
func DieWithUs(*exec.Cmd) {}

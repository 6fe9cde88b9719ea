//go:build unix && !linux

package pdf

import "os"

func executable() (string, error) { return os.Executable() }

func guardedBy(parent int) bool { return os.Getppid() == parent }

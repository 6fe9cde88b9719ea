//go:build linux || darwin

package main

import (
	"fmt"
	"io/fs"
	"syscall"
)

// freeSpace returns how many bytes this user may still write beside path.
func freeSpace(path string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", path, err)
	}
	return s.Bavail * uint64(s.Bsize), nil
}

// tooOpen reports whether others than the owner can look into a folder.
func tooOpen(mode fs.FileMode) bool { return mode&0o077 != 0 }

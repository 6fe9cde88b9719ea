//go:build !linux && !darwin && !windows

package main

import (
	"errors"
	"fmt"
	"io/fs"
)

// freeSpace is not known here.
func freeSpace(string) (uint64, error) {
	return 0, fmt.Errorf("ask for free space: %w", errors.ErrUnsupported)
}

// tooOpen reports whether others than the owner can look into a folder.
func tooOpen(mode fs.FileMode) bool { return mode&0o077 != 0 }

package main

import (
	"fmt"
	"io/fs"

	"golang.org/x/sys/windows"
)

// freeSpace returns how many bytes this user may still write beside path.
func freeSpace(path string) (uint64, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", path, err)
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, nil, nil); err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", path, err)
	}
	return free, nil
}

// tooOpen: the mode bits say nothing here; folders inherit their access lists.
func tooOpen(fs.FileMode) bool { return false }

package faults

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
)

// disk is a file system in memory that can be filled and emptied at once: its
// size is set to what is in use, and back.
type disk struct{ dir string }

const roomy = "size=4g,mode=0755"

// mountDisk mounts one over a folder for the time of the test; nil where that
// is refused.
func mountDisk(t *testing.T, dir string) *disk {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, roomy); err != nil {
		t.Logf("CANNOT MOUNT a small file system, so no disk will be full: %v", err)
		return nil
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return &disk{dir}
}

func (d *disk) fill() error {
	for range 100 { // what is in use may grow meanwhile
		var s syscall.Statfs_t
		if err := syscall.Statfs(d.dir, &s); err != nil {
			return err
		}
		used := (s.Blocks - s.Bfree) * uint64(s.Bsize)
		err := syscall.Mount("tmpfs", d.dir, "tmpfs", syscall.MS_REMOUNT, fmt.Sprintf("size=%d", used))
		if !errors.Is(err, syscall.EINVAL) {
			return err
		}
	}
	return errors.New("the disk fills faster than it can be measured")
}

func (d *disk) free() error {
	return syscall.Mount("tmpfs", d.dir, "tmpfs", syscall.MS_REMOUNT, roomy)
}

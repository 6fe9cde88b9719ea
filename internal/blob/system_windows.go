package blob

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

const (
	namesOpenFiles     = true // an open file keeps its name
	closesBeforeRename = true
	locksProve         = false // the lock is gone before the file has its name
)

// syncDir does nothing: Windows has no such call, NTFS keeps a journal of names.
func syncDir(*os.Root, string) error { return nil }

// tryLock locks an open file without waiting. Closing the file unlocks it. The
// byte that is locked lies behind any content, which stays readable.
func tryLock(file *os.File) (bool, error) {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	at := windows.Overlapped{OffsetHigh: 1 << 30}
	err := windows.LockFileEx(windows.Handle(file.Fd()), flags, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}

func diskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

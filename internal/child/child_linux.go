package child

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Isolate puts a child into a process group of its own, out of reach of the
// terminal's Ctrl-C, and has the kernel kill it when the thread that starts it ends.
func Isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// Kill ends a child that was isolated, and what it started. An error of it
// means that they have ended.
func Kill(cmd *exec.Cmd) { killGroup(cmd) }

// Confine takes from a child that runs what it has no use for: it writes no
// file, leaves no core with a document in it, holds at most 64 files open, and
// has no more than so many bytes of address space (below 0: any). Where memory runs
// out the kernel is to take it, and not the service. It is a second wall behind
// what its starter looks after, and fails for a child that has ended.
func Confine(pid int, addressSpace int64) error {
	const files = 64
	limits := map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_NOFILE: files}
	if addressSpace >= 0 {
		limits[unix.RLIMIT_AS] = uint64(addressSpace)
	}
	for resource, most := range limits {
		if err := unix.Prlimit(pid, resource, &unix.Rlimit{Cur: most, Max: most}, nil); err != nil {
			return fmt.Errorf("limit process %d: %w", pid, err)
		}
	}
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("900"), 0) // a wish
	return nil
}

// ResidentBytes is the memory that a process has in use; false where that is not
// known, or the process has ended.
func ResidentBytes(pid int) (int64, bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * int64(os.Getpagesize()), err == nil
}

package pdf

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// isolate puts a reader into a process group of its own, out of reach of the
// terminal's Ctrl-C, and has the kernel kill it when the thread that starts it ends.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// executable is this very program, even after its file was replaced or removed.
func executable() (string, error) {
	const self = "/proc/self/exe"
	if _, err := os.Stat(self); err != nil {
		return os.Executable()
	}
	return self, nil
}

// guardedBy says whether the parent still lives, now that its death would be
// noticed, and offers this process to the out-of-memory killer first.
func guardedBy(parent int) bool {
	if os.Getppid() != parent {
		return false
	}
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("900"), 0) // a wish
	return true
}

// residentBytes is the memory that a process has in use.
func residentBytes(pid int) (int64, bool) {
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

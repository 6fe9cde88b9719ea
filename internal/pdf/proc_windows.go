package pdf

import (
	"os"
	"os/exec"
	"syscall"
)

// stopSignals are for the service to answer, not for its readers.
var stopSignals = []os.Signal{os.Interrupt}

// isolate puts a reader into a process group of its own, out of reach of the
// console's Ctrl-C. When the service dies, the reader's standard input ends.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

func executable() (string, error) { return os.Executable() }

// guardedBy: the parent's id is not to be had without racing its reuse; the end of standard
// input tells of its death.
func guardedBy(int) bool { return true }

func dropPrivileges() {}

// residentBytes is not known here: the sandbox's own limit has to do.
func residentBytes(int) (int64, bool) { return 0, false }

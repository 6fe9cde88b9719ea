package main

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/mivaa/mivaa/jobs"
)

// TestSubmitDetach: Ctrl-C stops the following, and says that the job goes on.
// It is not parallel: a signal is the whole process's.
func TestSubmitDetach(t *testing.T) {
	w := newWorld(t)
	url := w.serve()
	out, end := w.start(t.Context(), "submit", w.pdfs("left.pdf")[0], "--server", url, "--wait")
	eventually(t, "it is accepted", func() bool { return strings.Contains(out.String(), "left.pdf") })
	w.ok(syscall.Kill(os.Getpid(), syscall.SIGINT))
	a := end().exits(exitInterrupted).warns("no longer following; the job goes on (pending)", "mivaa jobs cancel ")
	id, err := jobs.ParseID(strings.Fields(a.out)[1])
	w.ok(err)
	w.is(id, jobs.Pending)
}

//go:build unix

package pdf

import (
	"os"
	"syscall"
)

// stopSignals are for the service to answer, not for its readers.
var stopSignals = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}

// dropPrivileges gives up what a warm reader has no more use for: it opens no
// file from now on, writes none, and leaves no core with a document in it.
func dropPrivileges() {
	const limitCore, limitFiles, limitSize = syscall.RLIMIT_CORE, syscall.RLIMIT_NOFILE, syscall.RLIMIT_FSIZE
	for _, resource := range []int{limitCore, limitFiles, limitSize} {
		// A second wall behind the sandbox: a failure changes nothing else.
		_ = syscall.Setrlimit(resource, &syscall.Rlimit{})
	}
}

package pdf

import "os"

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

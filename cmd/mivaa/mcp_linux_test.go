package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestAssistantPipe: a pipe that nobody writes to is refused, and not waited for.
func TestAssistantPipe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "pipe")
	w.ok(syscall.Mkfifo(path, 0o600))
	a := w.assist()
	defer a.ends()
	if text, failed := a.call("submit_document", map[string]any{"path": path}, nil); !failed || !strings.Contains(text, "is not a file") {
		t.Errorf("refused %v: %s", failed, text)
	}
}

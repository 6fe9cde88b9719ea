package child

import (
	"strings"
	"sync"
)

// TailSize is how many bytes a Tail keeps.
const TailSize = 2 << 10

// Tail keeps the end of what a child says on standard error. The zero value is
// ready; it is safe for concurrent use.
type Tail struct {
	mu sync.Mutex
	b  []byte
}

// Write implements io.Writer.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if len(t.b) > TailSize {
		t.b = append(t.b[:0], t.b[len(t.b)-TailSize:]...)
	}
	return len(p), nil
}

// String is what was kept, as valid UTF-8.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(strings.ToValidUTF8(string(t.b), "\ufffd"))
}

package ocr

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// One page is always recognised; another beside it where there is memory for both.
// The kernel takes either before the service.
func TestWaitsForMemory(t *testing.T) {
	t.Parallel()
	var left, asked atomic.Int64
	e := newFake(t, fakeHang, Config{AtOnce: 2, Memory: 512 << 20, Available: func() (int64, bool) {
		asked.Add(1)
		return left.Load(), true
	}})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	for range 2 {
		go func() {
			_, err := e.Reader(Auto, "").Recognise(ctx, blank(), picture)
			ended <- err
		}()
	}
	pids := func() []string { return running(t, filepath.Dir(e.path)) }
	eventually(t, "one runs and the other waits", 20*time.Second, func() bool { return len(pids()) == 1 && asked.Load() > 5 })
	if now := pids(); len(now) != 1 {
		t.Errorf("%d run without memory for them", len(now))
	}
	left.Store(8 << 30)
	eventually(t, "both run", 20*time.Second, func() bool { return len(pids()) == 2 })
	for _, pid := range pids() {
		eventually(t, "it is taken before the service", 5*time.Second, func() bool {
			score, err := os.ReadFile(filepath.Join("/proc", pid, "oom_score_adj"))
			return err == nil && strings.TrimSpace(string(score)) == "900"
		})
	}
	stop()
	for range 2 {
		if err := <-ended; err == nil {
			t.Error("what was stopped ended well")
		}
	}
}

// Who waits for memory does not outlive the engine.
func TestCloseEndsTheWaitForMemory(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	e := newFake(t, fakeHang, Config{AtOnce: 2, Available: func() (int64, bool) { asked.Add(1); return 0, true }})
	ended := make(chan error)
	for range 2 {
		go func() {
			_, err := e.Reader(Auto, "").Recognise(t.Context(), blank(), picture)
			ended <- err
		}()
	}
	eventually(t, "one waits", 20*time.Second, func() bool { return asked.Load() > 1 })
	e.Close()
	for range 2 {
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Errorf("error %v", err)
		}
	}
}

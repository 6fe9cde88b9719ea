package main

import (
	"bytes"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/host"
)

// group is a machine on which this process is in a control group with that much
// memory.
func group(t *testing.T, memory string) *host.Memory {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"proc/meminfo":                 "MemTotal:       67108864 kB\nMemAvailable:   67108864 kB\n",
		"proc/self/cgroup":             "0::/\n",
		"proc/self/mountinfo":          "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
		"sys/fs/cgroup/memory.max":     memory + "\n",
		"sys/fs/cgroup/memory.current": "0\n",
		"sys/fs/cgroup/memory.stat":    "",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return host.FindMemory(root)
}

// All that readers may come to have, and the service beside them, is within the
// limit wherever there is room for one reader.
func TestShares(t *testing.T) {
	t.Parallel()
	const MiB = 1 << 20
	for _, tt := range []struct{ limit, page, readers, heap int64 }{
		{400 * MiB, 4096 * MiB, 1, 100 * MiB}, // not even for one: it is tried
		{1024 * MiB, 512 * MiB, 1, 512*MiB - 512*MiB/10},
		{2048 * MiB, 512 * MiB, 3, 512 * MiB},
		{4096 * MiB, 512 * MiB, 6, 1024 * MiB},
		{64 << 30, 512 * MiB, 8, 60<<30 - 6<<30}, // no more readers than are wanted
	} {
		readers, heap := shares(tt.limit, tt.page, 8)
		if readers != int(tt.readers) || heap != tt.heap {
			t.Errorf("of %d MiB: %d readers and %d MiB of heap, want %d and %d", tt.limit/MiB, readers, heap/MiB, tt.readers, tt.heap/MiB)
		}
		if worst := int64(readers)*tt.page + heap; worst > tt.limit && tt.page < tt.limit {
			t.Errorf("of %d MiB %d may come to be used", tt.limit/MiB, worst/MiB)
		}
	}
}

func TestReadersWithinMemory(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, nil))
	s := &workSettings{pageMemory: 512 << 20}
	if n := s.readersWithin(group(t, "max"), log); n != runtime.GOMAXPROCS(0) || said.Len() > 0 {
		t.Errorf("without a limit: %d readers, %s", n, &said)
	}
	if n := s.readersWithin(group(t, "1073741824"), log); n != 1 {
		t.Errorf("in 1 GiB: %d readers", n)
	}
	if many := runtime.GOMAXPROCS(0) > 1; many != strings.Contains(said.String(), "--page-memory") {
		t.Errorf("said: %s", &said)
	}
}

// The Go runtime gets the limit of the group, and one that was given stays.
func TestHeapIsLimitedByTheGroup(t *testing.T) { // the limit is the process's: not parallel
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	log := slog.New(slog.DiscardHandler)
	for _, tt := range []struct {
		name, memory string
		env          []string
		limited      bool
	}{
		{"no limit", "max", nil, false},
		{"the operator's", "107374182400", []string{"GOMEMLIMIT=1GiB"}, false},
		{"the group's", "34359738368", nil, true},
	} {
		debug.SetMemoryLimit(math.MaxInt64)
		(&console{env: tt.env}).limitHeap(group(t, tt.memory), 512<<20, log)
		if got := debug.SetMemoryLimit(-1); got < math.MaxInt64 != tt.limited || tt.limited && (got < 8<<30 || got > 32<<30) {
			t.Errorf("%s: %d", tt.name, got)
		}
	}
}

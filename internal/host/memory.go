package host

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Memory is the memory that this process shares with its children and, beyond its
// control group, with everybody on the machine.
type Memory struct {
	root   string
	groups []group // the process's own first, then those around it
}

// FindMemory looks where this process is. root is where the kernel's files are
// mounted: "/".
func FindMemory(root string) *Memory {
	return &Memory{root: root, groups: memoryGroups(root)}
}

// Limit returns how many bytes this process and its children may have at most:
// what the tightest control group allows, and no more than the machine has. Not
// ok: the kernel does not say.
func (m *Memory) Limit() (bytes int64, ok bool) {
	limit, ok := m.Grouped()
	if total, known := m.meminfo("MemTotal"); known {
		limit, ok = min(limit, total), true
	}
	return limit, ok
}

// Grouped returns what the tightest control group allows. Not ok: none limits.
func (m *Memory) Grouped() (bytes int64, ok bool) {
	limit := int64(math.MaxInt64)
	for _, g := range m.groups {
		limit = min(limit, g.limit())
	}
	return limit, limit < math.MaxInt64
}

// Available returns how many bytes can be had before the kernel begins to end
// processes: in the tightest control group, and on the machine. What it would
// give up by itself, its cache of files, counts as available. Not ok: the kernel
// does not say.
func (m *Memory) Available() (bytes int64, ok bool) {
	available, ok := m.meminfo("MemAvailable")
	if !ok {
		available = math.MaxInt64
	}
	for _, g := range m.groups {
		limit := g.limit()
		if limit == math.MaxInt64 {
			continue
		}
		if used, known := g.used(); known {
			available, ok = min(available, limit-used), true
		}
	}
	return max(available, 0), ok
}

// meminfo returns a line of /proc/meminfo.
func (m *Memory) meminfo(name string) (bytes int64, ok bool) {
	value, ok := field(filepath.Join(m.root, "proc/meminfo"), name+":")
	return value << 10, ok
}

// group is a control group that may limit memory.
type group struct {
	dir   string
	files *groupFiles
}

// groupFiles are the names under which a version of control groups shows memory.
type groupFiles struct {
	limits []string
	used   string
	cache  []string // lines of memory.stat: what the kernel gives up by itself
}

var (
	version2 = groupFiles{
		limits: []string{"memory.max", "memory.high"}, // above high everything is slowed down until it is below again
		used:   "memory.current",
		cache:  []string{"inactive_file", "active_file", "slab_reclaimable"},
	}
	version1 = groupFiles{
		limits: []string{"memory.limit_in_bytes"},
		used:   "memory.usage_in_bytes",
		cache:  []string{"total_inactive_file", "total_active_file"},
	}
)

// unlimited is what version 1 shows where there is no limit: about 2^63, in whole
// pages.
const unlimited = 1 << 62

// limit is the group's own; MaxInt64 where it has none.
func (g group) limit() int64 {
	limit := int64(math.MaxInt64)
	for _, name := range g.files.limits {
		if n, ok := number(filepath.Join(g.dir, name)); ok && n < unlimited {
			limit = min(limit, n)
		}
	}
	return limit
}

func (g group) used() (int64, bool) {
	used, ok := number(filepath.Join(g.dir, g.files.used))
	for _, name := range g.files.cache {
		if n, known := field(filepath.Join(g.dir, "memory.stat"), name); known {
			used -= n
		}
	}
	return max(used, 0), ok
}

// number reads a file that holds one; "max" is none.
func number(path string) (int64, bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n, err == nil
}

// field reads the number behind a word at the beginning of a line.
func field(path, word string) (int64, bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == word {
			n, err := strconv.ParseInt(f[1], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

package host

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// machine is a root with the files that a kernel shows.
func machine(t *testing.T, files map[string]string) *Memory {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return FindMemory(root)
}

const (
	meminfo  = "MemTotal:       8000 kB\nMemFree:         100 kB\nMemAvailable:   6000 kB\n"
	mount2   = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	mounts1  = "31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs rw\n" + "36 31 0:33 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n" + "37 31 0:34 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	none1    = "9223372036854771712\n"
	service2 = "sys/fs/cgroup/system.slice/mivaa.service/"
	slice2   = "sys/fs/cgroup/system.slice/"
	service1 = "sys/fs/cgroup/memory/system.slice/mivaa.service/"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	const kB = 1 << 10
	for name, tt := range map[string]struct {
		files                   map[string]string
		limit, group, available int64 // 0: not known
	}{
		"nothing is shown": {},
		"no groups": {
			files: map[string]string{"proc/meminfo": meminfo},
			limit: 8000 * kB, available: 6000 * kB,
		},
		"version 2": {
			files: map[string]string{
				"proc/meminfo": meminfo, "proc/self/cgroup": "0::/system.slice/mivaa.service\n", "proc/self/mountinfo": mount2,
				service2 + "memory.max": "4096000\n", service2 + "memory.high": "max\n", service2 + "memory.current": "2048000\n",
				service2 + "memory.stat": "anon 1\ninactive_file 500000\nactive_file 300000\nslab_reclaimable 200000\n",
			},
			limit: 4096000, group: 4096000, available: 3048000,
		},
		"version 2, a group around it is tighter": {
			files: map[string]string{
				"proc/meminfo": meminfo, "proc/self/cgroup": "0::/system.slice/mivaa.service\n", "proc/self/mountinfo": mount2,
				service2 + "memory.max": "4096000\n", service2 + "memory.current": "100000\n", service2 + "memory.stat": "",
				slice2 + "memory.max": "3000000\n", slice2 + "memory.current": "2900000\n", slice2 + "memory.stat": "",
			},
			limit: 3000000, group: 3000000, available: 100000,
		},
		"version 2, slowed down before it is full": {
			files: map[string]string{
				"proc/self/cgroup": "0::/system.slice/mivaa.service\n", "proc/self/mountinfo": mount2,
				service2 + "memory.max": "4096000\n", service2 + "memory.high": "2000000\n", service2 + "memory.current": "2100000\n", service2 + "memory.stat": "",
			},
			limit: 2000000, group: 2000000, available: 0,
		},
		"version 2, no limit": {
			files: map[string]string{
				"proc/meminfo": meminfo, "proc/self/cgroup": "0::/system.slice/mivaa.service\n", "proc/self/mountinfo": mount2,
				service2 + "memory.max": "max\n", service2 + "memory.current": "2048000\n", service2 + "memory.stat": "",
			},
			limit: 8000 * kB, available: 6000 * kB,
		},
		"the machine is smaller than the group": {
			files: map[string]string{
				"proc/meminfo": meminfo, "proc/self/cgroup": "0::/system.slice/mivaa.service\n", "proc/self/mountinfo": mount2,
				service2 + "memory.max": "99999999999\n", service2 + "memory.current": "2048000\n", service2 + "memory.stat": "",
			},
			limit: 8000 * kB, group: 99999999999, available: 6000 * kB,
		},
		"version 1 beside version 2": {
			files: map[string]string{
				"proc/meminfo":                     meminfo,
				"proc/self/cgroup":                 "4:memory:/system.slice/mivaa.service\n2:cpu,cpuacct:/\n0::/system.slice/mivaa.service\n",
				"proc/self/mountinfo":              mounts1 + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
				service1 + "memory.limit_in_bytes": "4096000\n", service1 + "memory.usage_in_bytes": "2048000\n",
				service1 + "memory.stat":                           "cache 7\ninactive_file 1\ntotal_inactive_file 500000\ntotal_active_file 500000\n",
				"sys/fs/cgroup/memory/memory.limit_in_bytes":       none1,
				"sys/fs/cgroup/memory/memory.stat":                 "",
				"sys/fs/cgroup/unified/system.slice/mivaa.service": "",
			},
			limit: 4096000, group: 4096000, available: 3048000,
		},
		"a container that sees its own group only": {
			files: map[string]string{
				"proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/docker/abc\n",
				"proc/self/mountinfo":                          "37 31 0:34 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
				"sys/fs/cgroup/memory/memory.limit_in_bytes":   "4096000\n",
				"sys/fs/cgroup/memory/memory.usage_in_bytes":   "96000\n",
				"sys/fs/cgroup/memory/memory.stat":             "",
				"sys/fs/cgroup/memory/docker/abc/memory.stat":  "", // not it: a group of the same name inside
				"sys/fs/cgroup/memory/docker/abc/memory.limit": "",
			},
			limit: 4096000, group: 4096000, available: 4000000,
		},
		"a path that is not to be seen": {
			files: map[string]string{
				"proc/self/cgroup":             "0::/../other\n",
				"proc/self/mountinfo":          `31 23 0:28 / /sys/fs/c\040g rw - cgroup2 cgroup2 rw` + "\n",
				"sys/fs/c g/memory.max":        "4096000\n",
				"sys/fs/c g/memory.current":    "96000\n",
				"sys/fs/c g/memory.stat":       "",
				"sys/fs/c g/other/memory.max":  "1\n",
				"sys/fs/c g/other/memory.stat": "",
			},
			limit: 4096000, group: 4096000, available: 4000000,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := machine(t, tt.files)
			check := func(what string, want int64, knows bool, get func() (int64, bool)) {
				if got, ok := get(); ok != knows || ok && got != want {
					t.Errorf("%s: %d, %v; want %d, %v", what, got, ok, want, knows)
				}
			}
			check("limit", tt.limit, tt.limit > 0, m.Limit)
			check("of the group", tt.group, tt.group > 0, m.Grouped)
			check("available", tt.available, tt.limit > 0, m.Available)
		})
	}
}

// A limit that is changed while the process runs is seen.
func TestMemoryIsReadAnew(t *testing.T) {
	t.Parallel()
	m := machine(t, map[string]string{
		"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": mount2,
		"sys/fs/cgroup/memory.max": "1000\n", "sys/fs/cgroup/memory.current": "400\n", "sys/fs/cgroup/memory.stat": "",
	})
	if n, _ := m.Available(); n != 600 {
		t.Fatalf("available: %d", n)
	}
	if err := os.WriteFile(filepath.Join(m.root, "sys/fs/cgroup/memory.max"), []byte("500\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, _ := m.Available(); n != 100 {
		t.Errorf("available after the limit was lowered: %d", n)
	}
}

// What this machine itself shows makes sense.
func TestMemoryHere(t *testing.T) {
	t.Parallel()
	m := FindMemory("/")
	limit, ok := m.Limit()
	available, known := m.Available()
	if ok != known || ok != (runtime.GOOS == "linux") || available > limit {
		t.Errorf("limit %d (%v), available %d (%v)", limit, ok, available, known)
	}
}

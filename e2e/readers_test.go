//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// readers returns the reader processes of a service: its children, with the
// time they started, which tells a process from a later one of the same id.
func (p *process) readers() map[int]string {
	p.t.Helper()
	found := map[int]string{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		p.t.Fatal(err)
	}
	for _, path := range stats {
		if pid, parent, started, ok := procStat(path); ok && parent == p.cmd.Process.Pid {
			found[pid] = started
		}
	}
	return found
}

func procStat(path string) (pid, parent int, started string, ok bool) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, "", false // it ended meanwhile
	}
	end := strings.LastIndexByte(string(data), ')')
	fields := strings.Fields(string(data[end+1:]))
	if fields[0] == "Z" {
		return 0, 0, "", false
	}
	pid, _ = strconv.Atoi(filepath.Base(filepath.Dir(path)))
	parent, _ = strconv.Atoi(fields[1])
	return pid, parent, fields[19], true
}

// noneOutlives fails the test unless the readers are gone within a second.
func noneOutlives(t testing.TB, readers map[int]string) {
	t.Helper()
	eventually(t, fmt.Sprintf("readers %v gone", readers), time.Second, func() bool {
		for pid, started := range readers {
			if _, _, now, ok := procStat(fmt.Sprintf("/proc/%d/stat", pid)); ok && now == started {
				return false
			}
		}
		return true
	})
}

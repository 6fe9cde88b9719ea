package host

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// memoryGroups returns the control group that holds this process, and those
// around it as far as they can be seen. Version 1 goes first: where the machine
// has both, memory is in one of them alone, and version 2 then shows none.
func memoryGroups(root string) []group {
	own := ownGroups(root)
	for _, v := range []struct {
		controller string // in /proc/self/cgroup; version 2 has no name there
		files      *groupFiles
	}{{"memory", &version1}, {"", &version2}} {
		at, ok := own[v.controller]
		if !ok {
			continue
		}
		for _, m := range groupMounts(root) {
			if m.controls(v.controller) {
				if list := m.upwards(root, at, v.files); len(list) > 0 {
					return list
				}
			}
		}
	}
	return nil
}

// ownGroups reads in which group this process is, by controller.
func ownGroups(root string) map[string]string {
	b, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return nil
	}
	own := map[string]string{}
	for line := range strings.Lines(string(b)) { // 4:memory:/system.slice/mivaa.service
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for controller := range strings.SplitSeq(parts[1], ",") {
			own[controller] = parts[2]
		}
	}
	return own
}

// groupMount is a place where control groups are to be seen.
type groupMount struct {
	version2    bool
	controllers []string
	root, point string // the group that is shown, and where
}

func (m groupMount) controls(controller string) bool {
	if controller == "" {
		return m.version2
	}
	return !m.version2 && slices.Contains(m.controllers, controller)
}

func groupMounts(root string) []groupMount {
	b, err := os.ReadFile(filepath.Join(root, "proc/self/mountinfo"))
	if err != nil {
		return nil
	}
	var list []groupMount
	for line := range strings.Lines(string(b)) { // 36 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
		before, after, ok := strings.Cut(line, " - ")
		where, what := strings.Fields(before), strings.Fields(after)
		if !ok || len(where) < 5 || len(what) < 3 || what[0] != "cgroup" && what[0] != "cgroup2" {
			continue
		}
		list = append(list, groupMount{
			version2: what[0] == "cgroup2", controllers: strings.Split(what[2], ","),
			root: unescape.Replace(where[3]), point: unescape.Replace(where[4]),
		})
	}
	return list
}

// unescape undoes what mountinfo writes in place of characters that part fields.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// upwards lists the group at a path and those around it, as far as they are shown
// here. In a container the path may be one of the machine's, which is not to be
// seen: then the group that is shown is the container's.
func (m groupMount) upwards(root, at string, files *groupFiles) []group {
	below, ok := strings.CutPrefix(at, strings.TrimSuffix(m.root, "/"))
	if !ok || strings.Contains(at, "..") {
		below = "/"
	}
	var list []group
	for below = path.Clean("/" + below); ; below = path.Dir(below) {
		dir := filepath.Join(root, m.point, below)
		if _, err := os.Stat(filepath.Join(dir, "memory.stat")); err == nil {
			list = append(list, group{dir, files})
		}
		if below == "/" {
			return list
		}
	}
}

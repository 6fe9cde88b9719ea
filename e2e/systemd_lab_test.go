package e2e

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

const unit = "mivaa-pdf-extractor"

// lab is a real systemd in namespaces of its own (testdata/lab.sh), in which the
// service was installed by itself.
type lab struct {
	managed        // by that systemd
	state   string // its folder; share in it is /share inside
	binds   string // folders of the machine that appear inside, as lab.sh has them
}

func labAt(t testing.TB, state, binds string) *lab {
	l := &lab{state: state, binds: binds}
	l.managed = managed{manager: l, t: t, pages: 1000}
	return l
}

// newLab boots a systemd, with folders of the machine inside it as "from:to".
// Where that cannot be done the test is skipped, and fails in CI.
func newLab(t testing.TB, binds ...string) *lab {
	t.Helper()
	if why := noLab(); why != "" {
		if os.Getenv("CI") != "" {
			t.Fatal("systemd is not tested: " + why)
		}
		t.Skip("SYSTEMD IS NOT TESTED: " + why)
	}
	l := labAt(t, t.TempDir(), strings.Join(binds, " "))
	bin := filepath.Join(l.state, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "mivaa"), data, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := l.script("in", "journalctl", "--no-pager", "-n", "200", "-o", "short-precise")
			t.Logf("journal:\n%s", out)
		}
		if out, err := l.script("down"); err != nil {
			t.Errorf("end systemd: %v\n%s", err, out)
		}
	})
	if out, err := l.script("up", bin); err != nil {
		t.Fatalf("start systemd: %v\n%s", err, out)
	}
	return l
}

// noLab says why no systemd can be started here.
func noLab() string {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		return "starting one takes Linux and root"
	}
	for _, tool := range []string{"/lib/systemd/systemd", "unshare", "nsenter", "setpriv", "ps", "curl", "useradd"} {
		if _, err := exec.LookPath(tool); err != nil {
			return err.Error()
		}
	}
	return ""
}

func (l *lab) script(args ...string) (string, error) {
	cmd := exec.Command("bash", append([]string{"testdata/lab.sh"}, args...)...)
	cmd.Env = append(os.Environ(), "LAB_STATE="+l.state, "LAB_BIND="+l.binds)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// in runs a command inside, which must succeed, and returns what it printed.
func (l *lab) in(args ...string) string {
	l.t.Helper()
	out, err := l.script(append([]string{"in"}, args...)...)
	if err != nil {
		l.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

// show returns a property of the service.
func (l *lab) show(property string) string {
	l.t.Helper()
	return l.in("systemctl", "show", "-P", property, unit)
}

// settings gives the unit other settings than it is shipped with, from its next
// start on.
func (l *lab) settings(lines ...string) {
	l.t.Helper()
	dir := "/etc/systemd/system/" + unit + ".service.d"
	l.in("mkdir", "-p", dir)
	l.share("drop-in.conf", []byte("[Service]\n"+strings.Join(lines, "\n")+"\n"))
	l.in("cp", "/share/drop-in.conf", dir+"/test.conf")
	l.in("systemctl", "daemon-reload")
	l.in("systemctl", "reset-failed", unit)
}

// share puts a file where the inside sees it, and returns its name there.
func (l *lab) share(name string, data []byte) string {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.state, "share", name), data, 0o644); err != nil {
		l.t.Fatal(err)
	}
	return "/share/" + name
}

// cursor is a place in the journal.
func (l *lab) cursor() string {
	l.t.Helper()
	_, at, _ := strings.Cut(l.in("journalctl", "-n", "0", "--show-cursor"), "cursor: ")
	return at
}

// journal returns the service's lines behind a cursor.
func (l *lab) journal(after string) string {
	l.t.Helper()
	return l.in("journalctl", "-u", unit, "-o", "cat", "--no-pager", "--after-cursor="+after)
}

// systemctl does something to the service.
func (l *lab) systemctl(verb string, options ...string) error {
	out, err := l.script(append(append([]string{"in", "systemctl", verb}, options...), unit)...)
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

const labURL = "http://127.0.0.1:8000"

// request asks the service from inside, where its address is.
func (l *lab) request(method, path string, header map[string]string, body []byte) (status int, answer []byte, err error) {
	l.t.Helper()
	args := []string{"in", "curl", "-sS", "--max-time", "60", "-w", "\n%{http_code}", "-X", method}
	for name, value := range header {
		args = append(args, "-H", name+": "+value)
	}
	if body != nil {
		args = append(args, "--data-binary", "@"+l.body(body))
	}
	out, err := l.script(append(args, labURL+path)...)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %s", err, out)
	}
	end := strings.LastIndexByte(out, '\n')
	if status, err = strconv.Atoi(strings.TrimSpace(out[end+1:])); err != nil {
		return 0, nil, fmt.Errorf("curl printed %q", out)
	}
	return status, []byte(out[:end]), nil
}

// body puts the body of a request where the inside sees it: once, since others may
// be sending the same.
func (l *lab) body(data []byte) string {
	l.t.Helper()
	name := fmt.Sprintf("body-%x", sha256.Sum256(data))
	if _, err := os.Stat(filepath.Join(l.state, "share", name)); err == nil {
		return "/share/" + name
	}
	f, err := os.CreateTemp(filepath.Join(l.state, "share"), "body")
	if err != nil {
		l.t.Fatal(err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(0o644), f.Close(), os.Rename(f.Name(), filepath.Join(l.state, "share", name))); err != nil {
		l.t.Fatal(err)
	}
	return "/share/" + name
}

// exhaust uses up the memory of the control group of a process until the kernel
// takes that process, which it is told to prefer. What used it up ends with it, or
// after it.
func (l *lab) exhaust(pid string) {
	l.t.Helper()
	const script = `set -e
group=$(sed -n 's/^[0-9]*:memory://p' /proc/$1/cgroup)
echo 1000 > /proc/$1/oom_score_adj
echo $$ > "/sys/fs/cgroup/memory$group/cgroup.procs"
exec tail /dev/zero # keeps what it has read until a line ends`
	if out, err := l.script("in", "sh", "-c", script, "sh", pid); err == nil {
		l.t.Fatalf("there was no end to the memory: %s", out)
	}
}

// hoard takes what is left of the memory of the control group of a process, but
// for so many MiB, until give is called.
func (l *lab) hoard(pid string, left int) (give func()) {
	l.t.Helper()
	const script = `set -e
group=/sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:memory://p' /proc/$1/cgroup)
used=$(sed -n 's/^total_rss //p' $group/memory.stat)
size=$(($(cat $group/memory.limit_in_bytes) - used - $2 * 1048576))
echo $$ > $group/cgroup.procs
echo 1000 > /proc/self/oom_score_adj
echo $$ > /share/hoarder
exec > /dev/null 2>&1 # nobody waits for the end of what is said
(head -c $size /dev/zero; exec sleep 600) | tail`
	if out, err := l.script("in", "setsid", "--fork", "sh", "-c", script, "sh", pid, strconv.Itoa(left)); err != nil {
		l.t.Fatalf("%v: %s", err, out)
	}
	return func() { l.in("kill", "-KILL", "--", "-"+l.in("cat", "/share/hoarder")) }
}

// of is the lab for a part of the test.
func (l *lab) of(t testing.TB) *lab { return labAt(t, l.state, l.binds) }

func (l *lab) part(t testing.TB) manager { return l.of(t) }

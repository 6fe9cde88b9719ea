package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const unit = "mivaa-pdf-extractor"

// lab is a real systemd in namespaces of its own (testdata/lab.sh), in which the
// service was installed by itself.
type lab struct {
	t     testing.TB
	state string // its folder; share in it is /share inside
	binds string // folders of the machine that appear inside, as lab.sh has them
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
	l := &lab{t: t, state: t.TempDir(), binds: strings.Join(binds, " ")}
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

const labURL = "http://127.0.0.1:8000"

// upload submits a PDF from inside.
func (l *lab) upload(name string, pdf []byte) job {
	l.t.Helper()
	file := l.share(name, pdf)
	var j job
	l.answer(&j, "-H", "Content-Type: application/pdf", "-H", "X-Filename: "+name, "--data-binary", "@"+file, labURL+uploadPath)
	return j
}

// answer makes a request from inside and decodes its answer.
func (l *lab) answer(into any, curl ...string) {
	l.t.Helper()
	out := l.in(append([]string{"curl", "-sS", "--fail-with-body", "--retry-connrefused", "--max-time", "60"}, curl...)...)
	if err := json.NewDecoder(bytes.NewReader([]byte(out))).Decode(into); err != nil {
		l.t.Fatalf("decode %q: %v", out, err)
	}
}

// job reads a job from inside.
func (l *lab) job(id string) job {
	l.t.Helper()
	var j job
	l.answer(&j, labURL+"/api/rag/documents/job/"+id)
	return j
}

// until waits for a condition.
func (l *lab) until(what string, cond func() bool) {
	l.t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			l.t.Fatalf("never came true: %s (%s, %s)", what, l.show("ActiveState"), l.show("Result"))
		}
	}
}

// reading waits until a job has recorded pages, and is not done.
func (l *lab) reading(id string) job {
	l.t.Helper()
	var j job
	l.until("pages of "+id+" are recorded", func() bool {
		j = l.job(id)
		return j.StepsDone > 0
	})
	if j.Status != "processing" {
		l.t.Fatalf("job %s is %s after %d pages: the document is too short for this test", id, j.Status, j.StepsDone)
	}
	return j
}

// done waits until a job has completed with every page.
func (l *lab) done(id string, pages int) job {
	l.t.Helper()
	var j job
	l.until("job "+id+" is done", func() bool {
		j = l.job(id)
		return j.Status == "completed" || j.Status == "failed"
	})
	if j.Status != "completed" || j.StepsDone != pages {
		l.t.Errorf("job %s is %s with %d of %d pages: %s", id, j.Status, j.StepsDone, pages, j.Error)
	}
	return j
}

// took runs a command inside and returns how long it took, for the log.
func (l *lab) took(args ...string) time.Duration {
	l.t.Helper()
	began := time.Now()
	l.in(args...)
	d := time.Since(began)
	l.t.Logf("%s took %s", fmt.Sprint(args), d.Round(time.Millisecond))
	return d
}

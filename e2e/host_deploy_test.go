//go:build linux

package e2e

import (
	"os"
	"strings"
	"testing"
)

// deploys gives deploy/deploy.sh what it may meet. Each part leaves a service
// that works, on the binary that it should.
func (h host) deploys() {
	h.needsScript()
	for _, part := range []struct {
		name string
		test func(host)
	}{
		{"Waits", host.deployWaits}, {"DoesNotWaitForEver", host.deployInterrupts},
		{"PutsTheOldOneBack", host.deployBack}, {"NotWell", host.deployNotWell},
		{"OtherAddress", host.deployOtherAddress}, {"Interrupted", host.deployInterrupted},
		{"FailsClosed", host.deployClosed}, {"NoWayBack", host.deployNoWayBack},
	} {
		h.t.Run(part.name, func(t *testing.T) { part.test(h.of(t)) })
	}
}

func (h host) needsScript() {
	h.t.Helper()
	script, err := os.ReadFile("../deploy/deploy.sh")
	if err != nil {
		h.t.Fatal(err)
	}
	h.share("deploy.sh", script)
}

// deploy runs the script on a binary and returns what it said.
func (h host) deploy(args ...string) (out string, err error) {
	h.t.Helper()
	out, err = h.script(append([]string{"in", "bash", "/share/deploy.sh"}, args...)...)
	h.t.Logf("deploy.sh %s: %v\n%s", strings.Join(args, " "), err, out)
	return out, err
}

// release is a new binary: mivaa, but for what is written as branches of a case
// on its first argument.
func (h host) release(name, branches string) string {
	h.t.Helper()
	path := "/share/" + name
	h.in("install", "-m", "0755", h.share(name+".sh", []byte("#!/bin/sh\ncase $1 in\n"+branches+"\nversion) echo mivaa "+name+";;\n*) exec /lab/mivaa \"$@\";;\nesac\n")), path)
	return path
}

// installed is the version that the unit starts.
func (h host) installed() string {
	h.t.Helper()
	return h.in("/usr/local/bin/mivaa", "version")
}

// claims fails unless a document is read: the service runs, and does not drain.
func (h host) claims(name string) {
	h.t.Helper()
	if got := h.show("ActiveState"); got != "active" {
		h.t.Fatalf("the service is %s", got)
	}
	h.done(h.upload(name+".pdf", textPDF(2, name)).JobID, 2)
}

// A deploy waits for the job that runs and interrupts nothing; what is uploaded
// meanwhile is accepted, and read by the new process.
func (h host) deployWaits() {
	pid := h.show("MainPID")
	running := h.atWork("deploy-waits", long)
	h.in("rm", "-f", "/share/over")
	h.in("sh", "-c", "(bash /share/deploy.sh "+h.release("second", "")+" --wait 2m; echo exit $?; : > /share/over) > /share/deploy.log 2>&1 &")
	h.until("the deploy waits", func() bool { return strings.Contains(h.in("cat", "/share/deploy.log"), "== 3.") })
	meanwhile := h.upload("meanwhile.pdf", textPDF(2, "meanwhile")).JobID
	h.until("the deploy is over", func() bool { _, err := h.script("in", "test", "-e", "/share/over"); return err == nil })
	out := h.in("cat", "/share/deploy.log")
	h.inOrder(out, "== 1. The new binary", "mivaa second", "up to date", "== 2. What is running", running, "== 3. No new jobs", "draining with",
		"== 4. In its place", "== 5. Restart", "healthy", "== 6. Recovery", "claiming jobs", "job recovery", "== active: mivaa second", "exit 0")
	if j := h.done(running, long); j.Interruptions != 0 || j.Attempt != 1 {
		h.t.Errorf("the job that was waited for: %+v", j)
	}
	h.done(meanwhile, 2)
	if h.show("MainPID") == pid || h.installed() != "mivaa second" {
		h.t.Errorf("process %s, %s installed", h.show("MainPID"), h.installed())
	}
}

// When the wait is over it goes on: what still runs is interrupted, and goes on
// where it was.
func (h host) deployInterrupts() {
	running := h.atWork("deploy-interrupts", long)
	out, err := h.deploy(h.release("third", ""), "--wait", "100ms")
	if err != nil {
		h.t.Fatal(err)
	}
	h.inOrder(out, "== 3.", "going on:", "== 5. Restart", "== active: mivaa third")
	var j job
	h.until("the job goes on", func() bool { j = h.job(running); return j.Status == "processing" && j.Attempt > 1 })
	if j.Interruptions != 1 || j.Attempt != 2 || j.Crashes != 0 || j.StepsDone == 0 {
		h.t.Errorf("the job that was interrupted: %+v", j)
	}
	h.drop(running)
}

// A binary that does not start is taken back.
func (h host) deployBack() {
	was := h.installed()
	out, err := h.deploy(h.release("broken", "serve) echo out of order >&2; exit 1;;"), "--wait", "1m")
	if err == nil || h.installed() != was {
		h.t.Fatalf("%s is installed", h.installed())
	}
	h.inOrder(out, "== 5. Restart", "out of order", "the old one runs again")
	h.claims("after a broken deploy")
}

// So is one that starts and is not well.
func (h host) deployNotWell() {
	was := h.installed()
	out, err := h.deploy(h.release("ill", "health) echo unhealthy; exit 1;;"), "--wait", "1m")
	if err == nil || h.installed() != was {
		h.t.Fatalf("%s is installed", h.installed())
	}
	h.inOrder(out, "== 5. Restart", "unhealthy", "the old one runs again")
	h.claims("after an ill deploy")
}

// Whether the new one is well is asked where the socket has its address.
func (h host) deployOtherAddress() {
	dir := "/etc/systemd/system/" + unit + ".socket.d"
	at := func(do string) {
		h.in("sh", "-ec", do+"; systemctl daemon-reload; systemctl stop "+unit+".socket "+unit+"; systemctl start "+unit+".socket "+unit)
	}
	at("mkdir -p " + dir + "; printf '[Socket]\\nListenStream=\\nListenStream=127.0.0.1:9000\\n' > " + dir + "/address.conf")
	out, err := h.deploy(h.release("elsewhere", ""), "--wait", "1m")
	if err != nil || h.installed() != "mivaa elsewhere" {
		h.t.Errorf("%v: %s is installed\n%s", err, h.installed(), out)
	}
	at("rm " + dir + "/address.conf")
	h.claims("after a deploy elsewhere")
}

// A deploy that is ended behind its restart leaves the binary that runs in place.
func (h host) deployInterrupted() {
	next := h.release("halfway", "health) : > /tmp/asked; cat /tmp/hold;;")
	h.in("sh", "-c", "mkfifo -m 666 /tmp/hold; rm -f /tmp/asked /share/over; (bash /share/deploy.sh "+next+" & echo $! > /share/deploy.pid; wait $!; : > /share/over) > /share/deploy.log 2>&1 &")
	h.until("it asks whether the new one is well", func() bool { _, err := h.script("in", "test", "-e", "/tmp/asked"); return err == nil })
	h.in("sh", "-c", "kill $(cat /share/deploy.pid); : > /tmp/hold; rm /tmp/hold")
	h.until("the deploy is over", func() bool { _, err := h.script("in", "test", "-e", "/share/over"); return err == nil })
	if out := h.in("cat", "/share/deploy.log"); !strings.Contains(out, "interrupted: the new binary runs") {
		h.t.Errorf("it says\n%s", out)
	}
	if got := h.installed(); got != "mivaa halfway" {
		h.t.Errorf("%s is installed, and another runs", got)
	}
	h.claims("after a deploy that was ended")
}

// What is not known is not taken for nothing: each question that has no answer
// ends the deploy with the same process at work, and not draining.
func (h host) deployClosed() {
	pid, was := h.show("MainPID"), h.installed()
	for name, test := range map[string]struct {
		now, next string // branches of the installed binary, and of the new one
		said      string
	}{
		"the new one cannot run":        {"", "version) exit 126;;", "does not run on this machine"},
		"the store is newer":            {"", "migrate) exit 6;;", "nothing was changed"},
		"what runs is not known":        {"jobs) exit 6;;", "", "nothing was changed"},
		"what still runs is not known":  {"drain) /lab/mivaa \"$@\"; exit 6;;", "", "nobody knows what still runs (exit code 6)"},
		"the database cannot be copied": {"backup) exit 6;;", `migrate) echo "jobs 2 3 behind: mivaa migrate"; exit 0;;`, "the database was not copied"},
		"another deploy is under way":   {"", "", "another deploy is under way"},
		"there is no file of that name": {"", "", "not an executable file"},
	} {
		h.t.Run(name, func(t *testing.T) {
			h := h.of(t)
			next := h.release("next", test.next)
			if strings.HasPrefix(name, "there is no") {
				next = "/share/no such binary"
			}
			args := []string{next, "--wait", "1m"}
			if test.now != "" {
				args = append(args, "--to", h.release("now", test.now))
			}
			if strings.HasPrefix(name, "another") {
				h.in("sh", "-c", "mkfifo /tmp/hold; exec 9> /run/"+unit+".deploy.lock; flock 9; cat /tmp/hold > /dev/null 2>&1 &") // which has the lock, too
				defer h.in("sh", "-c", ": > /tmp/hold")
			}
			out, err := h.deploy(args...)
			if err == nil || !strings.Contains(out, test.said) {
				t.Errorf("it went on, or does not say %q", test.said)
			}
			if h.show("MainPID") != pid || h.installed() != was {
				t.Errorf("process %s became %s, %s is installed", pid, h.show("MainPID"), h.installed())
			}
			h.claims("after " + name)
		})
	}
}

// A new schema has no way back: the old binary is not put where it would be
// refused, and a copy of the database from before is there.
func (h host) deployNoWayBack() {
	next := h.release("one-way", `migrate) echo "documents 3 999 behind: mivaa migrate";;
serve) sqlite3 /var/lib/mivaa/mivaa.db "UPDATE schema_versions SET version = 999 WHERE component = 'documents'"; exit 1;;`)
	out, err := h.deploy(next, "--wait", "1m")
	if err == nil {
		h.t.Fatal("it went well")
	}
	h.inOrder(out, "== 4. In its place", "copied the database to /var/lib/mivaa/before-deploy.db", "== 5. Restart", "restore /var/lib/mivaa/before-deploy.db")
	if got := h.installed(); got != "mivaa one-way" {
		h.t.Errorf("%s was put back, which refuses the store", got)
	}
	// As the last line has it: the copy in place of what the new binary changed.
	h.in("systemctl", "stop", unit+".socket", unit)
	h.in("sh", "-ec", `cd /var/lib/mivaa; rm -f mivaa.db-wal mivaa.db-shm; mv before-deploy.db mivaa.db; mv /usr/local/bin/mivaa.before /usr/local/bin/mivaa`)
	h.in("systemctl", "reset-failed", unit)
	h.in("systemctl", "start", unit+".socket", unit)
	h.claims("after going back")
}

//go:build linux

package e2e

import (
	"os"
	"strings"
	"testing"
)

// deploys gives deploy/deploy.sh what it may meet. Each part leaves a service
// that works, on the binary that it should.
func (l *lab) deploys() {
	l.needsScript()
	for _, part := range []struct {
		name string
		test func(*lab)
	}{
		{"Waits", (*lab).deployWaits}, {"DoesNotWaitForEver", (*lab).deployInterrupts},
		{"PutsTheOldOneBack", (*lab).deployBack}, {"NotWell", (*lab).deployNotWell},
		{"FailsClosed", (*lab).deployClosed}, {"NoWayBack", (*lab).deployNoWayBack},
	} {
		l.t.(*testing.T).Run(part.name, func(t *testing.T) { part.test(l.of(t)) })
	}
}

func (l *lab) needsScript() {
	l.t.Helper()
	script, err := os.ReadFile("../deploy/deploy.sh")
	if err != nil {
		l.t.Fatal(err)
	}
	l.share("deploy.sh", script)
}

// deploy runs the script on a binary and returns what it said.
func (l *lab) deploy(args ...string) (out string, err error) {
	l.t.Helper()
	out, err = l.script(append([]string{"in", "bash", "/share/deploy.sh"}, args...)...)
	l.t.Logf("deploy.sh %s: %v\n%s", strings.Join(args, " "), err, out)
	return out, err
}

// release is a new binary: mivaa, but for what is written as branches of a case
// on its first argument.
func (l *lab) release(name, branches string) string {
	l.t.Helper()
	path := "/share/" + name
	l.in("install", "-m", "0755", l.share(name+".sh", []byte("#!/bin/sh\ncase $1 in\n"+branches+"\nversion) echo mivaa "+name+";;\n*) exec /lab/mivaa \"$@\";;\nesac\n")), path)
	return path
}

// installed is the version that the unit starts.
func (l *lab) installed() string {
	l.t.Helper()
	return l.in("/usr/local/bin/mivaa", "version")
}

// claims fails unless a document is read: the service runs, and does not drain.
func (l *lab) claims(name string) {
	l.t.Helper()
	if got := l.show("ActiveState"); got != "active" {
		l.t.Fatalf("the service is %s", got)
	}
	l.done(l.upload(name+".pdf", textPDF(2, name)).JobID, 2)
}

// A deploy waits for the job that runs and interrupts nothing; what is uploaded
// meanwhile is accepted, and read by the new process.
func (l *lab) deployWaits() {
	pid := l.show("MainPID")
	running := l.upload("deploy waits.pdf", slowPDF(2000, "deploy waits")).JobID
	l.reading(running)
	l.in("rm", "-f", "/share/over")
	l.in("sh", "-c", "(bash /share/deploy.sh "+l.release("second", "")+" --wait 2m; echo exit $?; : > /share/over) > /share/deploy.log 2>&1 &")
	l.until("the deploy waits", func() bool { return strings.Contains(l.in("cat", "/share/deploy.log"), "== 3.") })
	meanwhile := l.upload("meanwhile.pdf", textPDF(2, "meanwhile")).JobID
	l.until("the deploy is over", func() bool { _, err := l.script("in", "test", "-e", "/share/over"); return err == nil })
	out := l.in("cat", "/share/deploy.log")
	l.inOrder(out, "== 1. The new binary", "mivaa second", "up to date", "== 2. What is running", running, "== 3. No new jobs", "draining with",
		"== 4. In its place", "== 5. Restart", "healthy", "== 6. Recovery", "claiming jobs", "job recovery", "== active: mivaa second", "exit 0")
	if j := l.done(running, 2000); j.Interruptions != 0 || j.Attempt != 1 {
		l.t.Errorf("the job that was waited for: %+v", j)
	}
	l.done(meanwhile, 2)
	if l.show("MainPID") == pid || l.installed() != "mivaa second" {
		l.t.Errorf("process %s, %s installed", l.show("MainPID"), l.installed())
	}
}

// When the wait is over it goes on: what still runs is interrupted, and goes on
// where it was.
func (l *lab) deployInterrupts() {
	running := l.upload("deploy interrupts.pdf", slowPDF(long, "deploy interrupts")).JobID
	l.reading(running)
	out, err := l.deploy(l.release("third", ""), "--wait", "100ms")
	if err != nil {
		l.t.Fatal(err)
	}
	l.inOrder(out, "== 3.", "going on:", "== 5. Restart", "== active: mivaa third")
	var j job
	l.until("the job goes on", func() bool { j = l.job(running); return j.Status == "processing" && j.Attempt > 1 })
	if j.Interruptions != 1 || j.Attempt != 2 || j.Crashes != 0 || j.StepsDone == 0 {
		l.t.Errorf("the job that was interrupted: %+v", j)
	}
	l.drop(running)
}

// A binary that does not start is taken back.
func (l *lab) deployBack() {
	was := l.installed()
	out, err := l.deploy(l.release("broken", "serve) echo out of order >&2; exit 1;;"), "--wait", "1m")
	if err == nil || l.installed() != was {
		l.t.Fatalf("%s is installed", l.installed())
	}
	l.inOrder(out, "== 5. Restart", "out of order", "the old one runs again")
	l.claims("after a broken deploy")
}

// So is one that starts and is not well.
func (l *lab) deployNotWell() {
	was := l.installed()
	out, err := l.deploy(l.release("ill", "health) echo unhealthy; exit 1;;"), "--wait", "1m")
	if err == nil || l.installed() != was {
		l.t.Fatalf("%s is installed", l.installed())
	}
	l.inOrder(out, "== 5. Restart", "unhealthy", "the old one runs again")
	l.claims("after an ill deploy")
}

// What is not known is not taken for nothing: each question that has no answer
// ends the deploy with the same process at work, and not draining.
func (l *lab) deployClosed() {
	pid, was := l.show("MainPID"), l.installed()
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
		l.t.(*testing.T).Run(name, func(t *testing.T) {
			l := l.of(t)
			next := l.release("next", test.next)
			if strings.HasPrefix(name, "there is no") {
				next = "/share/no such binary"
			}
			args := []string{next, "--wait", "1m"}
			if test.now != "" {
				args = append(args, "--to", l.release("now", test.now))
			}
			if strings.HasPrefix(name, "another") {
				l.in("sh", "-c", "mkfifo /tmp/hold; exec 9> /run/"+unit+".deploy.lock; flock 9; cat /tmp/hold > /dev/null 2>&1 &") // which has the lock, too
				defer l.in("sh", "-c", ": > /tmp/hold")
			}
			out, err := l.deploy(args...)
			if err == nil || !strings.Contains(out, test.said) {
				t.Errorf("it went on, or does not say %q", test.said)
			}
			if l.show("MainPID") != pid || l.installed() != was {
				t.Errorf("process %s became %s, %s is installed", pid, l.show("MainPID"), l.installed())
			}
			l.claims("after " + name)
		})
	}
}

// A new schema has no way back: the old binary is not put where it would be
// refused, and a copy of the database from before is there.
func (l *lab) deployNoWayBack() {
	next := l.release("one-way", `migrate) echo "documents 3 999 behind: mivaa migrate";;
serve) sqlite3 /var/lib/mivaa/mivaa.db "UPDATE schema_versions SET version = 999 WHERE component = 'documents'"; exit 1;;`)
	out, err := l.deploy(next, "--wait", "1m")
	if err == nil {
		l.t.Fatal("it went well")
	}
	l.inOrder(out, "== 4. In its place", "copied the database to /var/lib/mivaa/before-deploy.db", "== 5. Restart", "restore /var/lib/mivaa/before-deploy.db")
	if got := l.installed(); got != "mivaa one-way" {
		l.t.Errorf("%s was put back, which refuses the store", got)
	}
	// As the last line has it: the copy in place of what the new binary changed.
	l.in("systemctl", "stop", unit+".socket", unit)
	l.in("sh", "-ec", `cd /var/lib/mivaa; rm -f mivaa.db-wal mivaa.db-shm; mv before-deploy.db mivaa.db; mv /usr/local/bin/mivaa.before /usr/local/bin/mivaa`)
	l.in("systemctl", "reset-failed", unit)
	l.in("systemctl", "start", unit+".socket", unit)
	l.claims("after going back")
}

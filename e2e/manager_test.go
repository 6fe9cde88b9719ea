package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// manager runs the service as its unit says: a systemd, or what stands in for
// one. What it is asked and cannot do ends the test.
type manager interface {
	// systemctl does something to the unit, as the command of that name does.
	systemctl(verb string, options ...string) error
	// show returns a property of the unit.
	show(property string) string
	// settings gives the unit other settings than it is shipped with, from its
	// next start on.
	settings(lines ...string)
	// cursor is a place in the journal, journal what the unit's part of it has
	// behind one.
	cursor() string
	journal(after string) string
	// request asks the service. An error means that there was no answer.
	request(method, path string, header map[string]string, body []byte) (status int, answer []byte, err error)
	// part is the same manager for a part of a test.
	part(t testing.TB) manager
}

// managed is a service that a manager runs, and a document of so many pages is
// long enough to be interrupted.
type managed struct {
	manager
	t     testing.TB
	pages int
}

// managedCases are what the service is to do under any manager. Each leaves it
// running, with the settings that it is shipped with.
var managedCases = []struct {
	name string
	test func(managed)
}{
	{"Restart", managed.restarted},
	{"Drain", managed.drained},
	{"Hang", managed.hung},
	{"Kill", managed.killed},
	{"NoRestartStorm", managed.broken},
	{"RestartsUnderLoad", managed.restartedUnderLoad},
}

func (m managed) must(verb string, options ...string) {
	m.t.Helper()
	if err := m.systemctl(verb, options...); err != nil {
		m.t.Fatalf("systemctl %s: %v", verb, err)
	}
}

func (m managed) number(property string) int {
	m.t.Helper()
	n, err := strconv.Atoi(m.show(property))
	if err != nil {
		m.t.Fatalf("%s: %v", property, err)
	}
	return n
}

// answer makes a request, which must succeed, and decodes its answer.
func (m managed) answer(into any, method, path string, header map[string]string, body []byte) {
	m.t.Helper()
	status, data, err := m.request(method, path, header, body)
	if err != nil || status/100 != 2 {
		m.t.Fatalf("%s %s: %d %s %v", method, path, status, data, err)
	}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(into); err != nil {
		m.t.Fatalf("%s %s: decode %q: %v", method, path, data, err)
	}
}

// upload submits a PDF.
func (m managed) upload(name string, pdf []byte) job {
	m.t.Helper()
	var j job
	m.answer(&j, "POST", uploadPath, map[string]string{"Content-Type": "application/pdf", "X-Filename": name}, pdf)
	return j
}

func (m managed) job(id string) job {
	m.t.Helper()
	var j job
	m.answer(&j, "GET", "/api/rag/documents/job/"+id, nil, nil)
	return j
}

// until waits for a condition.
func (m managed) until(what string, cond func() bool) {
	m.t.Helper()
	deadline := time.After(wait)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			m.t.Fatalf("never came true: %s (%s, %s)", what, m.show("ActiveState"), m.show("Result"))
		}
	}
}

// long submits a long document, waits until it is read, and returns its job.
func (m managed) long(name string) (id string) {
	m.t.Helper()
	id = m.upload(name+".pdf", slowPDF(m.pages, name)).JobID
	m.reading(id)
	return id
}

// reading waits until a job has recorded pages, and is not done.
func (m managed) reading(id string) job {
	m.t.Helper()
	var j job
	m.until("pages of "+id+" are recorded", func() bool {
		j = m.job(id)
		return j.StepsDone > 0
	})
	if j.Status != "processing" {
		m.t.Fatalf("job %s is %s after %d pages: the document is too short for this test", id, j.Status, j.StepsDone)
	}
	return j
}

// done waits until a job has completed with every page.
func (m managed) done(id string, pages int) job {
	m.t.Helper()
	var j job
	m.until("job "+id+" is done", func() bool {
		j = m.job(id)
		return j.Status == "completed" || j.Status == "failed"
	})
	if j.Status != "completed" || j.StepsDone != pages {
		m.t.Errorf("job %s is %s with %d of %d pages: %s", id, j.Status, j.StepsDone, pages, j.Error)
	}
	return j
}

// took does something to the unit and logs how long that took.
func (m managed) took(verb string) time.Duration {
	m.t.Helper()
	began := time.Now()
	m.must(verb)
	d := time.Since(began)
	m.t.Logf("systemctl %s took %s", verb, d.Round(time.Millisecond))
	return d
}

// startedAnew waits until the manager has started the service once more.
func (m managed) startedAnew(since int) {
	m.t.Helper()
	m.until("it was started anew", func() bool { return m.number("NRestarts") > since && m.show("ActiveState") == "active" })
}

// inOrder fails unless the lines hold what is wanted, in this order.
func (m managed) inOrder(text string, want ...string) {
	m.t.Helper()
	rest := text
	for _, w := range want {
		_, after, ok := strings.Cut(rest, w)
		if !ok {
			m.t.Fatalf("no %q in its place in:\n%s", w, text)
		}
		rest = after
	}
}

// A restart in the middle of a long document: it goes on where it was.
func (m managed) restarted() {
	at, pid := m.cursor(), m.show("MainPID")
	id := m.long("restart")
	m.took("restart")
	if m.show("MainPID") == pid {
		m.t.Error("the same process after a restart")
	}
	j := m.done(id, m.pages)
	if j.Attempt < 2 || j.Crashes != 0 || j.Interruptions != 1 {
		m.t.Errorf("after the restart: %+v", j)
	}
	journal := m.journal(at)
	m.inOrder(journal, "🛑 SERVICE INTERRUPTION DETECTED: SIGTERM (graceful shutdown)", "🛑 SHUTDOWN INITIATED", "🛑 JOB INTERRUPTED: "+id,
		"🛑 SHUTDOWN COMPLETE", "✅ Job recovery service initialized successfully", "📋 BACKGROUND JOB STARTED: "+id)
	// The log is written beside the service: the manager's own lines may come
	// before what they follow.
	m.inOrder(journal, "Stopped "+unit, "Started "+unit)
}

// Stopping waits for the job, and has the manager wait longer than its unit says.
func (m managed) drained() {
	m.settings("Environment=MIVAA_DRAIN=60s", "TimeoutStopSec=1s")
	m.must("restart")
	id := m.long("drain")
	took := m.took("stop")
	if got := m.show("ActiveState") + " " + m.show("Result"); got != "inactive success" {
		m.t.Errorf("the service is %s after %s", got, took)
	}
	m.settings()
	m.must("start")
	if j := m.done(id, m.pages); j.Interruptions != 0 {
		m.t.Errorf("interrupted %d times in spite of the drain", j.Interruptions)
	}
}

// A process that does nothing any more is killed by the watchdog, and its job
// goes on.
func (m managed) hung() {
	m.settings("WatchdogSec=2s", "TimeoutAbortSec=1s")
	m.must("restart")
	at, restarts := m.cursor(), m.number("NRestarts")
	id := m.long("hang")
	m.must("kill", "--signal=STOP", "--kill-whom=main")
	m.startedAnew(restarts)
	if j := m.done(id, m.pages); j.Attempt < 2 {
		m.t.Errorf("the job after the hang: %+v", j)
	}
	m.inOrder(m.journal(at), "Watchdog timeout", "Started "+unit)
	m.settings()
	m.must("restart")
}

// Nothing of ours is asked, and the job goes on all the same.
func (m managed) killed() {
	restarts := m.number("NRestarts")
	id := m.long("kill")
	m.must("kill", "--signal=KILL", "--kill-whom=main")
	m.startedAnew(restarts)
	if j := m.done(id, m.pages); j.Attempt < 2 || j.Interruptions != 1 {
		m.t.Errorf("the job after kill -9: %+v", j)
	}
}

// A service that cannot start is left alone after a few tries; once it can, it is
// started as ever, and nothing is lost.
func (m managed) broken() {
	id := m.upload("before.pdf", textPDF(3, "before")).JobID
	m.settings("Environment=MIVAA_WORKERS=many", "RestartSec=20ms")
	at := m.cursor()
	if err := m.systemctl("restart"); err == nil {
		m.t.Error("started with settings that are refused")
	}
	m.until("it is left alone", func() bool { return m.show("ActiveState") == "failed" })
	m.inOrder(m.journal(at), "MIVAA_WORKERS", "Start request repeated too quickly")
	m.settings()
	m.must("start")
	m.done(id, 3)
}

// restartsUnderLoad is how many there are: ten, or what MIVAA_RESTARTS says.
func restartsUnderLoad(t testing.TB) int {
	t.Helper()
	text, set := os.LookupEnv("MIVAA_RESTARTS")
	if !set {
		return 10
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("MIVAA_RESTARTS=%s is not a number of restarts", text)
	}
	return n
}

// Restarts under load: no job is lost, and through the socket no connection is
// refused. An upload is accepted, or told to come again.
func (m managed) restartedUnderLoad() {
	restarts := restartsUnderLoad(m.t)
	before := m.statistics()
	pdf := textPDF(20, "load")
	enough := make(chan struct{})
	var mu sync.Mutex
	var accepted, again, asked int
	var wrong []string
	upload := func() {
		mu.Lock()
		asked++
		key := fmt.Sprintf("load-%d", asked) // each is a job of its own
		mu.Unlock()
		status, answer, err := m.request("POST", uploadPath, map[string]string{"Content-Type": "application/pdf", "Idempotency-Key": key}, pdf)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil:
			wrong = append(wrong, err.Error())
		case status == 202:
			accepted++
		case status == 503: // it was stopping
			again++
		default:
			wrong = append(wrong, fmt.Sprintf("%d %s", status, answer))
		}
	}
	var clients sync.WaitGroup
	for range 3 {
		clients.Go(func() {
			for {
				select {
				case <-enough:
					return
				default:
					upload()
				}
			}
		})
	}
	slowest := time.Duration(0)
	for range restarts {
		began := time.Now()
		m.must("restart")
		slowest = max(slowest, time.Since(began))
		m.must("reset-failed") // or the manager takes it for a storm
	}
	close(enough)
	clients.Wait()
	m.t.Logf("%d restarts, the slowest in %s: %d uploads accepted, %d told to come again, %d otherwise", restarts, slowest.Round(time.Millisecond), accepted, again, len(wrong))
	if len(wrong) > 0 || accepted < restarts {
		m.t.Errorf("%d uploads were accepted over %d restarts; answered otherwise: %q", accepted, restarts, wrong[:min(len(wrong), 5)])
	}
	var now map[string]int
	m.until("all is done", func() bool {
		now = m.statistics()
		return now["pending"]+now["processing"]+now["interrupted"] == 0
	})
	if lost := before["total"] + accepted - now["total"]; lost > 0 || now["failed"] != before["failed"] {
		m.t.Errorf("%d jobs lost; before: %v, now: %v", lost, before, now)
	}
}

// metric is the value of a series without labels.
func (m managed) metric(name string) float64 {
	m.t.Helper()
	_, text, err := m.request("GET", "/metrics", nil, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				m.t.Fatal(err)
			}
			return n
		}
	}
	m.t.Fatalf("no %s in:\n%s", name, text)
	return 0
}

func (m managed) statistics() map[string]int {
	m.t.Helper()
	var s struct {
		Statistics map[string]int `json:"statistics"`
	}
	m.answer(&s, "GET", "/api/rag/admin/jobs", nil, nil)
	return s.Statistics
}

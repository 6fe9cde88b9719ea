//go:build linux

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"
)

// fleet is the services behind a load balancer, as a client sees them.
type fleet struct {
	mu   sync.Mutex
	urls []string
}

func (f *fleet) set(i int, url string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.urls[i] = url
}

// upload asks one after another, as a client or a balancer does, until one
// accepts.
func (f *fleet) upload(n int, pdf []byte) (job, error) {
	f.mu.Lock()
	urls := append([]string(nil), f.urls...)
	f.mu.Unlock()
	var refused []string
	for i := range urls {
		url := urls[(n+i)%len(urls)]
		resp, err := http.Post(url+uploadPath, "application/pdf", bytes.NewReader(pdf))
		if err != nil {
			refused = append(refused, err.Error())
			continue
		}
		data, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode >= 300 {
			refused = append(refused, fmt.Sprintf("%d %v %.200s", resp.StatusCode, err, data))
			continue
		}
		var j job
		err = json.Unmarshal(data, &j)
		return j, err
	}
	return job{}, fmt.Errorf("nobody accepted document %d: %q", n, refused)
}

// Three services are restarted one after another under load: no upload finds
// nobody, no job fails, no crash is charged, each page is recorded once.
func TestPostgresRollingRestart(t *testing.T) {
	t.Parallel()
	const pages = 40
	c := newCluster(t)
	dirs := []string{dataDir(t), dataDir(t), dataDir(t)}
	services := make([]*service, len(dirs))
	f := &fleet{urls: make([]string, len(dirs))}
	for i, dir := range dirs {
		services[i] = c.serveIn(t, dir, "--workers", "2", "--max-running", "5")
		f.set(i, services[i].url)
	}
	stop := make(chan struct{})
	var accepted []job
	var failed error
	var load sync.WaitGroup
	load.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			j, err := f.upload(n, textPDF(pages, fmt.Sprintf("rolling %d", n)))
			if err != nil {
				failed = err
				return
			}
			accepted = append(accepted, j)
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	for i, dir := range dirs {
		eventually(t, "it works", wait, func() bool {
			return ask[int](t, c, `SELECT count(*) FROM background_jobs j JOIN job_instances i ON i.id = j.instance_id WHERE i.pid = $1 AND j.status = 'processing'`, services[i].cmd.Process.Pid) > 0
		})
		if code, took := services[i].signal(syscall.SIGTERM); code != 0 || took > 5*time.Second {
			t.Errorf("service %d exited %d after %v", i, code, took)
		}
		services[i] = c.serveIn(t, dir, "--workers", "2", "--max-running", "5")
		f.set(i, services[i].url)
	}
	close(stop)
	load.Wait()
	if failed != nil {
		t.Error(failed)
	}
	s := services[0]
	interrupted := 0
	for _, j := range accepted {
		end := s.until(j.JobID, "completed", completed)
		if end.Crashes != 0 || end.StepsDone != pages || end.Attempt != end.Interruptions+1 {
			t.Errorf("completed job: %+v", end)
		}
		interrupted += end.Interruptions
	}
	if n := ask[int](t, c, `SELECT count(*) FROM job_events WHERE event = 'failed' OR cause IN ('crash', 'lease_lost')`); n > 0 {
		t.Errorf("%d events tell of failures or crashes", n)
	}
	if n := ask[int](t, c, `SELECT count(*) FROM job_steps`); n != pages*len(accepted) {
		t.Errorf("%d pages of %d documents", n, len(accepted))
	}
	// Nothing that was recorded is read again: an attempt begins where the one
	// before it ended. What was in flight is all that is redone.
	if n := ask[int](t, c, `SELECT count(*) FROM (
			SELECT event, steps_done, lead(steps_done) OVER (PARTITION BY job_id ORDER BY id) AS next
			FROM job_events WHERE event IN ('interrupted', 'started')) AS e
		WHERE event = 'interrupted' AND next IS DISTINCT FROM steps_done`); n > 0 {
		t.Errorf("%d attempts did not begin where the one before them ended", n)
	}
	t.Logf("%d documents, %d interruptions", len(accepted), interrupted)
}

package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const webhookSecret = "whsec_aGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8gaGU="

// receiver takes webhooks. While it hangs it takes none.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	hangs bool
	ids   []string // of each request, taken or not
	types []string
}

func receive(t *testing.T) *receiver {
	t.Helper()
	verify, err := standardwebhooks.NewWebhook(webhookSecret)
	if err != nil {
		t.Fatal(err)
	}
	rec := &receiver{}
	rec.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = verify.Verify(body, r.Header)
		}
		var message struct {
			Type string `json:"type"`
		}
		if err == nil {
			err = json.Unmarshal(body, &message)
		}
		if err != nil {
			t.Errorf("webhook: %v", err)
		}
		rec.mu.Lock()
		hangs := rec.hangs
		rec.ids, rec.types = append(rec.ids, r.Header.Get("webhook-id")), append(rec.types, message.Type)
		rec.mu.Unlock()
		if hangs {
			<-r.Context().Done()
		}
	}))
	t.Cleanup(rec.Close)
	return rec
}

func (r *receiver) hang(yes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hangs = yes
}

func (r *receiver) seen() (ids, types []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.ids...), append([]string(nil), r.types...)
}

// webhooks are the deliveries of a job.
func (s *service) webhooks(id string) (all []struct {
	Event    string `json:"event"`
	Status   string `json:"status"`
	Attempts int    `json:"attempts"`
}) {
	s.t.Helper()
	var got struct {
		Webhooks json.RawMessage `json:"webhooks"`
	}
	if code := s.call("GET", "/api/rag/jobs/"+id+"/webhooks", nil, &got); code != http.StatusOK {
		s.t.Fatalf("webhooks answered %d", code)
	}
	if err := json.Unmarshal(got.Webhooks, &all); err != nil {
		s.t.Fatal(err)
	}
	return all
}

// A webhook that was on its way when its service was killed is sent again by the
// next one, as the same delivery. It never counts as a job.
func TestWebhookSurvivesAKill(t *testing.T) {
	t.Parallel()
	rec, dir := receive(t), dataDir(t)
	start := func() *service {
		return serveWith(t, func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "MIVAA_WEBHOOK_SECRET="+webhookSecret) }, dir, "--webhook-allow-private")
	}
	s := start()
	rec.hang(true)
	j := s.uploadForm("a.pdf", textPDF(2, "webhook"), map[string]string{"callback_url": rec.URL + "/hook"})
	eventually(t, "the webhook is on its way", wait, func() bool { ids, _ := rec.seen(); return len(ids) == 1 })
	s.kill()
	rec.hang(false)

	s = start()
	eventually(t, "the webhook is delivered", wait, func() bool {
		all := s.webhooks(j.JobID)
		return len(all) == 1 && all[0].Status == "delivered"
	})
	if all := s.webhooks(j.JobID); all[0].Event != "job.completed" || all[0].Attempts != 2 {
		t.Errorf("webhook: %+v", all)
	}
	ids, types := rec.seen()
	if len(ids) != 2 || ids[0] != ids[1] || types[1] != "job.completed" {
		t.Errorf("requests: %v %v", ids, types)
	}
	var counts struct {
		Statistics struct {
			Total     int `json:"total"`
			Completed int `json:"completed"`
		} `json:"statistics"`
	}
	s.call("GET", "/api/rag/admin/jobs", nil, &counts)
	if counts.Statistics.Total != 1 || counts.Statistics.Completed != 1 {
		t.Errorf("webhooks count as jobs: %+v", counts)
	}
}

// A job that is stopped and goes on tells of both, and without --workers the
// process that only answers sends too.
func TestWebhookOfAnInterruption(t *testing.T) {
	t.Parallel()
	rec, dir := receive(t), dataDir(t)
	start := func(args ...string) *service {
		return serveWith(t, func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "MIVAA_WEBHOOK_SECRET="+webhookSecret) }, dir,
			append(args, "--webhook-allow-private")...)
	}
	s := start()
	j := s.uploadForm("a.pdf", loopPDF(3, 2), map[string]string{"callback_url": rec.URL + "/hook"})
	s.until(j.JobID, "page 1 recorded", func(now job) bool { return now.StepsDone == 1 })
	s.kill()
	s = start("--page-timeout", "500ms")
	s.until(j.JobID, "completed", completed)
	if code, took := s.signal(15); code != 0 || took > 5*time.Second {
		t.Errorf("exit %d after %v", code, took)
	}
	s = start("--workers", "0")
	eventually(t, "both arrive", wait, func() bool {
		all := s.webhooks(j.JobID)
		return len(all) == 2 && all[0].Status == "delivered" && all[1].Status == "delivered"
	})
	_, types := rec.seen()
	seen := map[string]bool{}
	for _, typ := range types {
		seen[typ] = true
	}
	if !seen["job.interrupted"] || !seen["job.completed"] {
		t.Errorf("told: %v", types)
	}
}

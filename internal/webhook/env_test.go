package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/internal/pgtest"
	"github.com/mivaa/mivaa/jobs"
	"github.com/mivaa/mivaa/jobs/postgres"
	"github.com/mivaa/mivaa/jobs/sqlite"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// env is a store, and an instance that runs its jobs.
type env struct {
	*testing.T
	jobs     jobs.Store
	docs     documents.Store
	instance string
	n        int
}

// onBoth runs a test on a store of either kind.
func onBoth(t *testing.T, test func(e *env)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(onSQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url, schema := pgtest.Schema(t)
		db, err := postgres.Open(t.Context(), postgres.Config{URL: url, Schema: schema})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() }) // the schema goes anyway
		docs, err := documents.NewPostgres(t.Context(), db)
		test(join(t, db, docs, err))
	})
}

func onSQLite(t *testing.T) *env {
	t.Helper()
	db, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "mivaa.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // so does the folder
	docs, err := documents.NewSQLite(t.Context(), db)
	return join(t, db, docs, err)
}

func join(t *testing.T, store jobs.Store, docs documents.Store, err error) *env {
	t.Helper()
	e := &env{T: t, jobs: store, docs: docs, instance: jobs.NewID().String()}
	e.ok(err)
	_, err = store.Join(t.Context(), jobs.Instance{ID: e.instance, Host: "test", PID: 1, Lease: time.Hour})
	e.ok(err)
	return e
}

func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// ends submits a document whose callback is url, and brings its job to an end.
func (e *env) ends(url string, o jobs.Outcome) jobs.Job {
	e.Helper()
	e.n++
	if url != "" {
		var err error
		url, err = Targets{Private: true}.Check(url) // as the API does
		e.ok(err)
	}
	source := blob.Ref{SHA256: fmt.Sprintf("%064x", e.n), Size: 1}
	done, err := e.docs.Submit(e.Context(), documents.Submission{Source: source, Filename: fmt.Sprintf("%d.pdf", e.n), Callback: url})
	e.ok(err)
	claimed, err := e.jobs.Claim(e.Context(), jobs.ClaimParams{Instance: e.instance, Kinds: []string{documents.Kind}, Only: []jobs.ID{done.Job.ID}, Limit: 1})
	e.ok(err)
	if len(claimed.Jobs) != 1 {
		e.Fatalf("claimed %d jobs", len(claimed.Jobs))
	}
	o.Fence = claimed.Jobs[0].Fence()
	_, err = e.jobs.Finish(e.Context(), o)
	e.ok(err)
	return done.Job
}

func (e *env) completes(url string) jobs.Job {
	e.Helper()
	return e.ends(url, jobs.Outcome{Status: jobs.Completed})
}

// delivery is the one delivery of a job.
func (e *env) delivery(id jobs.ID) documents.Delivery {
	e.Helper()
	found, err := e.docs.Deliveries(e.Context(), id, 0)
	e.ok(err)
	if len(found) != 1 {
		e.Fatalf("%d deliveries", len(found))
	}
	return found[0]
}

// send starts a sender, and returns what stops it and waits for its end.
func (e *env) send(change ...func(*Sender)) (stop func()) {
	e.Helper()
	keys, err := ParseKeys(secret('a'))
	e.ok(err)
	p := usual()
	p.rest, p.poll = time.Millisecond, 20*time.Millisecond
	p.delays = []time.Duration{time.Millisecond, 2 * time.Millisecond, 3 * time.Millisecond}
	s := &Sender{Store: e.docs, Keys: keys, Targets: Targets{Private: true}, Watch: e.jobs.Watch, Version: "1.2.3", pace: p}
	for _, f := range change {
		f(s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var over sync.WaitGroup
	over.Go(func() { s.Run(ctx) })
	stop = func() { cancel(); over.Wait() }
	e.Cleanup(stop)
	return stop
}

func (e *env) eventually(what string, cond func() bool) {
	e.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			e.Fatalf("never: %s", what)
		}
	}
}

// got is a delivery as it arrived.
type got struct {
	id      string
	message struct {
		Type      string    `json:"type"`
		Timestamp time.Time `json:"timestamp"`
		Data      documents.DeliveryPayload
	}
}

// receiver takes deliveries, as one that verifies them does.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	all []got
}

// receive starts a receiver. answer gets the number of the request, from 1.
func (e *env) receive(answer func(n int, w http.ResponseWriter, r *http.Request)) *receiver {
	e.Helper()
	verify, err := standardwebhooks.NewWebhook(secret('a'))
	e.ok(err)
	rec := &receiver{}
	rec.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err == nil {
			err = verify.Verify(data, r.Header)
		}
		g := got{id: r.Header.Get("webhook-id")}
		if err == nil {
			err = json.Unmarshal(data, &g.message)
		}
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || !strings.HasPrefix(r.UserAgent(), "mivaa/") {
			e.Errorf("%s %v: %v: %s", r.Method, r.Header, err, data)
		}
		rec.mu.Lock()
		rec.all = append(rec.all, g)
		n := len(rec.all)
		rec.mu.Unlock()
		if answer != nil {
			answer(n, w, r)
		}
	}))
	e.Cleanup(rec.Close)
	return rec
}

func (r *receiver) received() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]got(nil), r.all...)
}

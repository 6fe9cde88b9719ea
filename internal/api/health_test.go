package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mivaa/mivaa/internal/blob"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	faults := map[string]error{"blobs": nil, "engine": nil, "disk": nil}
	set := func(name string, err error) {
		mu.Lock()
		defer mu.Unlock()
		faults[name] = err
	}
	e := newEnv(t, func(c *Config) {
		c.Health = func(context.Context) map[string]error {
			mu.Lock()
			defer mu.Unlock()
			return maps.Clone(faults)
		}
	})
	both := func(status int, word string) Health {
		t.Helper()
		read[Health](e, e.get("/health/live"), http.StatusOK)
		h := read[Health](e, e.get("/health"), status)
		ready := read[Health](e, e.get("/health/ready"), status)
		if h.Status != word || ready.Status != word || h.Version != "1.2.3" {
			t.Errorf("health is %+v, ready %+v, want %s", h, ready, word)
		}
		return h
	}
	h := both(http.StatusOK, healthy)
	for _, name := range []string{"store", "blobs", "engine", "disk"} {
		if h.Components[name].Status != healthy {
			t.Errorf("%s is %+v", name, h.Components[name])
		}
	}
	set("engine", errors.New("it broke at /secret/place"))
	h = both(http.StatusOK, degraded)
	if h.Components["engine"].Status != unhealthy || strings.Contains(h.Components["engine"].Detail, "secret") {
		t.Errorf("engine is %+v", h.Components["engine"])
	}
	set("blobs", &jobs.StoreError{Op: "write", Err: errors.New("no space"), Hint: "Free some space."})
	h = both(http.StatusServiceUnavailable, unhealthy)
	if h.Components["blobs"].Detail != "Free some space." {
		t.Errorf("blobs are %+v", h.Components["blobs"])
	}
	set("blobs", nil)
	set("engine", nil)
	both(http.StatusOK, healthy)
	if n := strings.Count(e.log.String(), "it broke at /secret/place"); n != 1 {
		t.Errorf("the fault was logged %d times", n)
	}
	if !strings.Contains(e.log.String(), "component is healthy again") {
		t.Error("the end of the fault was not logged")
	}
	e.api.Stop()
	both(http.StatusServiceUnavailable, ending)
}

// TestHealthHangs: whatever hangs, health answers in two seconds, and asks it
// only once at a time.
func TestHealthHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		store := &broken{hang: hang}
		a, err := New(Config{Jobs: store, Documents: &documents.SQLite{}, Blobs: &blob.Folder{}, Health: func(context.Context) map[string]error {
			return map[string]error{"engine": nil}
		}})
		if err != nil {
			t.Fatal(err)
		}
		ask := func() (Health, time.Duration) {
			began := time.Now()
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/health", nil)
			a.Handler().ServeHTTP(w, r)
			var h Health
			if err := json.Unmarshal(w.Body.Bytes(), &h); err != nil || w.Code != http.StatusServiceUnavailable {
				t.Errorf("%d %s: %v", w.Code, w.Body, err)
			}
			return h, time.Since(began)
		}
		h, took := ask()
		if took != 2*time.Second || h.Status != unhealthy || h.Components["store"].Detail != "It does not answer." || h.Components["engine"].Status != healthy {
			t.Errorf("after %v: %+v", took, h)
		}
		// It is known to hang: the next is answered at once.
		if _, took := ask(); took != 0 {
			t.Errorf("the second answer took %v", took)
		}
		close(hang)
		synctest.Wait()
		if c := a.health.check(t.Context()); c["store"].Status != healthy {
			t.Errorf("after it hung: %+v", c)
		}
	})
}

package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
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
		c.Health = map[string]func(context.Context) error{}
		for name := range faults {
			c.Health[name] = func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				return faults[name]
			}
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
		a, err := New(Config{Jobs: store, Documents: &documents.SQLite{}, Blobs: &blob.Folder{}, Health: map[string]func(context.Context) error{
			"engine": func(context.Context) error { return nil },
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
		if c := a.health.check(); c["store"].Status != healthy {
			t.Errorf("after it hung: %+v", c)
		}
	})
}

// TestHealthNamesWhatHangs: a component that hangs is reported as what it is,
// unhealthy, and those beside it as they are.
func TestHealthNamesWhatHangs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		hangs, status string
		code          int
	}{
		{"blobs", unhealthy, http.StatusServiceUnavailable},
		{"disk", degraded, http.StatusOK},
	} {
		synctest.Test(t, func(t *testing.T) {
			for range 50 { // whichever is waited for first
				hang := make(chan struct{})
				well := func(context.Context) error { return nil }
				slow := func(context.Context) error { <-time.After(patienceWithChecks - time.Millisecond); return nil }
				checks := map[string]func(context.Context) error{"blobs": slow, "disk": slow, "engine": well}
				checks[test.hangs] = func(context.Context) error { <-hang; return nil }
				a := &API{health: newChecker(&broken{}, checks, slog.New(slog.DiscardHandler)), life: t.Context()}
				began := time.Now()
				h := a.assess()
				if took := time.Since(began); h.Status != test.code || h.Body.Status != test.status || took != patienceWithChecks {
					t.Errorf("%s hangs: %d %+v after %v", test.hangs, h.Status, h.Body, took)
				}
				for _, name := range []string{"store", "blobs", "disk", "engine"} {
					if c := h.Body.Components[name]; (c.Status == healthy) == (name == test.hangs) {
						t.Errorf("%s hangs: %s is %+v", test.hangs, name, c)
					}
				}
				if c := h.Body.Components[test.hangs]; c.Detail != "It does not answer." || len(h.Body.Components) != 4 {
					t.Errorf("components are %+v", h.Body.Components)
				}
				close(hang)
				synctest.Wait()
			}
		})
	}
}

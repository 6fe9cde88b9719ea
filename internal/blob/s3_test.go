package blob

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/mivaa/mivaa/jobs"
)

// through opens a store whose requests pass a proxy. before is called with each
// and answers it where it returns true.
func (s *s3Server) through(t *testing.T, l S3Location, before func(http.ResponseWriter, *http.Request) bool) *S3 {
	t.Helper()
	target, err := url.Parse(s.endpoint())
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !before(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	l.Endpoint = front.URL
	return s.open(t, l)
}

func isUnavailable(t *testing.T, err error, hint string, secrets ...string) {
	t.Helper()
	se, ok := errors.AsType[*jobs.StoreError](err)
	if !ok || !errors.Is(err, jobs.ErrUnavailable) || !strings.Contains(se.Hint, hint) {
		t.Errorf("got %v (%+v), want a hint with %q", err, se, hint)
	}
	for _, secret := range secrets {
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("a secret stands in the error: %v", err)
		}
	}
}

func TestOpenS3Refused(t *testing.T) {
	t.Parallel()
	s := sharedS3(t)
	l := s.bucket(t)
	nowhere, absent, wrong := l, l, l
	nowhere.Bucket = "there-is-no-such-bucket"
	absent.Endpoint = "http://127.0.0.1:1"
	wrong.Endpoint = strings.Replace(l.Endpoint, "http:", "https:", 1)
	for name, tt := range map[string]struct {
		l    S3Location
		c    *credentials.Credentials
		hint string
	}{
		"key":       {l, credentials.NewStaticV4("nobody", s.secret, ""), "credentials are wrong"},
		"secret":    {l, credentials.NewStaticV4(s.access, "wrong-"+s.secret, ""), "credentials are wrong"},
		"bucket":    {nowhere, s.account(), "create it"},
		"no server": {absent, s.account(), "cannot be reached"},
		"no TLS":    {wrong, s.account(), "http or https"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := OpenS3(t.Context(), S3Config{S3Location: tt.l, Credentials: tt.c, Temp: t.TempDir()})
			isUnavailable(t, err, tt.hint, s.secret)
		})
	}
}

// Credentials come from the environment where none are given.
func TestS3Environment(t *testing.T) {
	s := sharedS3(t)
	l := s.bucket(t)
	t.Setenv("AWS_ACCESS_KEY_ID", s.access)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s.secret)
	store, err := Open(t.Context(), Location{S3: l}, nil, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if got, want := store.Location().String(), "s3://"+l.Bucket+"/some/where at "+l.Endpoint; got != want {
		t.Errorf("Location: %s, want %s", got, want)
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
	_, err = Open(t.Context(), Location{S3: l}, nil, t.TempDir())
	isUnavailable(t, err, "credentials are wrong", "hunter2", s.secret)
}

// A server that dies amid the parts of a source leaves nothing that passes for
// a whole, and the same bytes are stored when it is back.
func TestS3KilledInMultipart(t *testing.T) {
	t.Parallel()
	s := ownS3(t)
	l := s.bucket(t)
	var once sync.Once
	store3 := s.through(t, l, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("partNumber") == "3" {
			once.Do(s.kill)
		}
		return false
	})
	store3.partSize = 5 << 20
	data := noise(40 << 20)
	_, err := store3.Put(t.Context(), bytes.NewReader(data), 0)
	isUnavailable(t, err, "cannot be reached", s.secret)
	_, err = store3.Open(t.Context(), refOf(data).SHA256)
	isUnavailable(t, err, "cannot be reached")
	isUnavailable(t, store3.Check(t.Context()), "cannot be reached")
	isUnavailable(t, store3.Probe(t.Context()), "cannot be reached")
	if err := s.up(); err != nil {
		t.Fatal(err)
	}
	fails(t, store3, refOf(data), ErrMissing, CodeMissing)
	if found := walk(t, store3); len(found) > 0 {
		t.Errorf("Walk: %v", found)
	}
	uploads := func() int {
		page, err := store3.client.ListMultipartUploads(t.Context(), l.Bucket, store3.under(""), "", "", "", 100)
		if err != nil {
			t.Fatal(err)
		}
		return len(page.Uploads)
	}
	if uploads() != 1 {
		t.Fatalf("%d unfinished uploads, want that of the dead", uploads())
	}
	store(t, store3, data)
	holds(t, store3, data)
	old(t, s.file(l, ".sgwtmp"))
	if _, err := store3.Sweep(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if n := uploads(); n != 0 {
		t.Errorf("%d unfinished uploads after the sweep", n)
	}
	holds(t, store3, data)
}

// old makes everything below a folder two days old.
func old(t *testing.T, dir string) {
	t.Helper()
	at := time.Now().Add(-48 * time.Hour)
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Chtimes(path, at, at))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Who stores bytes that are being removed waits, and stores them again where
// they were removed.
func TestS3PutWhileRemoved(t *testing.T) {
	t.Parallel()
	server := sharedS3(t)
	l := server.bucket(t)
	s := server.open(t, l)
	var looks atomic.Int32
	other := server.through(t, l, func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, removingMark) {
			looks.Add(1)
		}
		return false
	})
	data := noise(1000)
	ref := store(t, s, data)
	ctx := t.Context()
	unmark, err := s.mark(ctx, ref.SHA256)
	if unmark == nil || err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { _, err := other.Put(ctx, bytes.NewReader(data), 0); done <- err }()
	for looks.Load() < 2 { // it has renewed the blob, has seen the mark, and looks again
		select {
		case err := <-done:
			t.Fatalf("Put did not wait for the removal: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	for _, mark := range []string{"", storedMark} { // of the remover, who had looked before
		if err := s.delete(ctx, s.key(ref.SHA256)+mark); err != nil {
			t.Fatal(err)
		}
	}
	unmark()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	holds(t, s, data)
}

// Who removes looks at the age once more when all can see that he does.
func TestS3RemoveLooksAgain(t *testing.T) {
	t.Parallel()
	server := sharedS3(t)
	p := s3SiteOn(t, server)
	direct := p.open(t).(*S3)
	data := noise(1001)
	var again atomic.Int32
	s := server.through(t, direct.location, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, removingMark) {
			again.Add(1)
			store(t, direct, data)
		}
		return false
	})
	p.age(t, store(t, direct, data), 25*time.Hour)
	if removed, err := s.Remove(t.Context(), refOf(data).SHA256); removed || err != nil || again.Load() != 1 {
		t.Fatalf("Remove: %v, %v; stored %d times meanwhile", removed, err, again.Load())
	}
	holds(t, s, data)
	nothingBeside(t, p)
}

// A remover that died holds nobody up for long, and a sweep tidies up.
func TestS3RemoverDied(t *testing.T) {
	t.Parallel()
	server := sharedS3(t)
	p := s3SiteOn(t, server)
	s := p.open(t).(*S3)
	data := noise(1002)
	ref := store(t, s, data)
	p.age(t, ref, 25*time.Hour)
	for range 2 {
		if _, err := s.mark(t.Context(), ref.SHA256); err != nil {
			t.Fatal(err)
		}
	}
	if removed, err := s.Remove(t.Context(), ref.SHA256); removed || err != nil {
		t.Fatalf("Remove of what another removes: %v, %v", removed, err)
	}
	at := time.Now().Add(-removingFor - time.Minute)
	if err := os.Chtimes(server.file(s.location, s.key(ref.SHA256)+removingMark), at, at); err != nil {
		t.Fatal(err)
	}
	swept, err := s.Sweep(t.Context(), func(context.Context, []string) (map[string]bool, error) { return nil, nil })
	if err != nil || swept.Blobs != 1 {
		t.Fatalf("Sweep: %+v, %v", swept, err)
	}
	nothingBeside(t, p)
}

// A connection that breaks amid the bytes is no end of reading.
func TestS3BrokenWhileRead(t *testing.T) {
	t.Parallel()
	server := sharedS3(t)
	l := server.bucket(t)
	data := noise(3 << 20)
	var broken atomic.Int32
	s := server.through(t, l, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, refOf(data).SHA256) || broken.Add(1) > 1 {
			return false
		}
		w.Header().Set("Content-Length", "3145728")
		w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
		_, _ = w.Write(data[:1<<20]) // then the connection is gone
		panic(http.ErrAbortHandler)
	})
	store(t, server.open(t, l), data)
	holds(t, s, data)
	if broken.Load() != 2 {
		t.Errorf("read %d times, want 2", broken.Load())
	}
}

// A server that stands still is given up.
func TestS3Stalled(t *testing.T) {
	t.Parallel()
	server := sharedS3(t)
	l := server.bucket(t)
	data := noise(1 << 20)
	var still atomic.Bool
	s := server.through(t, l, func(_ http.ResponseWriter, r *http.Request) bool {
		if still.Load() && strings.HasSuffix(r.URL.Path, refOf(data).SHA256) {
			<-r.Context().Done()
		}
		return false
	})
	store(t, s, data)
	still.Store(true)
	s.stall = 50 * time.Millisecond
	_, err := s.Open(t.Context(), refOf(data).SHA256)
	if !errors.Is(err, errStalled) {
		t.Errorf("Open: %v", err)
	}
	isUnavailable(t, err, "cannot be reached")
}

// What is there is not put again: the condition keeps the first.
func TestS3Conditional(t *testing.T) {
	t.Parallel()
	server := sharedS3(t)
	s := server.open(t, server.bucket(t))
	data := noise(100)
	file, ref, err := s.tmp.take(t.Context(), bytes.NewReader(data), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := s.put(t.Context(), s.key(ref.SHA256), file, onlyNew); err != nil {
		t.Fatal(err)
	}
	if err := s.put(t.Context(), s.key(ref.SHA256), file, onlyNew); !isThere(err) {
		t.Errorf("put where an object is: %v", err)
	}
	if err := s.put(t.Context(), s.key(ref.SHA256), file, replacing); err != nil {
		t.Error(err)
	}
}

// A server that refuses what is there may cut the connection before all is sent,
// and its answer is lost. Who puts finds out by looking.
func TestS3RefusalIsLost(t *testing.T) {
	t.Parallel()
	server := sharedS3(t)
	l := server.bucket(t)
	another := server.open(t, l)
	data := noise(1 << 20)
	there := true // what is put is, by another at this moment
	s := server.through(t, l, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && r.Header.Get("If-None-Match") == "*" {
			if there {
				store(t, another, data)
			}
			panic(http.ErrAbortHandler)
		}
		return false
	})
	store(t, s, data)
	holds(t, another, data)
	there = false
	_, err := s.Put(t.Context(), bytes.NewReader(noise(2<<20)), 0)
	isUnavailable(t, err, "cannot be reached")
}

// What is not ours in the bucket stays, and is no blob.
func TestS3Strangers(t *testing.T) {
	t.Parallel()
	server := sharedS3(t)
	s := server.open(t, server.bucket(t))
	hash := refOf([]byte("x")).SHA256
	strangers := []string{s.under("readme.txt"), s.under(hash), s.under("zz/" + hash), hash[:2] + "/" + hash, s.under(hash[:2] + "/" + hash + ".txt")}
	for _, key := range strangers {
		if err := s.putSmall(t.Context(), key, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if found := walk(t, s); len(found) > 0 {
		t.Errorf("Walk: %v", found)
	}
	if _, err := s.Sweep(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for _, key := range strangers {
		if _, err := s.client.StatObject(t.Context(), s.location.Bucket, key, minio.StatObjectOptions{}); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}

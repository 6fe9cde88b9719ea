package blob

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/mivaa/mivaa/internal/pgtest"
)

// s3Program builds the server that the tests run: a module of its own pins it,
// Go's build cache keeps it.
var s3Program = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute) // 70 s on two cores where nothing is cached
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "-C", "../../tools/s3", "tool", "-n", "versitygw")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("build versitygw (tools/s3): %w\n%s", err, &stderr)
	}
	return strings.TrimSpace(string(out)), nil
})

// s3Server is an S3-compatible server on a port of loopback, with an account of
// its own, whose objects are files in a folder.
type s3Server struct {
	dir, port      string
	access, secret string
	process        *os.Process
	ended          chan struct{}
	log            bytes.Buffer
}

var s3Shared struct {
	once   sync.Once
	server *s3Server
	err    error
	closer
}

type closer struct{}

func (closer) close() error {
	if s3Shared.server == nil {
		return nil
	}
	return s3Shared.server.close()
}

// sharedS3 is the server that all tests but those that kill one share.
func sharedS3(t testing.TB) *s3Server {
	t.Helper()
	s3Shared.once.Do(func() { s3Shared.server, s3Shared.err = startS3() })
	return served(t, s3Shared.server, s3Shared.err)
}

// ownS3 is a server that the test may kill.
func ownS3(t testing.TB) *s3Server {
	t.Helper()
	s, err := startS3()
	served(t, s, err)
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func served(t testing.TB, s *s3Server, err error) *s3Server {
	t.Helper()
	if err != nil && os.Getenv("CI") != "" {
		t.Fatalf("the S3 server for tests is missing: %v", err)
	}
	if err != nil {
		t.Skipf("SKIPPED: no S3 server: %v", err)
	}
	return s
}

func startS3() (*s3Server, error) {
	dir, err := os.MkdirTemp("", "s3test-")
	if err != nil {
		return nil, err
	}
	for _, sub := range []string{"objects", "about"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &s3Server{dir: dir, port: strconv.Itoa(l.Addr().(*net.TCPAddr).Port), access: rand.Text(), secret: rand.Text()}
	if err := errors.Join(l.Close(), s.up()); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// up starts the server and waits until it answers.
func (s *s3Server) up() error {
	program, err := s3Program()
	if err != nil {
		return err
	}
	// What is known of an object stands beside it: not every file system has
	// extended attributes.
	cmd := exec.Command(program, "--port", "127.0.0.1:"+s.port, "--quiet",
		"posix", "--sidecar", filepath.Join(s.dir, "about"), filepath.Join(s.dir, "objects"))
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+s.access, "ROOT_SECRET_KEY="+s.secret)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, &s.log, &s.log
	if err := pgtest.StartWithUs(cmd); err != nil {
		return err
	}
	s.process, s.ended = cmd.Process, make(chan struct{})
	ended := s.ended
	go func() { defer close(ended); _ = cmd.Wait() }()
	deadline := time.After(30 * time.Second)
	for {
		if resp, err := http.Get(s.endpoint()); err == nil {
			return resp.Body.Close()
		}
		select {
		case <-s.ended:
			return fmt.Errorf("versitygw ended: %s", &s.log)
		case <-deadline:
			return errors.New("versitygw does not answer")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// kill ends the server as a power cut does.
func (s *s3Server) kill() {
	_ = s.process.Kill() // it may have ended
	<-s.ended
}

func (s *s3Server) close() error {
	s.kill()
	return os.RemoveAll(s.dir)
}

func (s *s3Server) endpoint() string { return "http://127.0.0.1:" + s.port }

func (s *s3Server) account() *credentials.Credentials {
	return credentials.NewStaticV4(s.access, s.secret, "")
}

// bucket makes a bucket of the test's own.
func (s *s3Server) bucket(t testing.TB) S3Location {
	t.Helper()
	client, err := minio.New("127.0.0.1:"+s.port, &minio.Options{Creds: s.account(), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	name := "test-" + strings.ToLower(rand.Text()[:16])
	if err := client.MakeBucket(t.Context(), name, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	return S3Location{Endpoint: s.endpoint(), Region: "us-east-1", Bucket: name, Prefix: "some/where"}
}

// file is where the server keeps an object.
func (s *s3Server) file(l S3Location, key string) string {
	return filepath.Join(s.dir, "objects", l.Bucket, filepath.FromSlash(key))
}

func (s *s3Server) open(t testing.TB, l S3Location) *S3 {
	t.Helper()
	store, err := OpenS3(t.Context(), S3Config{S3Location: l, Credentials: s.account(), Temp: filepath.Join(t.TempDir(), "tmp")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

var _ io.Closer = (*S3)(nil)

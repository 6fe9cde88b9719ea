package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const aToken, anotherToken = "a-token-of-the-tests-1", "a-token-of-the-tests-2"

// Tokens come from a variable or a file, and whatever is wrong with them is said
// without them, before anything is opened.
func TestTokens(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, empty, short, spaced := file("good", aToken+"\nsecond line"), file("empty", "\n"+aToken), file("short", "too-short-secret"[:15]), file("spaced", "a token with spaces")
	data, credentials := filepath.Join(dir, "data"), filepath.Dir(file("mivaa_token", aToken))
	for _, test := range []struct {
		env  []string
		args []string
		want string
	}{
		{nil, []string{"--token-file", empty}, "the token is empty"},
		{nil, []string{"--token-file", short}, "shorter than 16 characters"},
		{nil, []string{"--token-file", spaced}, "a header cannot hold"},
		{nil, []string{"--token-file", filepath.Join(dir, "missing")}, "no such file"},
		{nil, []string{"--token-file", ""}, "the name of a file is missing"},
		{nil, []string{"--read-token-file", empty}, "--read-token-file"},
		{[]string{"MIVAA_TOKEN="}, nil, "MIVAA_TOKEN: the token is empty"},
		{[]string{"MIVAA_TOKEN=", "CREDENTIALS_DIRECTORY=" + credentials}, nil, "MIVAA_TOKEN: the token is empty"},
		{[]string{"MIVAA_READ_TOKEN=ätoken-of-the-tests"}, nil, "MIVAA_READ_TOKEN: the token has characters"},
		{[]string{"MIVAA_TOKEN=" + aToken}, []string{"--token-file", good}, "by --token-file or by MIVAA_TOKEN, not by both"},
		{[]string{"MIVAA_TOKEN=" + aToken, "MIVAA_TOKEN_FILE=" + good}, nil, "by MIVAA_TOKEN_FILE or by MIVAA_TOKEN, not by both"},
		{[]string{"MIVAA_READ_TOKEN=" + aToken}, []string{"--read-token-file", good}, "by --read-token-file or by MIVAA_READ_TOKEN, not by both"},
		{[]string{"MIVAA_READ_TOKEN=" + aToken}, []string{"--token-file", good}, "are the same"},
		{nil, []string{"--token", aToken}, "unknown flag"},
		{nil, []string{"--addr", "0.0.0.0:8000"}, "--addr 0.0.0.0:8000 can be reached from other machines, which needs a token"},
		{nil, []string{"--addr", ":8000"}, "needs a token"},
		{nil, []string{"--addr", "pdf.example:8000"}, "needs a token"},
		{nil, []string{"--cors-origin", "*"}, "--cors-origin * needs a token"},
		{nil, []string{"--cors-origin", "https://app.example/path"}, "--cors-origin: origin"},
		{nil, []string{"--trusted-proxy", "nginx"}, "--trusted-proxy nginx is neither"},
	} {
		_, errs, code := invoke(t, test.env, append([]string{"serve", "--data-dir", data}, test.args...)...)
		if code != exitUsage || !strings.Contains(errs, test.want) || strings.Contains(errs, "-token-of-the-tests") || strings.Contains(errs, "too-short") {
			t.Errorf("%v %v: exit %d: %s", test.env, test.args, code, errs)
		}
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("something was opened")
	}
}

func TestTokensAreRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("  "+aToken+" \r\n"), 0o604); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o604); err != nil { // whatever the umask
		t.Fatal(err)
	}
	var s accessSettings
	s.token.flag, s.readToken.flag = "token-file", "read-token-file"
	s.token.file.setEnv(path)
	s.proxies = []string{"10.0.0.7", "::1", "192.168.7.9/16"}
	env := map[string]string{"MIVAA_READ_TOKEN": anotherToken}
	errs := s.resolve(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	errs = append(errs, s.validate("0.0.0.0:8000")...)
	a := s.access()
	if len(errs) > 0 || a.Token != aToken || a.ReadToken != anotherToken {
		t.Errorf("%+v, %v", a, errs)
	}
	if len(a.Proxies) != 3 || a.Proxies[0].String() != "10.0.0.7/32" || a.Proxies[2].String() != "192.168.0.0/16" {
		t.Errorf("proxies are %v", a.Proxies)
	}
	if shared := s.shared(); len(shared) != 1 || shared[0] != path {
		t.Errorf("open to others: %v", shared)
	}
}

// Who listens beyond loopback asks for the token, and warns of a file that
// others can read; check says so too.
func TestServeBeyondLoopback(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte(aToken), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(token, 0o644); err != nil {
		t.Fatal(err)
	}
	out, _, _ := invoke(t, []string{"MIVAA_TOKEN_FILE=" + token}, "check", "--data-dir", filepath.Join(dir, "data"))
	if !strings.Contains(out, "warn  access") || !strings.Contains(out, "chmod 600 "+token) {
		t.Errorf("check: %s", out)
	}
	out, _, _ = invoke(t, []string{"MIVAA_ADDR=0.0.0.0:80"}, "check", "--data-dir", filepath.Join(dir, "data"))
	if !strings.Contains(out, "fail  access") || !strings.Contains(out, "needs a token") || strings.Contains(out, aToken) {
		t.Errorf("check: %s", out)
	}

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	log := &sharedBuffer{}
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"serve", "--addr", "0.0.0.0:0", "--workers", "0", "--token-file", token, "--data-dir", filepath.Join(dir, "data")}, nil, strings.NewReader(""), io.Discard, log)
	}()
	eventually(t, "ready", func() bool { return strings.Contains(log.String(), "Ready") })
	stop()
	<-done
	if !strings.Contains(log.String(), "others on this machine can read the token: chmod 600") || strings.Contains(log.String(), aToken) {
		t.Errorf("log:\n%s", log)
	}
}

// A socket that systemd hands over is used, and asks for a token where others
// reach it. It is handed to a process of its own.
func TestSocketHandedOver(t *testing.T) {
	if address := os.Getenv("TEST_HANDED_OVER"); address != "" {
		s := &serveSettings{addr: "127.0.0.1:1"}
		l, err := listen(t.Context(), s, func(name string) string {
			return map[string]string{"LISTEN_PID": strconv.Itoa(os.Getpid()), "LISTEN_FDS": os.Getenv("TEST_HANDED_OVER_FDS")}[name]
		})
		switch {
		case err != nil:
			t.Fatal(err)
		case l.Addr().String() != address:
			t.Fatalf("it listens on %s", l.Addr())
		}
		return
	}
	t.Parallel()
	for _, test := range []struct{ addr, fds, want string }{
		{"127.0.0.1:0", "1", ""},
		{"127.0.0.1:0", "2", "systemd handed over 2 sockets"},
		{"0.0.0.0:0", "1", "needs a token"},
	} {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", test.addr)
		if err != nil {
			t.Fatal(err)
		}
		file, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestSocketHandedOver$")
		cmd.Env = append(os.Environ(), "TEST_HANDED_OVER="+l.Addr().String(), "TEST_HANDED_OVER_FDS="+test.fds)
		cmd.ExtraFiles = []*os.File{file} // the first extra file is number 3
		out, err := cmd.CombinedOutput()
		cancel()
		file.Close()
		l.Close()
		if (err == nil) != (test.want == "") || !bytes.Contains(out, []byte(test.want)) {
			t.Errorf("%s, %s sockets: %v\n%s", test.addr, test.fds, err, out)
		}
	}
}

// A setting that the socket unit makes void is told of.
func TestAddressElsewhere(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		asked, at string
		want      bool
	}{
		{usualAddr, "127.0.0.1:9000", false}, // nobody asked
		{"127.0.0.1:7000", "127.0.0.1:8000", true},
		{"0.0.0.0:8000", "127.0.0.1:8000", true},
		{"0.0.0.0:8000", "[::]:8000", false},
		{"127.0.0.1:0", "127.0.0.1:41234", false},
		{"localhost:8000", "127.0.0.1:8000", false},
		{"0.0.0.0:8000", "/run/mivaa.sock", false},
	} {
		if got := elsewhere(tt.asked, tt.at); got != tt.want {
			t.Errorf("asked for %s, at %s: %v", tt.asked, tt.at, got)
		}
	}
}

// sharedBuffer is written and read by several goroutines.
type sharedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *sharedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *sharedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFreshClone gives the README's two commands in a clone of their own, on a
// machine that has Go, make and a POSIX shell and nothing else: no module, no
// compiled package, no home. It downloads and compiles everything, so it runs
// only when asked:
//
//	FRESH_CLONE=serve go test -v -run TestFreshClone ./e2e               # go run ./cmd/mivaa serve
//	FRESH_CLONE=all go test -v -run TestFreshClone -timeout 60m ./e2e    # and make test
func TestFreshClone(t *testing.T) {
	asked := os.Getenv("FRESH_CLONE")
	if asked == "" {
		t.Skip("SKIPPED: a fresh clone is not tried: it takes minutes; FRESH_CLONE=serve or all asks for it")
	}
	clone, env := cloneFresh(t), bareEnv(t)
	t.Run("go run ./cmd/mivaa serve", func(t *testing.T) { freshServe(t, clone, env) })
	if asked != "all" {
		t.Log("SKIPPED: make test; FRESH_CLONE=all asks for it")
		return
	}
	t.Run("make test", func(t *testing.T) {
		began := time.Now()
		cmd := exec.CommandContext(t.Context(), filepath.Join(strings.TrimPrefix(env[0], "PATH="), "make"), "test")
		cmd.Dir, cmd.Env = clone, env
		out, err := cmd.CombinedOutput()
		t.Logf("%v:\n%s", time.Since(began).Round(time.Second), out)
		if err != nil {
			t.Error(err)
		}
	})
}

// cloneFresh copies what a clone of the repository would have, with what is
// not committed yet.
func cloneFresh(t *testing.T) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-co", "--exclude-standard", "-z")
	list.Dir = ".."
	names, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join("..", name))
		if os.IsNotExist(err) {
			continue // deleted, and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(clone, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, info.Mode()); err != nil {
			t.Fatal(err)
		}
	}
	return clone
}

// bareEnv is the environment of a machine with nothing but Go, make and a
// shell; PATH comes first. Where modules are downloaded from is the machine's.
func bareEnv(t *testing.T) []string {
	t.Helper()
	bin, home := t.TempDir(), t.TempDir()
	for _, tool := range []string{"go", "make", "sh"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{
		"PATH=" + bin, "HOME=" + home, "GOFLAGS=-modcacherw",
		"GOMODCACHE=" + filepath.Join(home, "modules"), "GOCACHE=" + filepath.Join(home, "cache"), "GOPATH=" + filepath.Join(home, "go"),
	}
	for _, name := range []string{"GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GOINSECURE", "GOTOOLCHAIN"} {
		value, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(value)))
	}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if value := os.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// freshServe gives the first command, asks for health and a document, and stops
// it. Only the port is not the README's: that one may be taken.
func freshServe(t *testing.T, clone string, env []string) {
	began := time.Now()
	cmd := exec.CommandContext(t.Context(), filepath.Join(strings.TrimPrefix(env[0], "PATH="), "go"), "run", "./cmd/mivaa", "serve")
	cmd.Dir, cmd.Env = clone, slices.Concat(env, []string{"MIVAA_ADDR=127.0.0.1:0"})
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // go run and what it runs, as a terminal has them
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	running := true
	defer func() {
		if running {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			_ = cmd.Wait()
		}
	}()
	lines := bufio.NewScanner(stderr)
	var log bytes.Buffer
	until := func(pattern string) []string {
		re := regexp.MustCompile(pattern)
		for lines.Scan() {
			log.WriteString(lines.Text() + "\n")
			if found := re.FindStringSubmatch(lines.Text()); found != nil {
				return found
			}
		}
		t.Fatalf("ended without a line like %q:\n%s", pattern, &log)
		return nil
	}
	url := "http://" + until(`Ready.*addr=(\S+)`)[1]
	t.Logf("answers after %v", time.Since(began).Round(time.Second))
	for _, path := range []string{"/health", "/"} {
		if code := get(t, url+path); code != http.StatusOK {
			t.Errorf("%s answered %d", path, code)
		}
	}
	sample := filepath.Join(clone, "examples", "sample.pdf")
	extract := exec.CommandContext(t.Context(), cmd.Path, "run", "./cmd/mivaa", "extract", sample)
	extract.Dir, extract.Env = clone, env
	if out, err := extract.Output(); err != nil || !bytes.HasPrefix(out, []byte("# ")) {
		t.Errorf("extract of the sample: %v: %.200s", err, out)
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	until("SHUTDOWN COMPLETE")
	for lines.Scan() { // to the end: closing the pipe before it would be a fault of its own
	}
	running = false
	_ = cmd.Wait() // go run ends with 1 after SIGINT, whatever the program says
}

func get(t *testing.T, url string) (code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

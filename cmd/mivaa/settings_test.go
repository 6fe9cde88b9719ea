package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// invoke runs the program in this process.
func invoke(t *testing.T, env []string, args ...string) (out, errs string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, env, strings.NewReader(""), &o, &e)
	return o.String(), e.String(), code
}

// Everything that is wrong is said at once.
func TestSettingsReportEverything(t *testing.T) {
	t.Parallel()
	env := []string{"MIVAA_LEASE=soon", "MIVAA_PAGE_MEMORY=lots", "MIVAA_RECOVERY=perhaps", "MIVAA_NO_SUCH=1", "MIVAA_TOKEN=secret", "HOME=/"}
	out, errs, code := invoke(t, env, "serve")
	if code != exitUsage || out != "" {
		t.Errorf("exit %d, stdout %q", code, out)
	}
	for _, want := range []string{"MIVAA_LEASE", "MIVAA_PAGE_MEMORY", "MIVAA_RECOVERY", "unknown environment variable MIVAA_NO_SUCH", "MIVAA_TOKEN: the token is shorter than 16"} {
		if !strings.Contains(errs, want) {
			t.Errorf("nothing of %s in:\n%s", want, errs)
		}
	}
	if strings.Contains(errs, "secret") {
		t.Errorf("the token is told:\n%s", errs)
	}
	_, errs, code = invoke(t, nil, "serve", "--workers", "-1", "--addr", "0.0.0.0:80", "--max-pages", "0", "--drain", "-1s")
	if code != exitUsage {
		t.Errorf("exit %d", code)
	}
	for _, want := range []string{"--workers", "--addr", "--max-pages", "--drain"} {
		if !strings.Contains(errs, want) {
			t.Errorf("nothing of %s in:\n%s", want, errs)
		}
	}
}

// What would be opened in the wrong place, or under the wrong address, is
// refused before anything is opened.
func TestRefusedBeforeAnythingIsOpened(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	for _, test := range []struct {
		env  []string
		args []string
		want string
	}{
		{nil, []string{"serve", "--data-dir", "", "--addr", ""}, "the name of a folder is missing"},
		{[]string{"MIVAA_DATA_DIR="}, []string{"jobs", "list"}, "the name of a folder is missing"},
		{nil, []string{"documents", "list", "--data-dir="}, "the name of a folder is missing"},
		{nil, []string{"serve", "--data-dir", dir, "--addr", "localhost:18101x"}, "is not HOST:PORT"},
		{nil, []string{"serve", "--data-dir", dir, "--addr", "localhost"}, "is not HOST:PORT"},
		{nil, []string{"serve", "--data-dir", dir, "--addr", "127.0.0.1:70000"}, "is not HOST:PORT"},
		{nil, []string{"serve", "--data-dir", dir, "--addr", "127.0.0.1:"}, "is not HOST:PORT"},
		{[]string{"MIVAA_TOKEN=s3cret"}, []string{"serve", "--data-dir", dir}, "MIVAA_TOKEN: the token is shorter than 16"},
		{[]string{"MIVAA_READ_TOKEN=s3cret"}, []string{"serve", "--data-dir", dir}, "MIVAA_READ_TOKEN: the token is shorter than 16"},
	} {
		_, errs, code := invoke(t, test.env, test.args...)
		if code != exitUsage || !strings.Contains(errs, test.want) || strings.Contains(errs, "s3cret") {
			t.Errorf("%v %v: exit %d: %s", test.env, test.args, code, errs)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was opened: %v", err)
	}
	// Only what would answer requests has to do with tokens.
	if _, errs, _ := invoke(t, []string{"MIVAA_TOKEN=s3cret"}, "jobs", "list", "--data-dir", dir); strings.Contains(errs, "token") {
		t.Errorf("jobs list: %s", errs)
	}
}

// A data dir that is a file is said to be one.
func TestDataDirIsAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"serve --addr 127.0.0.1:0", "jobs list", "documents list", "migrate", "migrate status", "extract -"} {
		_, errs, code := invoke(t, nil, append(strings.Fields(command), "--data-dir", file)...)
		if code != exitUnavailable || !strings.Contains(errs, "it is a file") || !strings.Contains(errs, "hint: give the folder") {
			t.Errorf("%s: exit %d: %s", command, code, errs)
		}
	}
}

// A flag wins over its variable.
func TestFlagsWin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, errs, code := invoke(t, []string{"MIVAA_DATA_DIR=/nowhere"}, "jobs", "stats", "--data-dir", dir)
	if code != exitUnavailable || !strings.Contains(errs, dir) || strings.Contains(errs, "/nowhere") {
		t.Errorf("exit %d: %s", code, errs)
	}
	_, errs, _ = invoke(t, []string{"MIVAA_DATA_DIR=" + dir + "/env"}, "jobs", "stats")
	if !strings.Contains(errs, dir+"/env") {
		t.Errorf("the variable was not read: %s", errs)
	}
}

func TestUsageErrors(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"frobnicate"}, {"serve", "--no-such-flag"}, {"serve", "extra"}, {"extract"}, {"extract", "--format", "gif", "a.pdf"},
		{"extract", "--pages", "0", "a.pdf"}, {"extract", "-", "-"}, {"jobs", "show"},
	} {
		if _, errs, code := invoke(t, nil, args...); code != exitUsage || !strings.HasPrefix(errs, "error: ") {
			t.Errorf("mivaa %s: exit %d: %s", strings.Join(args, " "), code, errs)
		}
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	cases := []struct {
		err  error
		exit int
		code string
	}{
		{jobs.ErrNotFound, exitNotFound, "not_found"},
		{&jobs.MoveError{Status: jobs.Completed, Move: jobs.Restart}, exitState, "state"},
		{&jobs.StoreError{Op: "open x", Err: io.ErrUnexpectedEOF, Hint: "do this"}, exitUnavailable, "unavailable"},
		{fmt.Errorf("open: %w", jobs.ErrNewerSchema), exitUnavailable, "newer_schema"},
		{&pdf.Error{Code: pdf.CodePasswordWrong, Err: errors.New("no")}, exitRefused, "password_wrong"},
		{fmt.Errorf("x: %w", context.Canceled), exitInterrupted, "interrupted"},
		{usagef("no"), exitUsage, "usage"},
		{errors.New("boom"), exitFailure, "internal"},
	}
	for _, c := range cases {
		var errs bytes.Buffer
		console := &console{err: &errs, json: true}
		if got := console.exit(c.err); got != c.exit {
			t.Errorf("%v: exit %d, want %d", c.err, got, c.exit)
		}
		var said struct {
			Error struct{ Code, Message, Hint string }
		}
		if err := json.Unmarshal(errs.Bytes(), &said); err != nil || said.Error.Code != c.code || said.Error.Message == "" {
			t.Errorf("%v: said %s", c.err, errs.String())
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]size{"512MiB": 512 << 20, "1GiB": 1 << 30, "2000000": 2000000, "1 MB": 1000000} {
		var s size
		if err := s.Set(in); err != nil || s != want {
			t.Errorf("%q is %d, %v", in, s, err)
		}
	}
	for _, in := range []string{"", "lots", "-1", "1PiB1"} {
		var s size
		if err := s.Set(in); err == nil {
			t.Errorf("%q is taken for %d", in, s)
		}
	}
	if s := size(1 << 30); s.String() != "1.0GiB" {
		t.Errorf("1 GiB is written %q", s.String())
	}
}

// The script goes where results go.
func TestCompletionScript(t *testing.T) {
	t.Parallel()
	out, errs, code := invoke(t, nil, "completion", "bash")
	if code != exitOK || errs != "" || !strings.Contains(out, "mivaa") {
		t.Errorf("exit %d, %d bytes: %s", code, len(out), errs)
	}
}

// Every command and its help has what people look for.
func TestEveryCommandHasAnExample(t *testing.T) {
	t.Parallel()
	c := &console{}
	for _, cmd := range c.root().Commands() {
		if cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			if sub.Example == "" || sub.Short == "" {
				t.Errorf("%s has no example or no summary", sub.CommandPath())
			}
		}
	}
}

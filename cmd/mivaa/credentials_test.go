package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestCredentials(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"mivaa_token", "mivaa_database_url", "mivaa_read_token", "other"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"CREDENTIALS_DIRECTORY=" + dir, "MIVAA_DATABASE_URL=postgres://here", "MIVAA_READ_TOKEN_FILE=/elsewhere"}
	got := withCredentials(env)
	want := append(slices.Clone(env), "MIVAA_TOKEN_FILE="+filepath.Join(dir, "mivaa_token"))
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	// An empty variable is none, except where it is an error.
	env = []string{"CREDENTIALS_DIRECTORY=" + dir, "MIVAA_DATABASE_URL=", "MIVAA_READ_TOKEN=", "MIVAA_TOKEN="}
	want = append(slices.Clone(env), "MIVAA_DATABASE_URL_FILE="+filepath.Join(dir, "mivaa_database_url"))
	if got := withCredentials(env); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, env := range [][]string{nil, {"CREDENTIALS_DIRECTORY=/nowhere"}} {
		if got := withCredentials(env); !slices.Equal(got, env) {
			t.Errorf("%q became %q", env, got)
		}
	}
}

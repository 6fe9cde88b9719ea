package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestWebhookSettings(t *testing.T) {
	t.Parallel()
	const good, other = "whsec_" + "aGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8gaGU=", "whsec_" + "d29ybGQgd29ybGQgd29ybGQgd29ybGQgd29ybGQgd28="
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one, two := file("one", good+"\n", 0o600), file("two", good+"\n"+other+"\n", 0o604)
	bad := file("bad", "whsec_hunter2", 0o600)
	for _, c := range []struct {
		args []string
		env  map[string]string
		on   bool
		says string // of the error
	}{
		{nil, nil, false, ""},
		{[]string{"--webhook-allow-private"}, nil, false, ""},
		{[]string{"--webhook-secret-file", one}, nil, true, ""},
		{[]string{"--webhook-secret-file", two}, nil, true, ""},
		{nil, map[string]string{envWebhookSecret: good}, true, ""},
		{nil, map[string]string{envWebhookSecret: ""}, false, "empty"},
		{nil, map[string]string{envWebhookSecret: "hunter2"}, false, envWebhookSecret + ": it does not begin with whsec_"},
		{[]string{"--webhook-secret-file", one}, map[string]string{envWebhookSecret: good}, false, "not by both"},
		{[]string{"--webhook-secret-file", bad}, nil, false, bad},
		{[]string{"--webhook-secret-file", filepath.Join(dir, "none")}, nil, false, "no such file"},
		{[]string{"--webhook-secret-file", ""}, nil, false, "missing"},
	} {
		var s webhookSettings
		f := pflag.NewFlagSet("test", pflag.ContinueOnError)
		s.register(f)
		if err := f.Parse(c.args); err != nil {
			t.Fatal(err)
		}
		err := s.resolve(func(name string) (string, bool) { v, ok := c.env[name]; return v, ok })
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%v %v: %v, want %q", c.args, c.env, err, c.says)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the secret is told: %v", err)
		}
		if (s.keys != nil) != c.on || (s.callbacks() != nil) != c.on || s.callbacks() != nil && s.callbacks().Private != s.private {
			t.Errorf("%v %v: on %t, want %t", c.args, c.env, s.keys != nil, c.on)
		}
		if s.shared != (len(c.args) == 2 && c.args[1] == two) {
			t.Errorf("%v: readable by others %t", c.args, s.shared)
		}
	}
	// A wrong one is reported with everything else, and by its variable.
	_, errs, code := invoke(t, []string{"MIVAA_WEBHOOK_SECRET_FILE=" + bad}, "serve", "--workers", "-1")
	if code != exitUsage || !strings.Contains(errs, "MIVAA_WEBHOOK_SECRET_FILE") || !strings.Contains(errs, "--workers") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

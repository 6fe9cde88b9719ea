package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// settle gives settings of a store flags and an environment.
func settle(t *testing.T, env []string, args ...string) (*storeSettings, error) {
	t.Helper()
	s := &storeSettings{}
	cmd := &cobra.Command{Use: "mivaa"}
	s.register(cmd.Flags())
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	c := &console{env: env}
	return s, c.bind(cmd)
}

// Which of the ways to give a URL wins.
func TestDatabaseURL(t *testing.T) {
	t.Parallel()
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "url")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const secret = "postgres://u:s3cret@h/secret"
	for name, test := range map[string]struct {
		env  []string
		args []string
		want string
	}{
		"none":                          {nil, nil, ""},
		"flag":                          {nil, []string{"--database-url", "postgres://u@h/flag"}, "postgres://u@h/flag"},
		"variable":                      {[]string{"MIVAA_DATABASE_URL=" + secret}, nil, secret},
		"an empty variable":             {[]string{"MIVAA_DATABASE_URL="}, nil, ""},
		"flag over variable":            {[]string{"MIVAA_DATABASE_URL=" + secret}, []string{"--database-url", "postgres://u@h/flag"}, "postgres://u@h/flag"},
		"an empty flag over a variable": {[]string{"MIVAA_DATABASE_URL=" + secret, "MIVAA_SCHEMA=x"}, []string{"--database-url", ""}, ""},
		"file":                          {nil, []string{"--database-url-file", file(secret + "\nmore")}, secret},
		"file over variable":            {[]string{"MIVAA_DATABASE_URL=postgres://u:s3cret@h/other"}, []string{"--database-url-file", file(secret)}, secret},
		"file by variable":              {[]string{"MIVAA_DATABASE_URL_FILE=" + file(" "+secret+" \n")}, nil, secret},
	} {
		s, err := settle(t, test.env, test.args...)
		if err != nil || s.url != test.want {
			t.Errorf("%s: %q, %v, want %q", name, s.url, err, test.want)
		}
		if strings.Contains(s.where()+s.forTools()+s.database.url.String(), "s3cret") {
			t.Errorf("%s: the password is told: %s %s", name, s.where(), s.forTools())
		}
	}
}

// What is wrong with the settings of a store is told, all at once, and never
// with a secret in it.
func TestStoreSettingsRefused(t *testing.T) {
	t.Parallel()
	const flag = "holds a password, which everyone on this machine could read"
	for _, test := range []struct {
		env  []string
		args []string
		want []string
	}{
		{nil, []string{"--database-url", "postgres://u:s3cret@h/db"}, []string{"--database-url " + flag, "MIVAA_DATABASE_URL", "--database-url-file"}},
		{nil, []string{"--database-url", "postgres://u@h/db?PassWord=s3cret"}, []string{"--database-url " + flag}},
		{nil, []string{"--database-url", "postgres://u:s3%ZZcret@h/db"}, []string{"--database-url " + flag}},
		{nil, []string{"--database-url", "host=h password=s3cret"}, []string{"--database-url: it does not begin with postgres://"}},
		{[]string{"MIVAA_DATABASE_URL=mysql://u:s3cret@h/db"}, nil, []string{"MIVAA_DATABASE_URL: it does not begin with postgres://"}},
		{nil, []string{"--direct-url", "postgres://u:s3cret@h/db", "--schema", "x"}, []string{"--direct-url " + flag, "--schema is of the database of --database-url"}},
		{nil, []string{"--direct-url", "postgres://u@h/db"}, []string{"--direct-url stands beside --database-url"}},
		{nil, []string{"--blob-url", "db:"}, []string{"--blob-url db: is the database of --database-url"}},
		{nil, []string{"--blob-url", "s3://key:s3cret@bucket/x"}, []string{"--blob-url", "credentials come from the environment"}},
		{[]string{"MIVAA_BLOB_URL=ftp://h"}, nil, []string{"--blob-url"}},
		{[]string{"MIVAA_DATABASE_URL=postgres://u:s3cret@h/db", "MIVAA_DATABASE_URL_FILE=x"}, nil, []string{"set MIVAA_DATABASE_URL or MIVAA_DATABASE_URL_FILE, not both"}},
		{nil, []string{"--database-url", "postgres://u@h/db", "--database-url-file", "x"}, []string{"give --database-url or --database-url-file, not both"}},
		{nil, []string{"--database-url-file", "/no/such/file"}, []string{"--database-url-file: open /no/such/file"}},
		{nil, []string{"--database-url-file", os.DevNull}, []string{"the first line of", "is empty"}},
		{[]string{"MIVAA_NO_SUCH=1", "MIVAA_BLOB_URL=ftp://h"}, []string{"--direct-url", "x"}, []string{"MIVAA_NO_SUCH", "--direct-url", "--blob-url"}},
	} {
		s, err := settle(t, test.env, test.args...)
		if err == nil {
			t.Errorf("%v %v is taken: %q", test.env, test.args, s.url)
			continue
		}
		if known, ok := errors.AsType[*exitError](err); !ok || known.exit != exitUsage {
			t.Errorf("%v %v: not an error of usage: %v", test.env, test.args, err)
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v %v: nothing of %q in: %v", test.env, test.args, want, err)
			}
		}
		if strings.Contains(err.Error(), "s3") && strings.Contains(err.Error(), "cret") {
			t.Errorf("the password is told: %v", err)
		}
	}
}

// The program itself refuses a password on its command line, whatever the
// command, and a hint that repeats the command holds none of the environment's.
func TestPasswordIsNeverTold(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"serve", "jobs list", "documents list", "migrate", "check", "extract -", "backup x", "copy --from x"} {
		_, errs, code := invoke(t, nil, append(strings.Fields(command), "--database-url", "postgres://u:s3cret@h/db")...)
		if code != exitUsage || strings.Contains(errs, "s3cret") || !strings.Contains(errs, "--database-url holds a password") {
			t.Errorf("%s: exit %d: %s", command, code, errs)
		}
	}
	// Nobody listens on port 1.
	env := []string{"MIVAA_DATABASE_URL=postgres://u:s3cret@127.0.0.1:1/db?sslmode=disable", "MIVAA_DATA_DIR=" + t.TempDir()}
	for _, command := range []string{"serve --addr 127.0.0.1:0", "jobs list", "migrate", "jobs cancel --all --status pending --yes"} {
		out, errs, code := invoke(t, env, strings.Fields(command)...)
		if code != exitUnavailable || strings.Contains(out+errs, "s3cret") {
			t.Errorf("%s: exit %d: %s%s", command, code, out, errs)
		}
	}
	_, errs, code := invoke(t, env, "backup", "/backup/mivaa.dump")
	if code != exitUsage || strings.Contains(errs, "s3cret") || !strings.Contains(errs, "pg_dump --format=custom --file=/backup/mivaa.dump 'postgres://u@127.0.0.1:1/db?sslmode=disable'") {
		t.Errorf("backup: exit %d: %s", code, errs)
	}
}

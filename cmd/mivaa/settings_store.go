package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/pflag"

	"github.com/mivaa/mivaa/internal/blob"
)

// storeSettings say where everything is kept. Every command has them. The zero
// value, with a data dir, is the embedded store.
type storeSettings struct {
	dataDir  string
	database secretURL
	direct   secretURL
	schema   setting
	blobURL  setting

	// What resolve made of them.
	url, directURL string
	blobs          blob.Location // zero: the default
}

func (s *storeSettings) register(f *pflag.FlagSet) {
	s.dataDir = "./data"
	s.database.name, s.direct.name = "database-url", "direct-url"
	s.database.url.resolve = s.resolve
	f.Var((*folder)(&s.dataDir), "data-dir", "folder of the database, the source files and the locks, or of caches alone; created if missing")
	f.Var(&s.database.url, "database-url", "PostgreSQL that many machines share, as postgres://user@host:5432/database; a password in it only by the variable or a file")
	f.Var(&s.database.file, "database-url-file", "file with that URL on its first line")
	f.Var(&s.direct.url, "direct-url", "the same database without the pooler that --database-url leads through")
	f.Var(&s.direct.file, "direct-url-file", "file with that URL on its first line")
	f.Var(&s.schema, "schema", "schema of the tables in that database; created if missing. Default: the first of the role's search_path")
	f.Var(&s.blobURL, "blob-url", "where source files are kept: db:, file:///path or s3://bucket/prefix?endpoint=...&region=... Default: blobs/ in the data dir; with PostgreSQL db:")
}

// resolve reads files and checks what only makes sense together. It reports
// everything that is wrong, and never a URL that may hold a password.
func (s *storeSettings) resolve() []error {
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	var err error
	s.url, err = s.database.resolve()
	note(err)
	embedded := s.url == "" && err == nil
	s.directURL, err = s.direct.resolve()
	note(err)
	if embedded && !s.database.url.given { // not switched off by an empty flag either
		if s.directURL != "" {
			note(errors.New("--direct-url stands beside --database-url, which is not given"))
		}
		if s.schema.text != "" {
			note(errors.New("--schema is of the database of --database-url, which is not given"))
		}
	}
	if s.blobURL.text != "" {
		if s.blobs, err = blob.ParseURL(s.blobURL.text); err != nil {
			note(fmt.Errorf("--blob-url: %w", err))
		}
		if embedded && s.blobs.Database {
			note(errors.New("--blob-url db: is the database of --database-url, which is not given"))
		}
	}
	return errs
}

// shared reports whether the store is one that many machines share.
func (s *storeSettings) shared() bool { return s.url != "" }

// where names the store for people, without any secret.
func (s *storeSettings) where() string {
	if !s.shared() {
		return s.path()
	}
	u, err := url.Parse(s.url)
	if err != nil {
		return "PostgreSQL"
	}
	return "postgres://" + u.Host + u.Path
}

// forTools is the URL for programs of PostgreSQL's own: without its password, and
// without the parameters that only our driver knows.
func (s *storeSettings) forTools() string {
	u, err := url.Parse(s.url)
	if err != nil {
		return "$MIVAA_DATABASE_URL"
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	q := u.Query()
	for name := range q {
		if strings.HasPrefix(name, "pool_") || strings.Contains(name, "password") || strings.HasSuffix(name, "_capacity") || name == "default_query_exec_mode" {
			q.Del(name)
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// setting is a text, and where it came from.
type setting struct {
	text    string
	given   bool // as a flag
	env     bool // by the environment
	resolve func() []error
}

// String is what a hint repeats of the command: never what the environment says.
func (s *setting) String() string {
	if s.env {
		return ""
	}
	return s.text
}

func (s *setting) Type() string { return "string" }

// Set takes anything: an error of pflag would repeat it. Resolve refuses it.
func (s *setting) Set(v string) error {
	s.text, s.given, s.env = v, true, false
	return nil
}

// setEnv takes it from the environment, where no flag was given. An empty
// variable is none.
func (s *setting) setEnv(v string) { s.text, s.env = v, v != "" }

// secretURL is a URL that may hold a password: a flag (without one), a variable,
// or a file.
type secretURL struct {
	name      string // of the flag
	url, file setting
}

func (u *secretURL) resolve() (string, error) {
	switch {
	case u.url.given && u.file.given:
		return "", fmt.Errorf("give --%s or --%s-file, not both", u.name, u.name)
	case u.url.given:
		if err := checkURL(u.url.text); err != nil {
			return "", fmt.Errorf("--%s: %w", u.name, err)
		}
		if hasPassword(u.url.text) {
			return "", fmt.Errorf("--%s holds a password, which everyone on this machine could read (ps): give such a URL by %s or in a file by --%s-file", u.name, envName(u.name), u.name)
		}
		return u.url.text, nil
	case u.file.given:
		return u.read("--" + u.name + "-file")
	case u.url.env && u.file.env:
		return "", fmt.Errorf("set %s or %s_FILE, not both", envName(u.name), envName(u.name))
	case u.url.env:
		if err := checkURL(u.url.text); err != nil {
			return "", fmt.Errorf("%s: %w", envName(u.name), err)
		}
		return u.url.text, nil
	case u.file.env:
		return u.read(envName(u.name) + "_FILE")
	}
	return "", nil
}

func (u *secretURL) read(from string) (string, error) {
	line, err := firstLine(u.file.text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", from, err)
	}
	line = strings.TrimSpace(line)
	if line == "" {
		return "", fmt.Errorf("%s: the first line of %s is empty", from, u.file.text)
	}
	if err := checkURL(line); err != nil {
		return "", fmt.Errorf("%s: %w", from, err)
	}
	return line, nil
}

// checkURL refuses what is no URL of PostgreSQL, without repeating it. Empty is
// none.
func checkURL(text string) error {
	if text == "" || strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		return nil
	}
	return errors.New("it does not begin with postgres://, as in postgres://user@host:5432/database?sslmode=verify-full")
}

// hasPassword reports whether a URL may hold a password. It does not parse it:
// what cannot be parsed may hold one, too.
func hasPassword(text string) bool {
	_, rest, _ := strings.Cut(text, "://")
	if at := strings.LastIndex(rest, "@"); at >= 0 && strings.Contains(rest[:at], ":") {
		return true
	}
	_, query, _ := strings.Cut(rest, "?")
	return strings.Contains(strings.ToLower(query), "password")
}

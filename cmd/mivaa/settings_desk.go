package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/mivaa/mivaa/client"
)

// deskSettings say where a command works: on a store or, given the URL of a
// service, there.
type deskSettings struct {
	storeSettings
	serviceSettings
}

func (s *deskSettings) register(f *pflag.FlagSet) {
	s.storeSettings.register(f)
	s.serviceSettings.register(f)
}

// service is the service that a command is to work on, nil for the store. A
// store that is named by a flag is meant, whatever the environment says of a
// service.
func (s *deskSettings) service(c *console) (*client.Client, error) {
	named := c.namedStore()
	switch {
	case s.server.given && named != "":
		return nil, usagef("give --server or --%s, not both", named)
	case s.server.text == "" || named != "" && s.server.env:
		return nil, nil //nolint:nilnil // none is an answer
	}
	return s.client(c)
}

// namedStore is the flag that names a store, "" where none was given.
func (c *console) namedStore() string {
	named := ""
	for _, flag := range []string{"data-dir", "database-url", "database-url-file"} {
		if c.flags[flag] {
			named = flag
		}
	}
	return named
}

// serviceSettings say which service, and what it is shown.
type serviceSettings struct {
	server, tokenFile setting
}

func (s *serviceSettings) register(f *pflag.FlagSet) {
	s.server.resolve = s.resolve
	f.Var(&s.server, "server", "URL of a running service to work on, in place of a store: http://127.0.0.1:8000")
	f.Var(&s.tokenFile, "token-file", "file with the service's token on its first line; or MIVAA_TOKEN")
}

func (s *serviceSettings) resolve() []error {
	if s.server.text == "" {
		return nil
	}
	u, err := url.Parse(s.server.text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return []error{errors.New("--server must be the URL of a service, such as http://127.0.0.1:8000")}
	}
	if u.User != nil {
		return []error{errors.New("--server holds a user: give a token by MIVAA_TOKEN or --token-file")}
	}
	return nil
}

// shortPatience is how long a command tries again before it says that there is
// no service: a person waits.
const shortPatience = 3 * time.Second

func (s *serviceSettings) client(c *console) (*client.Client, error) {
	token, err := s.token(c)
	if err != nil {
		return nil, err
	}
	return &client.Client{
		URL: s.server.text, Token: token, HTTPClient: serviceHTTP(), UserAgent: "mivaa/" + version(), Patience: shortPatience,
	}, nil
}

func (s *serviceSettings) token(c *console) (string, error) {
	inEnv := c.environ("MIVAA_TOKEN")
	switch {
	case s.tokenFile.text == "":
		return inEnv, nil
	case s.tokenFile.env && inEnv != "":
		return "", usagef("set MIVAA_TOKEN or MIVAA_TOKEN_FILE, not both")
	}
	line, err := firstLine(s.tokenFile.text)
	if err != nil {
		return "", usagef("--token-file: %w", err)
	}
	if line = strings.TrimSpace(line); line == "" {
		return "", usage(fmt.Errorf("--token-file: the first line of %s is empty", s.tokenFile.text))
	}
	return line, nil
}

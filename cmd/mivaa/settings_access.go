package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/pflag"

	"github.com/mivaa/mivaa/internal/api"
)

// accessSettings say who may call the API.
type accessSettings struct {
	token     tokenSetting
	readToken tokenSetting
	proxies   []string
	origins   []string

	trusted []netip.Prefix // proxies, once resolved
}

// register adds the flags. The tokens are read with the settings of the stores,
// when lookup finds the variables.
func (s *accessSettings) register(f *pflag.FlagSet, lookup func(string) (string, bool)) {
	s.token.file.resolve = func() []error { return s.resolve(lookup) }
	s.token.register(f, "token-file", "file with a token on its first line: whoever shows it may do everything; or set MIVAA_TOKEN")
	s.readToken.register(f, "read-token-file", "file with a token on its first line: whoever shows it may read; or set MIVAA_READ_TOKEN")
	f.StringSliceVar(&s.proxies, "trusted-proxy", nil, "addresses or networks of reverse proxies, whose X-Forwarded-For and X-Forwarded-Proto are believed")
	f.StringSliceVar(&s.origins, "cors-origin", nil, `other sites whose pages may call the API, as https://app.example; "*": every site, by a token`)
}

// resolve reads the tokens.
func (s *accessSettings) resolve(lookup func(string) (string, bool)) (errs []error) {
	for _, t := range []*tokenSetting{&s.token, &s.readToken} {
		if err := t.resolve(lookup); err != nil {
			errs = append(errs, err)
		}
	}
	if s.token.text != "" && s.token.text == s.readToken.text {
		errs = append(errs, errors.New("the token to operate and the token to read are the same: whoever may read could do everything"))
	}
	return errs
}

// validate checks what makes sense only together with the tokens, and with the
// address to listen on.
func (s *accessSettings) validate(addr string) (errs []error) {
	if s.open() && addr != "" && !loopback(addr) && validAddr(addr) == nil {
		errs = append(errs, fmt.Errorf("--addr %s can be reached from other machines, which needs a token: write one into a file (openssl rand -hex 32) and give it with --token-file, or set MIVAA_TOKEN; or listen on 127.0.0.1", clean(addr)))
	}
	s.trusted = nil
	for _, text := range s.proxies {
		network, err := parseNetwork(text)
		if err != nil {
			errs = append(errs, err)
		}
		s.trusted = append(s.trusted, network)
	}
	for _, origin := range s.origins {
		if err := api.CheckOrigin(origin); err != nil {
			errs = append(errs, fmt.Errorf("--cors-origin: %w", err))
		} else if origin == "*" && s.open() {
			errs = append(errs, errors.New("--cors-origin * needs a token: every page that somebody looks at on this machine could do everything"))
		}
	}
	return errs
}

// open reports whether everybody who reaches the service may do everything.
func (s *accessSettings) open() bool { return s.token.text == "" && s.readToken.text == "" }

func (s *accessSettings) access() api.Access {
	return api.Access{Token: s.token.text, ReadToken: s.readToken.text, Proxies: s.trusted, Origins: s.origins}
}

// shared are the files of tokens that others than their owner can read.
func (s *accessSettings) shared() (files []string) {
	for _, t := range []*tokenSetting{&s.token, &s.readToken} {
		if t.shared {
			files = append(files, t.file.text)
		}
	}
	return files
}

// parseNetwork reads an address, or a network such as 10.0.0.0/8.
func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.Unmap().WithZone("")
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return network, fmt.Errorf("--trusted-proxy %s is neither an address nor a network such as 10.0.0.0/8", clean(text))
	}
	return network.Masked(), nil
}

// tokenSetting is a token: a variable, or the first line of a file. It has no
// flag of its own: everyone on the machine could read it (ps).
type tokenSetting struct {
	flag string // that names the file
	file setting

	text   string // the token, once resolved
	shared bool   // others can read the file
}

func (t *tokenSetting) register(f *pflag.FlagSet, flag, usage string) {
	t.flag = flag
	f.Var(&t.file, flag, usage)
}

// resolve reads the token, or says what is wrong: never the token itself.
func (t *tokenSetting) resolve(lookup func(string) (string, bool)) error {
	variable := envName(strings.TrimSuffix(t.flag, "-file"))
	value, set := lookup(variable)
	from := "--" + t.flag
	if t.file.env {
		from = envName(t.flag)
	}
	switch {
	case set && t.file.text != "":
		return fmt.Errorf("give the token by %s or by %s, not by both", from, variable)
	case set:
		if err := api.CheckToken(value); err != nil {
			return fmt.Errorf("%s: %w", variable, err)
		}
		t.text = value
	case t.file.text != "":
		return t.read(from)
	case t.file.given:
		return fmt.Errorf("%s: the name of a file is missing", from)
	}
	return nil
}

func (t *tokenSetting) read(from string) error {
	data, mode, err := readSmall(t.file.text)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	if err := api.CheckToken(strings.TrimSpace(line)); err != nil {
		return fmt.Errorf("%s: first line of %s: %w", from, t.file.text, err)
	}
	t.text, t.shared = strings.TrimSpace(line), tooOpen(mode&0o007) // a group may be the service's own
	return nil
}

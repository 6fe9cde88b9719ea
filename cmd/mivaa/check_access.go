package main

import (
	"cmp"
	"context"
	"errors"
	"strings"
)

// access looks at the tokens as the service would, as far as the environment
// says: flags are the service's own.
func (k *checker) access(context.Context) finding {
	var s accessSettings
	s.token.flag, s.readToken.flag = "token-file", "read-token-file"
	for _, t := range []*tokenSetting{&s.token, &s.readToken} {
		if file, set := k.lookup(envName(t.flag)); set {
			t.file.setEnv(file)
		}
	}
	addr, _ := k.lookup(envName("addr"))
	errs := s.resolve(k.lookup)
	if len(errs) == 0 {
		errs = s.validate(cmp.Or(addr, "127.0.0.1:8000"))
	}
	if len(errs) > 0 {
		return finding{
			Check: "access", State: stateFail, Detail: strings.ReplaceAll(errors.Join(errs...).Error(), "\n", "; "),
			Hint: "mend it: mivaa serve refuses to start",
		}
	}
	if files := s.shared(); len(files) > 0 {
		return finding{
			Check: "access", State: stateWarn, Detail: "others on this machine can read " + strings.Join(files, " and "),
			Hint: "chmod 600 " + quote(files[0]),
		}
	}
	switch {
	case s.open():
		return ok("access", "no token in the environment: without --token-file the service listens on loopback alone, and whoever is on this machine may do everything")
	case s.readToken.text == "":
		return ok("access", "a token to do everything, none to read")
	case s.token.text == "":
		return ok("access", "a token to read, none to do everything: nobody can upload")
	}
	return ok("access", "a token to do everything, and one to read")
}

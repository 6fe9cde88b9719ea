//go:build linux

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestHost is a machine of its own and what its operator does there, to the
// letter of README.md and docs: from a clone to a document, deploys, a backup
// and its restoration, trouble. Its parts follow each other.
func TestHost(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	t.Parallel() // with tests of elsewhere: its own parts are in order
	h := newHost(t)
	if !t.Run("Install", func(t *testing.T) { h.of(t).readme() }) {
		return
	}
	t.Run("Docs", func(t *testing.T) { h.of(t).operates() })
	t.Run("Deploy", func(t *testing.T) { h.of(t).deploys() })
}

// host is the service on a machine of its own, and who operates it there.
type host struct {
	*lab
	t *testing.T
}

// of is the host for a part of the test.
func (h host) of(t *testing.T) host { return host{h.lab.of(t), t} }

// long is how many pages take longer than what is done meanwhile.
const long = 4000

// newHost is a systemd on a machine that has Go, with this tree where the README
// clones it from. What modules and compiled packages the machine has are there.
func newHost(t *testing.T) host {
	t.Helper()
	for _, program := range []string{"git", "make", "jq", "curl", "rsync", "sqlite3"} {
		needs(t, program)
	}
	h := host{lab: newLab(t, goEnv(t, "GOROOT")+":/opt/go", goEnv(t, "GOMODCACHE")+":/opt/modules", goEnv(t, "GOCACHE")+":/opt/cache")}.of(t)
	origin := filepath.Join(h.state, "share", "origin")
	if err := os.Rename(cloneFresh(t), origin); err != nil {
		t.Fatal(err)
	}
	h.in("sh", "-ec", `cd /share/origin; git init -q -b main .; git add -A; git -c user.name=e2e -c user.email=e2e@localhost commit -q -m tree`)
	// There is nobody but root inside, and no network to install from.
	h.program("sudo", `[ "$1" != -u ] || exec setpriv --reuid "$2" --regid "$2" --init-groups -- "${@:3}"; exec "$@"`)
	h.program("apt-get", `for package; do case $package in install | -y) ;; *) command -v "$package" || exit 100 ;; esac; done`)
	return h
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// program puts a shell script on the inside's PATH.
func (h host) program(name, script string) {
	h.t.Helper()
	h.in("install", "-m", "0755", h.share(name, []byte("#!/bin/bash\n"+script+"\n")), "/usr/local/bin/"+name)
}

// operator is the environment of a shell inside: what the pages say is set, and
// what a machine with a network would not need.
const operator = `export HOME=/root PATH=/usr/local/bin:$PATH:/opt/go/bin MIVAA_SERVER=` + labURL + `
export GOMODCACHE=/opt/modules GOCACHE=/opt/cache GOPROXY=off GOTOOLCHAIN=local GOFLAGS=-buildvcs=false
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=url./share/origin.insteadOf GIT_CONFIG_VALUE_0=https://github.com/mivaa/mivaa
cd
`

// docBlock returns the nth block of a language under a heading of a page.
func docBlock(t testing.TB, page, heading, language string, n int) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", page))
	if err != nil {
		t.Fatal(err)
	}
	section := regexp.MustCompile(`(?ms)^(#+) ` + regexp.QuoteMeta(heading) + `\n(.*?)(\z|^#+ )`).FindSubmatch(text)
	if section == nil {
		t.Fatalf("%s has no heading %q", page, heading)
	}
	blocks := regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllSubmatch(section[2], -1)
	if n >= len(blocks) {
		t.Fatalf("%s: %d blocks of %s under %q, want number %d", page, len(blocks), language, heading, n+1)
	}
	return string(blocks[n][1])
}

// readme gives the commands of the README, from a clone to a document that a
// system service extracted.
func (h host) readme() {
	commands := docBlock(h.t, "README.md", "As a system service", "sh", 0)
	out := h.in("bash", "-euo", "pipefail", h.share("commands", []byte(operator+commands)))
	h.t.Log(out)
	if !strings.Contains(out, "# Work That Survives") {
		h.t.Errorf("the document did not come out:\n%s", out)
	}
	if got := h.show("ActiveState") + " " + h.show("User") + " " + h.show("UnitFileState"); got != "active mivaa enabled" {
		h.t.Errorf("the service is %s", got)
	}
}

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
	l := newHost(t)
	if !t.Run("Install", func(t *testing.T) { l.of(t).readme() }) {
		return
	}
	t.Run("Deploy", func(t *testing.T) { l.of(t).deploys() })
}

// newHost is a systemd on a machine that has Go, with this tree where the README
// clones it from. What modules and compiled packages the machine has are there.
func newHost(t *testing.T) *lab {
	t.Helper()
	for _, program := range []string{"git", "make", "jq", "curl"} {
		needs(t, program)
	}
	l := newLab(t, goEnv(t, "GOROOT")+":/opt/go", goEnv(t, "GOMODCACHE")+":/opt/modules", goEnv(t, "GOCACHE")+":/opt/cache")
	origin := filepath.Join(l.state, "share", "origin")
	if err := os.Rename(cloneFresh(t), origin); err != nil {
		t.Fatal(err)
	}
	l.in("sh", "-ec", `cd /share/origin; git init -q -b main .; git add -A; git -c user.name=e2e -c user.email=e2e@localhost commit -q -m tree`)
	// There is nobody but root inside, and no network to install from.
	l.program("sudo", `[ "$1" != -u ] || exec runuser -u "$2" -- "${@:3}"; exec "$@"`)
	l.program("apt-get", `for package; do case $package in install | -y) ;; *) command -v "$package" || exit 100 ;; esac; done`)
	return l
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
func (l *lab) program(name, script string) {
	l.t.Helper()
	l.in("install", "-m", "0755", l.share(name, []byte("#!/bin/bash\n"+script+"\n")), "/usr/local/bin/"+name)
}

// shell runs commands as an operator's shell does, in an empty home, and returns
// what they printed. They have to succeed.
func (l *lab) shell(commands string) string {
	l.t.Helper()
	const environment = `export HOME=/root PATH=/usr/local/bin:$PATH:/opt/go/bin
export GOMODCACHE=/opt/modules GOCACHE=/opt/cache GOPROXY=off GOTOOLCHAIN=local GOFLAGS=-buildvcs=false
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=url./share/origin.insteadOf GIT_CONFIG_VALUE_0=https://github.com/mivaa/mivaa
cd
`
	return l.in("bash", "-euo", "pipefail", l.share("commands", []byte(environment+commands)))
}

// docCommands returns the first shell commands under a heading of a page.
func docCommands(t testing.TB, page, heading string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", page))
	if err != nil {
		t.Fatal(err)
	}
	under := regexp.MustCompile(`(?m)^#+ ` + regexp.QuoteMeta(heading) + `$`).FindIndex(text)
	if under == nil {
		t.Fatalf("%s has no heading %q", page, heading)
	}
	block := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindSubmatch(text[under[1]:])
	if block == nil {
		t.Fatalf("%s: no commands under %q", page, heading)
	}
	return string(block[1])
}

// readme gives the commands of the README, from a clone to a document that a
// system service extracted.
func (l *lab) readme() {
	out := l.shell(docCommands(l.t, "README.md", "As a system service"))
	l.t.Log(out)
	if !strings.Contains(out, "# Work That Survives") {
		l.t.Errorf("the document did not come out:\n%s", out)
	}
	if got := l.show("ActiveState") + " " + l.show("User") + " " + l.show("UnitFileState"); got != "active mivaa enabled" {
		l.t.Errorf("the service is %s", got)
	}
}

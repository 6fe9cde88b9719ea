package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/extract"
)

// TestSlips: what was meant is said once, as a hint, and as an object to who
// asked for one.
func TestSlips(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("jobz").exits(exitUsage).warns(`unknown command "jobz" for "mivaa"`+"\n", "hint: did you mean mivaa jobs?")
	w.run("bogusbogus").exits(exitUsage).warns("hint: see --help")
	w.run("help", "nosuch").exits(exitUsage).warns(`no help on "nosuch"`, "hint: mivaa help lists")
	w.run("completion", "bosh").exits(exitUsage).warns("did you mean mivaa completion bash?")
	w.run("submit", t.TempDir()).exits(exitUsage).warns("is a folder: give the files in it")
	for _, args := range []string{"--json jobz", "jobs list --bogus --json", "--json help nosuch"} {
		var said struct {
			Error struct{ Code, Message, Hint string }
		}
		a := w.run(strings.Fields(args)...).exits(exitUsage)
		if err := json.Unmarshal([]byte(a.err), &said); err != nil || said.Error.Code != "usage" || said.Error.Hint == "" || a.out != "" {
			t.Errorf("%s: %v: %s", args, err, a.err)
		}
	}
}

// TestHelpNamesWhatIsRead: whoever has a scan learns that it is a document, what
// becomes of its text, and where it is said that there is none.
func TestHelpNamesWhatIsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for command, words := range map[string][]string{
		"submit": {"PNGs, JPEGs and TIFFs", "recognised where", "--ocr", "need it and got none"}, "mcp": {"PNGs, JPEGs and TIFFs", "which need it"},
		"extract": {"PNGs, JPEGs and TIFFs", "recognised where", "--ocr", "need it and got none", "needs_ocr"},
	} {
		w.run(command, "--help").exits(exitOK).says(words...)
	}
}

// TestHelpOfWait: the word means a time in two commands and none in a third, and
// what is left out means another thing in each.
func TestHelpOfWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for command, says := range map[string]string{
		"submit": "It takes no time", "drain": "Without it the command ends at once", "jobs watch": "Without it the watching",
	} {
		w.run(append(strings.Fields(command), "--help")...).exits(exitOK).says("--wait", says)
	}
	w.run("submit", "--wait", "5m", "a.pdf").exits(exitUsage).warns("there is no file 5m", "write --wait --timeout 5m")
}

// TestWrongFlags: all that are wrong are told at once, by name or by value.
func TestWrongFlags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("jobs", "list", "--status", "bogus", "--nope", "--limit=x", "--nor=this").exits(exitUsage).
		warns(`"bogus" is none of`, `"x" for`, "unknown flag: --nope", "unknown flag: --nor", "hint: see --help")
	w.run("--json", "jobs", "list", "--status", "bogus", "--limit").exits(exitUsage).warns("is none of", "needs an argument: --limit")
	for line, says := range map[string]string{
		"jobs list -z": "unknown shorthand flag: 'z' in -z", "jobs list --limit": "needs an argument", "jobs list --=x": "bad flag syntax: --=x",
		"jobs list --nope --help --limit x": "unknown flag: --nope",
	} {
		a := w.run(strings.Fields(line)...).exits(exitUsage)
		if strings.Count(a.err, says) != 1 {
			t.Errorf("%s: %s", line, a.err)
		}
	}
}

// TestHelpTopics: they tell of every format, and of a variable what it does for
// the service where it does something there.
func TestHelpTopics(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	formats := w.run("help", "formats").exits(exitOK)
	for _, f := range extract.Formats() {
		formats.says("  " + string(f) + " ")
	}
	help := w.run("help", "environment").exits(exitOK)
	help.says("MIVAA_RECOVERY               of interrupted jobs: auto", "MIVAA_TOKEN_FILE             file with a token on its first line: whoever")
}

package main

import (
	"bytes"
	"strings"
	"testing"
)

// What systemd says is for people; a service that does not run does nothing.
func TestTellUnit(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := &console{out: &out}
	for _, u := range []unitState{
		{Active: "active", Status: "no job in work", MainPID: "212", Memory: "104857600"},
		{Active: "inactive", Status: "Stopping: no job in work", MainPID: "0", Memory: "[not set]"},
	} {
		if err := c.tellUnit(u); err != nil {
			t.Fatal(err)
		}
	}
	running, stopped, _ := strings.Cut(out.String(), "inactive")
	if !strings.Contains(running, "100 MiB") || !strings.Contains(running, "no job in work") {
		t.Errorf("of one that runs:\n%s", running)
	}
	for _, word := range []string{"Doing", "Process", "Memory"} {
		if strings.Contains(stopped, word) {
			t.Errorf("of one that does not:\n%s", stopped)
		}
	}
}

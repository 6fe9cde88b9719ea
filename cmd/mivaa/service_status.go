package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"github.com/mivaa/mivaa/deploy"
)

// unitState is what systemd says of the service.
type unitState struct {
	Unit       string `json:"unit"`
	Load       string `json:"load_state"`   // loaded, not-found
	Active     string `json:"active_state"` // active, inactive, failed, activating, deactivating
	Sub        string `json:"sub_state"`
	Result     string `json:"result"` // of the last run: success, timeout, watchdog, oom-kill
	Status     string `json:"status_text"`
	Since      string `json:"since"`
	Restarts   string `json:"restarts"` // since it was last started by hand
	MainPID    string `json:"main_pid"`
	Memory     string `json:"memory_bytes"`
	SocketWait string `json:"socket_state"`
}

func (c *console) serviceStatus(ctx context.Context) error {
	u, err := showUnit(ctx)
	if err != nil {
		return err
	}
	if err := c.tellUnit(u); err != nil {
		return err
	}
	switch {
	case u.Load == "not-found":
		return &exitError{exit: exitNotFound, code: "not_installed", err: errors.New("the service is not installed"), hint: "sudo mivaa service install"}
	case u.Active != "active":
		return &exitError{exit: exitFailure, code: "not_active", err: fmt.Errorf("the service is %s (%s)", u.Active, u.Result), hint: "journalctl -u " + deploy.Unit + " -n 50; sudo systemctl reset-failed " + deploy.Unit + " && sudo systemctl start " + deploy.Unit}
	}
	return nil
}

func (c *console) tellUnit(u unitState) error {
	if c.json {
		return c.printJSON(u)
	}
	if u.MainPID == "0" { // none: what it was doing at its end, it no longer does
		u.Status, u.MainPID = "", ""
	}
	for _, line := range [][2]string{
		{"Unit", u.Unit}, {"State", u.Active + " (" + u.Sub + ")"}, {"Doing", u.Status}, {"Since", u.Since}, {"Last result", u.Result},
		{"Restarts", u.Restarts}, {"Process", u.MainPID}, {"Memory", readable(u.Memory)}, {"Socket", u.SocketWait},
	} {
		if line[1] == "" {
			continue
		}
		if _, err := fmt.Fprintf(c.out, "%-12s %s\n", line[0], clean(line[1])); err != nil {
			return err
		}
	}
	return nil
}

// readable is a number of bytes as people read it; what is none, such as
// "[not set]" of a service that does not run, is not shown.
func readable(bytes string) string {
	n, err := strconv.ParseInt(bytes, 10, 64)
	if err != nil || n < 0 {
		return ""
	}
	return sizeOf(n)
}

func showUnit(ctx context.Context) (unitState, error) {
	show := func(unit, properties string) (map[string]string, error) {
		out, err := exec.CommandContext(ctx, "systemctl", "show", unit, "--property="+properties).Output()
		if err != nil {
			return nil, &exitError{exit: exitUnavailable, code: "unavailable", err: fmt.Errorf("ask systemd: %w", err), hint: "is systemd running on this machine?"}
		}
		values := map[string]string{}
		for line := range strings.Lines(string(out)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			values[name] = value
		}
		return values, nil
	}
	v, err := show(deploy.Unit+".service", "LoadState,ActiveState,SubState,Result,StatusText,ActiveEnterTimestamp,NRestarts,MainPID,MemoryCurrent")
	if err != nil {
		return unitState{}, err
	}
	socket, err := show(deploy.Unit+".socket", "ActiveState,SubState")
	if err != nil {
		return unitState{}, err
	}
	return unitState{
		Unit: deploy.Unit + ".service", Load: v["LoadState"], Active: v["ActiveState"], Sub: v["SubState"], Result: v["Result"], Status: v["StatusText"],
		Since: v["ActiveEnterTimestamp"], Restarts: v["NRestarts"], MainPID: v["MainPID"], Memory: v["MemoryCurrent"], SocketWait: socket["SubState"],
	}, nil
}

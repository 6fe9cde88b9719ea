package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/internal/api"
)

func (c *console) healthCommand() *cobra.Command {
	var addr string
	cmd := &cobra.Command{
		Use: "health", GroupID: groupOperate, Args: cobra.NoArgs,
		Short: "Ask the service on this machine how it is",
		Long: `Ask the service that listens on --addr how it is: what a container's health check runs.

It exits with 0 when the service is ready for work, with 1 when it is not, and
with 6 when nothing answers.`,
		Example: "  mivaa health\n  mivaa health --addr 127.0.0.1:9000 --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), healthTimeout)
			defer cancel()
			return c.health(ctx, addr)
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:8000", "address that the service listens on")
	return cmd
}

const healthTimeout = 4 * time.Second

func (c *console) health(ctx context.Context, addr string) error {
	h, err := askHealth(ctx, addr)
	if err != nil {
		return &exitError{exit: exitUnavailable, code: "unavailable", err: fmt.Errorf("ask %s: %w", clean(addr), err), hint: "is the service running? mivaa serve starts it"}
	}
	if err := c.tellHealth(h); err != nil {
		return err
	}
	if h.Status != "healthy" && h.Status != "degraded" {
		return &exitError{exit: exitFailure, code: "not_ready", err: errors.New("the service is " + h.Status)}
	}
	return nil
}

func (c *console) tellHealth(h api.Health) error {
	if c.json {
		return c.printJSON(h)
	}
	if _, err := fmt.Fprintln(c.out, h.Status); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(h.Components)) {
		if part := h.Components[name]; part.Detail != "" {
			if _, err := fmt.Fprintf(c.out, "%s: %s\n", name, clean(part.Detail)); err != nil {
				return err
			}
		}
	}
	return nil
}

// askHealth asks a service that listens on an address, from the same machine.
func askHealth(ctx context.Context, addr string) (h api.Health, err error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return h, err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/health/ready", nil)
	if err != nil {
		return h, err
	}
	// Whatever proxy the environment names, this machine is not behind it.
	resp, err := (&http.Client{Transport: &http.Transport{}}).Do(req)
	if err != nil {
		return h, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&h); err != nil || h.Status == "" {
		return h, fmt.Errorf("it answers with %s, which is not the service", resp.Status)
	}
	return h, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/client"
)

// mcpSettings are all that the mcp command can be told.
type mcpSettings struct {
	desk     deskSettings
	work     workSettings
	doWork   bool
	readOnly bool
	root     string
}

func (c *console) mcpCommand() *cobra.Command {
	var s mcpSettings
	cmd := &cobra.Command{
		Use: "mcp", GroupID: groupWork, Args: takes(cobra.NoArgs),
		Short: "Serve an assistant over standard input and output (MCP)",
		Long: `Serve an assistant by the Model Context Protocol over standard input and output:
it can submit PDFs, PNGs, JPEGs and TIFFs by their path, ask how jobs stand, read
pages and chunks, and, unless --read-only, cancel and resume jobs. Of pages that are
pictures it is told which were recognised and which need it. Assistants start this
command themselves; it ends when they close its input.

On a store it only keeps what is submitted: a running mivaa serve on the same store
reads it, or this process with --work. With --server everything happens there.`,
		Example: `  mivaa mcp --server http://127.0.0.1:8000
  mivaa mcp --data-dir ~/pdfs --work --root ~/Documents
  claude mcp add pdf -- mivaa mcp --work`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if errs := s.work.validate(); len(errs) > 0 {
				return usage(errors.Join(errs...))
			}
			ctx, stop := stoppable(cmd.Context())
			defer stop()
			return c.mcp(ctx, &s)
		},
	}
	f := cmd.Flags()
	s.desk.register(f)
	s.work.register(f)
	s.work.workers = 1
	f.BoolVar(&s.doWork, "work", false, "read what is submitted in this process, where no service runs on the store")
	f.BoolVar(&s.readOnly, "read-only", false, "offer nothing that submits, cancels or resumes")
	f.StringVar(&s.root, "root", "", "submit only files below this folder. Default: any file that this user can read")
	return cmd
}

func (c *console) mcp(ctx context.Context, s *mcpSettings) error {
	service, err := s.desk.service(c)
	switch {
	case err != nil:
		return err
	case service != nil && s.doWork:
		return usagef("--work runs jobs of a store: give it without --server")
	case service != nil:
		t := &tools{desk: newRemote(service).desk(), store: sentTo(service)}
		return c.assist(ctx, s, t)
	}
	log := slog.New(slog.DiscardHandler)
	d, err := s.desk.open(ctx, log)
	if err != nil {
		return err
	}
	t := &tools{desk: d.desk(), store: d.keep(int64(s.work.maxUpload))}
	if !s.doWork {
		return errors.Join(c.assist(ctx, s, t), d.close())
	}
	stop, err := c.workBeside(ctx, s, d)
	if err != nil {
		return errors.Join(err, d.close())
	}
	return errors.Join(c.assist(ctx, s, t), stop(), d.close())
}

// assist serves one assistant until it closes its end, or a signal comes.
func (c *console) assist(ctx context.Context, s *mcpSettings, t *tools) error {
	t.readOnly = s.readOnly
	if s.root != "" {
		folder, err := filepath.Abs(s.root) // files may be named by their whole path
		if err != nil {
			return usagef("--root: %w", err)
		}
		root, err := os.OpenRoot(folder)
		if err != nil {
			return usagef("--root: %w", err)
		}
		defer func() { _ = root.Close() }() // it was only read
		t.root = root
	}
	in, ok := c.in.(io.ReadCloser)
	if !ok {
		in = io.NopCloser(c.in)
	}
	err := t.server().Run(ctx, &mcp.IOTransport{Reader: in, Writer: keptOpen{c.out}})
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, mcp.ErrConnectionClosed) {
		return nil
	}
	if ctx.Err() != nil {
		return nil // a signal is how it is ended from outside
	}
	return fmt.Errorf("serve assistant: %w", err)
}

// keptOpen is standard output, which is not the transport's to close.
type keptOpen struct{ io.Writer }

func (keptOpen) Close() error { return nil }

// sentTo submits to a service.
func sentTo(service *client.Client) submitFunc {
	return func(ctx context.Context, in io.Reader, u client.Upload) (client.Submitted, error) {
		return service.Submit(ctx, in, u)
	}
}

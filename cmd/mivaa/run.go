package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/internal/pdf"
)

// console is where a command reads and writes. Results go to out and nothing
// else does; everything else goes to err.
type console struct {
	in   io.Reader
	out  io.Writer
	err  io.Writer
	env  []string
	json bool

	began bool // a command was found and its arguments are in order
}

// run is the program: it returns the exit code.
func run(ctx context.Context, args, env []string, in io.Reader, out, errw io.Writer) (code int) {
	if len(args) > 0 && args[0] == pdf.ReaderCommand {
		return pdf.ReaderMain(args[1:])
	}
	c := &console{in: in, out: out, err: errw, env: env}
	defer func() {
		if p := recover(); p != nil { // a panic would exit with 2, which means usage
			fmt.Fprintf(errw, "mivaa: unexpected failure: %v\n%s", p, debug.Stack())
			code = exitFailure
		}
	}()
	root := c.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	err := root.ExecuteContext(ctx)
	if known := (*exitError)(nil); err != nil && !c.began && !errors.As(err, &known) {
		err = usage(err) // cobra's own words about the command line
	}
	return c.exit(err)
}

func (c *console) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "mivaa",
		Short: "PDFs to text, Markdown and chunks, in jobs that cannot be lost",
		Long: `mivaa turns PDFs into text, Markdown and chunks, in background jobs that survive
restarts, deploys, kill -9, out-of-memory kills and power cuts.

Every flag has an environment variable: MIVAA_ and the flag in capitals, with
_ for -. Flags win over the environment.`,
		Example: `  mivaa serve
  mivaa extract report.pdf > report.md
  mivaa jobs list --status interrupted`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().BoolVar(&c.json, "json", false, "machine-readable output: one object, or one a line for lists")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	root.AddGroup(&cobra.Group{ID: groupWork, Title: "Work:"}, &cobra.Group{ID: groupOperate, Title: "Operate:"})
	root.SetHelpCommandGroupID(groupOperate)
	root.SetCompletionCommandGroupID(groupOperate)
	root.AddCommand(
		c.serveCommand(), c.extractCommand(),
		c.jobsCommand(), c.documentsCommand(), c.migrateCommand(), c.backupCommand(), c.checkCommand(), c.versionCommand(),
	)
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		c.began = true
		return bindEnv(root, cmd, c.env)
	}
	return root
}

const (
	groupWork    = "work"
	groupOperate = "operate"
)

// isTerminal reports whether w is a terminal that a person looks at.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isTTY(f)
}

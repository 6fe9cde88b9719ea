package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

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

	began bool            // a command was found and its arguments are in order
	flags map[string]bool // that were given on the command line, and not by the environment
}

// run is the program: it returns the exit code.
func run(ctx context.Context, args, env []string, in io.Reader, out, errw io.Writer) (code int) {
	if len(args) > 0 && args[0] == pdf.ReaderCommand {
		return pdf.ReaderMain(args[1:])
	}
	// A reader of the log, or of the result, that goes away is an error of that
	// write and not the end of the process.
	signal.Ignore(syscall.SIGPIPE)
	c := &console{in: in, out: out, err: errw, env: withCredentials(env)}
	defer func() {
		if p := recover(); p != nil { // a panic would exit with 2, which means usage
			fmt.Fprintf(errw, "mivaa: unexpected failure: %v\n%s", p, debug.Stack())
			code = exitFailure
		}
	}()
	root := c.root()
	root.SetArgs(args)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(wrongFlags(cmd, args, err)) })
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	err := root.ExecuteContext(ctx)
	if err != nil && !c.began {
		c.json = c.json || slices.Contains(args, "--json") // reading them may have ended before it
	}
	if known := (*exitError)(nil); err != nil && !c.began && !errors.As(err, &known) {
		err = unknown(root, args, err) // cobra's own words about the command line
	}
	return c.exit(err)
}

func (c *console) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "mivaa",
		Short: "PDFs to text, Markdown and chunks, in jobs that cannot be lost",
		Long: `mivaa turns PDFs, and pictures of pages, into text, Markdown and chunks, in
background jobs that survive restarts, deploys, kill -9, out-of-memory kills and power cuts.

Every flag has an environment variable: MIVAA_ and the flag in capitals, with
_ for -. Flags win over the environment. Times are shown in the zone of this
machine (TZ); --json and logs have UTC.`,
		Example: `  mivaa serve
  mivaa extract report.pdf > report.md
  mivaa jobs list --status interrupted`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().BoolVar(&c.json, "json", false, "machine-readable output: one object, or one a line for lists")
	root.AddGroup(&cobra.Group{ID: groupWork, Title: "Work:"}, &cobra.Group{ID: groupOperate, Title: "Operate:"})
	root.SetHelpCommandGroupID(groupOperate)
	root.SetCompletionCommandGroupID(groupOperate)
	root.AddCommand(
		c.serveCommand(), c.extractCommand(), c.submitCommand(), c.mcpCommand(),
		c.jobsCommand(), c.documentsCommand(), c.instancesCommand(), c.drainCommand(), c.undrainCommand(), c.migrateCommand(), c.copyCommand(), c.backupCommand(), c.checkCommand(), c.healthCommand(), c.serviceCommand(), c.manCommand(), c.versionCommand(),
	)
	root.AddCommand(helpTopics(root)...)
	root.DisableSuggestions, root.SuggestionsMinimumDistance = true, 2 // they are a hint
	if width := c.screen(c.out).width; width > 0 {
		root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "Flags.FlagUsages", fmt.Sprintf("Flags.FlagUsagesWrapped %d", width)))
	}
	helpCommand(root)
	root.SetOut(c.out) // where the next line's commands will write
	root.InitDefaultCompletionCmd("completion")
	completionExamples(root)
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		c.began = true
		return c.bind(cmd)
	}
	return root
}

// completionExamples adds to cobra's own command what every other one has.
func completionExamples(root *cobra.Command) {
	load := map[string]string{
		"bash":       "  source <(mivaa completion bash)",
		"zsh":        `  mivaa completion zsh > "${fpath[1]}/_mivaa"`,
		"fish":       "  mivaa completion fish > ~/.config/fish/completions/mivaa.fish",
		"powershell": "  mivaa completion powershell | Out-String | Invoke-Expression",
	}
	for _, cmd := range root.Commands() {
		if cmd.Name() != "completion" {
			continue
		}
		parent(cmd).Example = load["bash"]
		for _, shell := range cmd.Commands() {
			shell.Example = load[shell.Name()]
		}
	}
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

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func (c *console) manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", GroupID: groupOperate, Args: takes(cobra.ExactArgs(1)),
		Short: "Write the manual pages",
		Long: `Write the manual pages of all commands into a folder, which is created if it is
missing, as files for man(1).`,
		Example: `  mivaa man /usr/local/share/man/man1
  mivaa man /tmp/man && man /tmp/man/mivaa-jobs-list.1`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.man(cmd.Root(), args[0]) },
	}
}

// manResult is what --json prints.
type manResult struct {
	Folder string `json:"folder"`
	Pages  int    `json:"pages"`
}

func (c *console) man(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	epoch := time.Unix(0, 0).UTC() // the same pages each time they are made
	root.DisableAutoGenTag = true
	err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "mivaa " + version(), Manual: "MIVAA PDF Extractor", Date: &epoch}, dir)
	if err != nil {
		return fmt.Errorf("write manual pages: %w", err)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "mivaa*.1"))
	if err != nil {
		return fmt.Errorf("count manual pages: %w", err)
	}
	if c.json {
		return c.printJSON(manResult{dir, len(pages)})
	}
	_, err = fmt.Fprintf(c.out, "%s in %s\n", counted(len(pages), "page"), dir)
	return err
}

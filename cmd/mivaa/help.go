package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpTopics are what mivaa help tells beside the commands.
func helpTopics(root *cobra.Command) []*cobra.Command {
	topic := func(name, short, long string) *cobra.Command {
		return &cobra.Command{Use: name, Short: short, Long: long, Example: "  mivaa help " + name}
	}
	environment := topic("environment", "Settings by environment variables", "")
	environment.SetHelpFunc(func(cmd *cobra.Command, _ []string) { // it lists what is there now
		cmd.Print(environmentText(root))
	})
	return []*cobra.Command{
		topic("exit-codes", "What the exit codes mean", exitCodesText),
		environment,
		topic("formats", "What documents are written as", formatsText),
		topic("recovery", "What becomes of interrupted jobs", recoveryText),
	}
}

const exitCodesText = `Exit codes of every command:

    0  done; serve: stopped cleanly by a signal
    1  unexpected failure
    2  usage: a flag, an argument or a setting is wrong, or a token is missing
    3  the file was refused: no PDF, PNG, JPEG or TIFF, encrypted, damaged, over
       a limit
    4  not found
    5  refused by the job's state; the message names it, and what it allows
    6  the store, the blob store or the service (--server) is out of reach, or
       its schema is newer than the program
    7  partly done: the document is there, some pages failed and are named
    8  still running: --wait or --timeout ran out
   75  interrupted; run the same command again to continue

With --json an error is one object on standard error:
{"error":{"code":"...","message":"...","hint":"..."}}. Scripts go by the exit
code and by code, which do not change; messages may.`

const formatsText = `What documents are written as (extract and documents export --format, or
?format= of the API):

  markdown   headings, lists, tables and links as Markdown; pages are parted by an
             empty line. Running headers and footers are left out.
  text       the characters as they stand, in reading order; each page ends with
             a form feed.
  json       everything: pages, elements with their boxes, tables, images,
             chunks, outline and metadata, as one object.
  chunks     the head of that object, and the text in pieces for retrieval, each
             with its pages, boxes and headings.
  csv        the tables, one below the other; --table takes one by its table_id.
  zip        an archive of the above with a file a table, images and attachments.

Pages count from 1. --pages takes 1-5,9,20- anywhere. A page that could not be
read is named with its reason, and never silently left out: exit code 7.`

const recoveryText = `What becomes of jobs whose process stops, dies or is lost:

A job records each page as it is read. Whatever happens to the process (a deploy,
Ctrl-C, kill -9, a power cut), the pages recorded are kept, the job is marked
interrupted with its cause, and it goes on at the next page.

  auto     the default: an interrupted job goes back into the queue by itself.
  manual   it waits for a person: mivaa jobs resume ID, or resume --all.

The setting is --recovery of serve for new jobs, and a job's own where its upload
said so.

Causes: shutdown (the service was stopped), crash (its process died), lease_lost
(it could not be reached for longer than --lease), cancelled (a person; only a
person resumes it), operator (mivaa jobs interrupt).

A crash counts against a job only where its own process died: after --max-crashes
of them without a page between, the job fails, because the PDF may be what kills
the process. Interruptions by deploys are free.

To look:   mivaa jobs list --status interrupted; mivaa jobs groups; mivaa jobs show ID
To go on:  mivaa jobs resume ID, or retry for a failed one
To begin again:  mivaa jobs restart ID`

// helpCommand is cobra's own, to which a topic that is none is an error.
func helpCommand(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() != "help" {
			continue
		}
		cmd.Example = "  mivaa help jobs list\n  mivaa help exit-codes"
		cmd.Args = func(_ *cobra.Command, topics []string) error {
			if _, _, err := root.Find(topics); err != nil {
				return &exitError{exit: exitUsage, code: "usage", err: fmt.Errorf("no help on %q", strings.Join(topics, " ")), hint: "mivaa help lists the commands and the topics"}
			}
			return nil
		}
	}
}

// unknown is the error of a command line that cobra cannot read, with the
// command that was most likely meant.
func unknown(root *cobra.Command, args []string, err error) error {
	if _, _, none := root.Find(args); none == nil {
		return usage(err)
	}
	for _, word := range args {
		if near := root.SuggestionsFor(word); !strings.HasPrefix(word, "-") && len(near) > 0 {
			return &exitError{exit: exitUsage, code: "usage", err: err, hint: "did you mean " + root.CommandPath() + " " + near[0] + "?"}
		}
	}
	return usage(err)
}

// environmentText lists the variables that the commands' flags have.
func environmentText(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("Every flag has an environment variable: MIVAA_ and its name in capitals, with _ for\n-. Flags win over the environment. A variable that no command knows is an error.\n\n")
	uses := map[string]string{
		"MIVAA_TOKEN":      "token of the service: serve asks for it, --server shows it",
		"MIVAA_READ_TOKEN": "token of serve that only reads",
		"MIVAA_PASSWORD":   "of encrypted PDFs, for extract and submit",
	}
	everyFlag(root, func(f *pflag.Flag) {
		if f.Name != "help" {
			uses[envName(f.Name)] = f.Usage
		}
	})
	for _, cmd := range root.Commands() {
		if cmd.Name() == "serve" { // most that a variable is set for; of others a flag may mean less
			everyFlag(cmd, func(f *pflag.Flag) {
				if _, known := uses[envName(f.Name)]; known {
					uses[envName(f.Name)] = f.Usage
				}
			})
		}
	}
	names := make([]string, 0, len(uses))
	widest := 0
	for name := range uses {
		names = append(names, name)
		widest = max(widest, len(name))
	}
	slices.Sort(names)
	for _, name := range names {
		for i, line := range wrap(clean(uses[name]), max(30, 96-widest)) {
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(&b, "  %-*s  %s\n", widest, name, line)
		}
	}
	b.WriteString("\nNO_COLOR and TERM=dumb are honoured.\n")
	return b.String()
}

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// consent is how a command that destroys something is allowed to.
type consent struct {
	yes    bool
	dryRun bool
}

func (a *consent) register(f *pflag.FlagSet) {
	f.BoolVarP(&a.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&a.dryRun, "dry-run", false, "say what would be done, and do nothing")
}

// ask asks a person at a terminal, who may say no. Elsewhere it is an error of
// usage that names the command to give instead.
func (c *console) ask(cmd *cobra.Command, a consent, question string) error {
	if a.yes {
		return nil
	}
	in, ok := c.in.(*os.File)
	if !ok || !isTTY(in) || !isTerminal(c.err) || c.json {
		return &exitError{
			exit: exitUsage, code: "needs_yes",
			err:  fmt.Errorf("needs --yes, because nobody can be asked: %s", question),
			hint: "to go ahead: " + c.again(cmd, "--yes") + "; to see what it would do: " + c.again(cmd, "--dry-run"),
		}
	}
	fmt.Fprintf(c.err, "%s [y/N] ", question)
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil {
		fmt.Fprintln(c.err) // the end of the input leaves the cursor behind the question
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return &exitError{exit: exitFailure, code: "declined", err: errors.New("declined: nothing was changed")}
}

// again is the command as it was given, with one more flag.
func (c *console) again(cmd *cobra.Command, flag string) string {
	words := []string{cmd.CommandPath()}
	for _, arg := range cmd.Flags().Args() {
		words = append(words, quote(arg))
	}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch value := f.Value.String(); {
		case !c.flags[f.Name]: // the environment says it the next time, too
		case f.Value.Type() != "bool":
			words = append(words, "--"+f.Name+" "+quote(value))
		case value == "true":
			words = append(words, "--"+f.Name)
		default:
			words = append(words, "--"+f.Name+"="+value)
		}
	})
	return strings.Join(append(words, flag), " ")
}

// quote makes one word of a text for a POSIX shell.
func quote(word string) string {
	const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,@%+="
	if word != "" && strings.Trim(word, safe) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

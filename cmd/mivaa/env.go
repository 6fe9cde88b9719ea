package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const envPrefix = "MIVAA_"

// secrets come only from the environment or a file, so they have no flag.
func secrets() []string { return append(tokens(), "MIVAA_PASSWORD", envWebhookSecret) }

// tokens protect the API.
func tokens() []string { return []string{"MIVAA_TOKEN", "MIVAA_READ_TOKEN"} }

func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// bindEnv gives the flags of cmd that were not set their environment
// variables, and reports every variable that is malformed, or known to no
// command, at once.
func bindEnv(root, cmd *cobra.Command, env []string) error {
	known := map[string]bool{}
	for _, name := range secrets() {
		known[name] = true
	}
	everyFlag(root, func(f *pflag.Flag) { known[envName(f.Name)] = true })

	var errs []error
	values := map[string]string{}
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) {
			continue
		}
		if !known[name] {
			errs = append(errs, fmt.Errorf("unknown environment variable %s", name))
		}
		values[name] = value
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		value, set := values[envName(f.Name)]
		if !set || f.Changed {
			return
		}
		if s, ok := f.Value.(*setting); ok { // no flag was given: a hint does not repeat it
			s.setEnv(value)
			return
		}
		if err := cmd.Flags().Set(f.Name, value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", envName(f.Name), err))
		}
	})
	if len(errs) > 0 {
		return usage(errors.Join(errs...))
	}
	return nil
}

// bind gives a command its settings: flags, then the environment, and what only
// makes sense of both together. All problems are reported at once.
func (c *console) bind(cmd *cobra.Command) error {
	c.flags = map[string]bool{}
	cmd.Flags().Visit(func(f *pflag.Flag) { c.flags[f.Name] = true })
	var errs []error
	hint := "see --help"
	if err := bindEnv(cmd.Root(), cmd, c.env); err != nil {
		errs = append(errs, err)
		hint += ", and mivaa help environment for the variables"
	}
	if errs = append(errs, resolve(cmd)...); len(errs) > 0 {
		return &exitError{exit: exitUsage, code: "usage", err: errors.Join(errs...), hint: hint}
	}
	return nil
}

// resolve brings the settings of a command's stores together.
func resolve(cmd *cobra.Command) (errs []error) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if s, ok := f.Value.(*setting); ok && s.resolve != nil {
			errs = append(errs, s.resolve()...)
		}
	})
	return errs
}

func everyFlag(cmd *cobra.Command, visit func(*pflag.Flag)) {
	cmd.Flags().VisitAll(visit)
	cmd.PersistentFlags().VisitAll(visit)
	for _, sub := range cmd.Commands() {
		everyFlag(sub, visit)
	}
}

// environ looks a variable up.
func (c *console) environ(name string) string {
	value, _ := c.lookup(name)
	return value
}

// lookup tells a variable that is empty from one that is not set.
func (c *console) lookup(name string) (value string, set bool) {
	for _, entry := range c.env {
		if n, v, _ := strings.Cut(entry, "="); n == name {
			return v, true
		}
	}
	return "", false
}

package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// wrongFlags is everything that is wrong with the flags of a command, of which
// first is what parsing them ended at.
func wrongFlags(cmd *cobra.Command, args []string, first error) error {
	_, rest, err := cmd.Root().Find(args)
	if err != nil {
		return first
	}
	var unknown, values []error
	for {
		values = values[:0]
		err := cmd.Flags().ParseAll(rest, func(f *pflag.Flag, value string) error {
			if err := cmd.Flags().Set(f.Name, value); err != nil {
				values = append(values, err)
			}
			return nil
		})
		none, ok := errors.AsType[*pflag.NotExistError](err)
		if !ok {
			if err != nil {
				unknown = append(unknown, err)
			}
			break
		}
		unknown = append(unknown, err)
		without, found := withoutFlag(rest, none.GetSpecifiedName())
		if !found {
			break
		}
		rest = without
	}
	if all := errors.Join(append(values, unknown...)...); all != nil {
		return all
	}
	return first
}

// withoutFlag leaves out the first flag of that name. What may be its value
// stays: nobody knows whether it has one.
func withoutFlag(args []string, name string) ([]string, bool) {
	for i, arg := range args {
		if arg == "--"+name || strings.HasPrefix(arg, "--"+name+"=") {
			return append(args[:i:i], args[i+1:]...), true
		}
	}
	return args, false
}

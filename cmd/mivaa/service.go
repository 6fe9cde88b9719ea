package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mivaa/mivaa/deploy"
)

// Where a system service has its parts.
const (
	unitFolder        = "/etc/systemd/system"
	settingsFile      = "/etc/mivaa/mivaa.env"
	credentialsFolder = "/etc/mivaa/credentials"
	installedBinary   = "/usr/local/bin/mivaa"
	serviceUser       = "mivaa"
)

func (c *console) serviceCommand() *cobra.Command {
	cmd := parent(&cobra.Command{
		Use: "service", GroupID: groupOperate,
		Short: "Install the service under systemd, remove it, show it",
		Long: `Install the service under systemd, remove it, show it.

It becomes mivaa-pdf-extractor.service, run by a user of its own, with a socket
that holds its address while it restarts.`,
		Example: "  sudo mivaa service install\n  sudo mivaa service install --dry-run\n  mivaa service status",
	})
	cmd.AddCommand(c.serviceInstallCommand(), c.serviceUninstallCommand(), c.serviceStatusCommand())
	return cmd
}

func (c *console) serviceInstallCommand() *cobra.Command {
	var dryRun, start bool
	cmd := &cobra.Command{
		Use: "install", Args: cobra.NoArgs,
		Short: "Install and start the service",
		Long: `Install this program as ` + installedBinary + `, make the user ` + serviceUser + `, write the units,
check, and start. Given again it brings everything up to date and restarts what
runs; ` + settingsFile + ` and ` + credentialsFolder + ` are never overwritten.`,
		Example: "  sudo mivaa service install\n  mivaa service install --dry-run",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.carryOut(cmd.Context(), c.installation(start), dryRun)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be done, and do nothing")
	cmd.Flags().BoolVar(&start, "start", true, "start it, and at every boot")
	return cmd
}

func (c *console) serviceUninstallCommand() *cobra.Command {
	var a consent
	cmd := &cobra.Command{
		Use: "uninstall", Args: cobra.NoArgs,
		Short:   "Stop the service and remove its units",
		Long:    "Stop the service and remove its units and program. Its data, its settings and its user stay.",
		Example: "  sudo mivaa service uninstall --yes",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !a.dryRun {
				if err := c.ask(cmd, a, "Stop "+deploy.Unit+" and remove its units and program? Its data stays."); err != nil {
					return err
				}
			}
			return c.carryOut(cmd.Context(), c.removal(), a.dryRun)
		},
	}
	a.register(cmd.Flags())
	return cmd
}

func (c *console) serviceStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Args: cobra.NoArgs,
		Short:   "Show the service as systemd sees it",
		Example: "  mivaa service status --json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.serviceStatus(cmd.Context()) },
	}
}

// action is one thing that installing or removing does.
type action struct {
	what string // in the words of a shell, for people
	do   func(ctx context.Context) error
}

// carryOut does actions in order, or says what they are.
func (c *console) carryOut(ctx context.Context, actions []action, dryRun bool) error {
	if !dryRun {
		if err := underSystemd(); err != nil {
			return err
		}
	}
	for _, a := range actions {
		fmt.Fprintln(c.err, a.what)
		if dryRun {
			continue
		}
		if err := a.do(ctx); err != nil {
			return &exitError{exit: exitFailure, code: "service", err: fmt.Errorf("%s: %w", a.what, err), hint: "mend it and give the same command again: what is done already is left as it is"}
		}
	}
	return nil
}

// underSystemd reports what keeps this process from installing a service.
func underSystemd() error {
	switch _, err := os.Stat("/run/systemd/system"); {
	case runtime.GOOS != "linux":
		return usagef("there is no systemd on %s: run `mivaa serve` under the system's own service manager", runtime.GOOS)
	case err != nil:
		return usagef("this system was not started by systemd: run `mivaa serve` under its own service manager")
	case os.Geteuid() != 0:
		return usagef("installing a system service takes root: give the command with sudo")
	}
	return nil
}

func (c *console) installation(start bool) []action {
	all := []action{
		c.installBinary(), c.makeUser(),
		makeFolder(filepath.Dir(settingsFile), 0o755), makeFolder(credentialsFolder, 0o700),
		writeOnce(settingsFile, settingsText), c.writeUnit(".service", deploy.Service), c.writeUnit(".socket", deploy.Socket),
		c.command("systemctl", "daemon-reload"), c.asService("migrate"), c.asService("check"),
	}
	if start {
		all = append(all,
			c.command("systemctl", "enable", "--now", deploy.Unit+".socket"),
			c.command("systemctl", "enable", deploy.Unit+".service"),
			c.command("systemctl", "restart", deploy.Unit+".service"), // ready when it returns
		)
	}
	return all
}

func (c *console) removal() []action {
	return []action{
		c.disable(),
		remove(filepath.Join(unitFolder, deploy.Unit+".service")), remove(filepath.Join(unitFolder, deploy.Unit+".socket")),
		c.command("systemctl", "daemon-reload"), remove(installedBinary),
		{what: "# left as they are: /var/lib/mivaa, /etc/mivaa and the user " + serviceUser, do: func(context.Context) error { return nil }},
	}
}

// disable stops the units and has them start no more. Those that are gone already,
// since the command is given again, need it no longer.
func (c *console) disable() action {
	do := []string{"disable", "--now"}
	units := []string{deploy.Unit + ".service", deploy.Unit + ".socket"}
	return action{c.command("systemctl", append(do, units...)...).what, func(ctx context.Context) error {
		there := slices.DeleteFunc(slices.Clone(units), func(unit string) bool {
			_, err := os.Lstat(filepath.Join(unitFolder, unit))
			return errors.Is(err, os.ErrNotExist)
		})
		if len(there) == 0 {
			return nil
		}
		return c.command("systemctl", append(do, there...)...).do(ctx)
	}}
}

const settingsText = `# Settings of mivaa-pdf-extractor: MIVAA_ and a flag of "mivaa serve --help" in capitals.
# Restart the service after a change. Secrets do not belong here but into
# /etc/mivaa/credentials, a file each: token, read_token, database_url, webhook_secret.
#MIVAA_WORKERS=4
#MIVAA_DRAIN=30s
#MIVAA_RETENTION=168h
`

// command is an action that runs another program.
func (c *console) command(name string, args ...string) action {
	return action{strings.Join(append([]string{name}, args...), " "), func(ctx context.Context) error {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Stdout, cmd.Stderr = c.err, c.err
		return cmd.Run()
	}}
}

// installBinary puts this program where the unit starts it, in one step, so that
// one that runs is never half a file.
func (c *console) installBinary() action {
	return action{"install mivaa " + installedBinary, func(context.Context) error {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		if self, err = filepath.EvalSymlinks(self); err != nil || self == installedBinary {
			return err
		}
		in, err := os.Open(self)
		if err != nil {
			return err
		}
		defer in.Close()
		return replaceFile(installedBinary, 0o755, func(w io.Writer) error { _, err := io.Copy(w, in); return err })
	}}
}

func (c *console) makeUser() action {
	args := []string{"--system", "--user-group", "--home-dir", "/var/lib/mivaa", "--no-create-home", "--shell", "/usr/sbin/nologin", serviceUser}
	add := c.command("useradd", args...)
	return action{add.what, func(ctx context.Context) error {
		_, err := user.Lookup(serviceUser)
		if _, unknown := errors.AsType[user.UnknownUserError](err); unknown {
			return add.do(ctx)
		}
		return err
	}}
}

func makeFolder(path string, mode os.FileMode) action {
	return action{fmt.Sprintf("mkdir -m %04o %s", mode, path), func(context.Context) error {
		if err := os.MkdirAll(path, mode); err != nil {
			return err
		}
		return os.Chmod(path, mode)
	}}
}

// writeOnce leaves a file alone that is there.
func writeOnce(path, text string) action {
	return action{"write " + path + " # unless it is there", func(context.Context) error {
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return replaceFile(path, 0o644, func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
	}}
}

func (c *console) writeUnit(kind, text string) action {
	path := filepath.Join(unitFolder, deploy.Unit+kind)
	return action{"write " + path, func(context.Context) error {
		return replaceFile(path, 0o644, func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
	}}
}

func remove(path string) action {
	return action{"rm -f " + path, func(context.Context) error {
		if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}}
}

// asService runs a command of this program as the service will run: its user, its
// settings, its secrets.
func (c *console) asService(command string) action {
	return c.command("systemd-run", "--quiet", "--pipe", "--wait", "--collect",
		"--property=User="+serviceUser, "--property=StateDirectory=mivaa", "--property=StateDirectoryMode=0700",
		"--property=LoadCredential=mivaa:"+credentialsFolder, "--property=EnvironmentFile=-"+settingsFile,
		"--setenv=MIVAA_DATA_DIR=/var/lib/mivaa", "--", installedBinary, command)
}

// replaceFile writes a file under another name and puts it into place.
func replaceFile(path string, mode os.FileMode, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = errors.Join(write(f), f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

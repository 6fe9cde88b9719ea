package e2e

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mivaa/mivaa/deploy"
)

// The unit: the process that the manager keeps, and what it says over its socket.

func (u *unitState) run() {
	defer close(u.over)
	defer u.notify.Close()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case r := <-u.asked:
			u.obey(r)
		case n := <-u.heard:
			if u.cmd != nil && n.pid == u.cmd.Process.Pid { // NotifyAccess=main
				for line := range strings.SplitSeq(n.state, "\n") {
					u.notified(line)
				}
			}
		case cmd := <-u.ended:
			u.exited(cmd)
		case now := <-tick.C:
			u.late(now)
		case <-u.quit:
			if u.cmd != nil {
				_ = u.cmd.Process.Kill()
				<-u.ended
			}
			return
		}
	}
}

func (u *unitState) obey(r request) {
	switch r.verb {
	case "start":
		u.waiting = append(u.waiting, r)
		if u.phase == phaseDead || u.phase == phasePausing {
			u.start()
		}
		u.settle()
	case "stop", "restart":
		u.waiting = append(u.waiting, r)
		u.again = r.verb == "restart"
		switch {
		case u.cmd != nil:
			u.stop()
		case u.again:
			u.start()
		default:
			u.be(phaseDead, "inactive")
		}
		u.settle()
	case "reset-failed":
		u.starts = nil
		if u.phase == phaseDead {
			u.show("ActiveState", "inactive", "Result", "success")
		}
		r.done <- nil
	case "kill":
		r.done <- u.kill(r.options)
	default:
		r.done <- fmt.Errorf("no verb %s", r.verb)
	}
}

func (u *unitState) kill(options []string) error {
	for _, option := range options {
		name, ok := strings.CutPrefix(option, "--signal=")
		sig, known := map[string]syscall.Signal{"STOP": syscall.SIGSTOP, "KILL": syscall.SIGKILL}[name]
		if ok && known && u.cmd != nil {
			return u.cmd.Process.Signal(sig)
		}
	}
	return fmt.Errorf("kill with %v", options)
}

// start starts the process, unless that was tried too often.
func (u *unitState) start() {
	u.again, u.deadline = false, time.Time{}
	conf, err := u.configure()
	if err != nil {
		u.fail(err.Error())
		return
	}
	u.conf = conf
	now := time.Now()
	for len(u.starts) > 0 && now.Sub(u.starts[0]) > conf.interval {
		u.starts = u.starts[1:]
	}
	if len(u.starts) >= conf.burst {
		u.log(unit + ".service: Start request repeated too quickly.")
		u.be(phaseDead, "failed")
		return
	}
	u.starts = append(u.starts, now)
	if err := u.spawn(); err != nil {
		u.fail(err.Error())
		return
	}
	u.be(phaseStarting, "activating")
	u.deadline = now.Add(conf.start)
}

// spawn starts the process with the socket as its first descriptor beside the
// three, and with what tells it so.
func (u *unitState) spawn() error {
	socket, err := u.socket.File()
	if err != nil {
		return err
	}
	defer socket.Close()
	// Its own number is known to the process alone.
	cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ WATCHDOG_PID=$$ exec "$@"`, "sh", binary, "serve")
	cmd.Env = append(slices.Clone(u.conf.env), "PATH="+os.Getenv("PATH"), "NOTIFY_SOCKET="+filepath.Join(u.dir, "notify"), "LISTEN_FDS=1", "LISTEN_FDNAMES=http")
	if u.conf.watchdog > 0 {
		cmd.Env = append(cmd.Env, fmt.Sprintf("WATCHDOG_USEC=%d", u.conf.watchdog.Microseconds()))
	}
	cmd.ExtraFiles = []*os.File{socket}
	cmd.Dir = filepath.Join(u.dir, "mivaa")
	out, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	u.cmd = cmd
	u.show("MainPID", strconv.Itoa(cmd.Process.Pid))
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			u.log(lines.Text())
		}
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
		u.ended <- cmd
	}()
	return nil
}

func (u *unitState) stop() {
	u.be(phaseStopping, "deactivating")
	u.life, u.deadline = time.Time{}, time.Now().Add(u.conf.stop)
	_ = u.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
}

// notified acts on one line of what the service said.
func (u *unitState) notified(line string) {
	name, value, _ := strings.Cut(line, "=")
	switch {
	case line == "READY=1" && u.phase == phaseStarting:
		u.log("Started " + unit + ".service.")
		u.be(phaseRunning, "active")
		u.deadline = time.Time{}
		if u.conf.watchdog > 0 {
			u.life = time.Now().Add(u.conf.watchdog)
		}
		u.settle()
	case line == "WATCHDOG=1" && !u.life.IsZero():
		u.life = time.Now().Add(u.conf.watchdog)
	case name == "STATUS":
		u.show("StatusText", value)
	case name == "EXTEND_TIMEOUT_USEC" && (u.phase == phaseStarting || u.phase == phaseStopping):
		n, err := strconv.ParseInt(value, 10, 64)
		if until := time.Now().Add(time.Duration(n) * time.Microsecond); err == nil && until.After(u.deadline) {
			u.deadline = until
		}
	}
}

// late kills what takes too long, and starts again what is due.
func (u *unitState) late(now time.Time) {
	switch {
	case !u.life.IsZero() && now.After(u.life):
		u.log(fmt.Sprintf("%s.service: Watchdog timeout (limit %s)!", unit, u.conf.watchdog))
		u.be(phaseKilled, "deactivating", "Result", "watchdog")
		u.life, u.deadline = time.Time{}, now.Add(u.conf.abort)
		_ = u.cmd.Process.Signal(syscall.SIGABRT)
	case u.deadline.IsZero() || now.Before(u.deadline):
	case u.phase == phasePausing:
		u.mu.Lock()
		u.restarts++
		u.mu.Unlock()
		u.start()
		u.settle()
	default:
		u.log(unit + ".service: timed out. Killing.")
		if u.phase != phaseKilled {
			u.be(phaseKilled, "deactivating", "Result", "timeout")
		}
		u.deadline = time.Time{}
		_ = u.cmd.Process.Kill()
	}
}

// exited decides what follows on the end of the process.
func (u *unitState) exited(cmd *exec.Cmd) {
	asked := u.phase == phaseStopping
	clean := cmd.ProcessState.Success() && u.phase != phaseKilled
	u.cmd, u.life, u.deadline = nil, time.Time{}, time.Time{}
	u.show("MainPID", "0")
	if !clean {
		result := "exit-code"
		if cmd.ProcessState.ExitCode() < 0 {
			result = "signal"
		}
		if u.phase == phaseKilled {
			result = u.get("Result")
		}
		u.log(fmt.Sprintf("%s.service: Failed with result '%s' (%s).", unit, result, cmd.ProcessState))
		u.show("Result", result)
	}
	switch {
	case u.again:
		u.log("Stopped " + unit + ".service.")
		u.start()
	case asked && clean:
		u.log("Stopped " + unit + ".service.")
		u.be(phaseDead, "inactive", "Result", "success")
	case clean, asked:
		u.be(phaseDead, map[bool]string{true: "inactive", false: "failed"}[clean])
	default: // Restart=on-failure
		u.refuse(errors.New("the process ended: " + cmd.ProcessState.String()))
		u.be(phasePausing, "activating")
		u.deadline = time.Now().Add(u.conf.restart)
	}
	u.settle()
}

// settle answers those who wait, once the unit is what they asked for, or never
// will be.
func (u *unitState) settle() {
	if u.phase != phaseRunning && u.phase != phaseDead {
		return
	}
	var err error
	for _, r := range u.waiting {
		if r.verb != "stop" && u.phase == phaseDead {
			err = fmt.Errorf("the unit is %s", u.get("ActiveState"))
		}
		r.done <- err
	}
	u.waiting = nil
}

// refuse answers those who wait for a start that failed, as systemctl does: it
// does not wait for the next.
func (u *unitState) refuse(err error) {
	for _, r := range u.waiting {
		r.done <- err
	}
	u.waiting = nil
}

func (u *unitState) fail(why string) {
	u.log(why)
	u.be(phaseDead, "failed")
}

// be enters a phase, and shows it.
func (u *unitState) be(p phase, active string, more ...string) {
	u.phase = p
	if p == phaseDead {
		u.life, u.deadline = time.Time{}, time.Time{}
	}
	u.show(append([]string{"ActiveState", active}, more...)...)
}

func (u *unitState) show(pairs ...string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := 0; i < len(pairs); i += 2 {
		u.shown[pairs[i]] = pairs[i+1]
	}
}

func (u *unitState) get(property string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.shown[property]
}

func (u *unitState) log(line string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.lines = append(u.lines, line)
}

// configure reads the unit file that is shipped, and the settings beside it.
func (u *unitState) configure() (unitConf, error) {
	u.mu.Lock()
	lines := append(strings.Split(deploy.Service, "\n"), u.drop...)
	u.mu.Unlock()
	var c unitConf
	values := map[string]string{}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, "=")
		switch {
		case !ok || strings.HasPrefix(line, "#"):
		case name == "Environment":
			c.env = append(c.env, strings.ReplaceAll(value, "%S", u.dir))
		default:
			values[name] = value
		}
	}
	if values["Type"] != "notify" || values["Restart"] != "on-failure" || !strings.HasSuffix(values["ExecStart"], "/mivaa serve") {
		return c, errors.New("the unit is not as it is stood in for here")
	}
	values["TimeoutAbortSec"] = cmp.Or(values["TimeoutAbortSec"], values["TimeoutStopSec"])
	var errs []error
	for name, d := range map[string]*time.Duration{
		"TimeoutStartSec": &c.start, "TimeoutStopSec": &c.stop, "TimeoutAbortSec": &c.abort, "WatchdogSec": &c.watchdog, "RestartSec": &c.restart,
		"StartLimitIntervalSec": &c.interval,
	} {
		text := values[name]
		if _, err := strconv.Atoi(text); err == nil {
			text += "s"
		}
		var err error
		if *d, err = time.ParseDuration(text); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	var err error
	c.burst, err = strconv.Atoi(values["StartLimitBurst"])
	return c, errors.Join(append(errs, err)...)
}

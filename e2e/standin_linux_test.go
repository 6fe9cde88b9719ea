package e2e

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestStandIn has the service do under what stands in for systemd what it does
// under a real one, so that it is tried where none can be started.
func TestStandIn(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	t.Parallel()
	s := newStandIn(t)
	s.settings()
	for _, c := range managedCases {
		t.Run(c.name, func(t *testing.T) {
			m := managed{manager: s.part(t), t: t, pages: 400}
			if m.show("ActiveState") == "inactive" {
				m.must("start")
			}
			c.test(m)
		})
	}
}

// standIn is systemd's side of what it and a service say to each other: it holds
// the socket, hears what the service notifies it of, waits and kills as the unit
// file says, and starts again. There are no control groups in it, and a service
// that was stopped is not started by a connection.
type standIn struct {
	testing.TB
	*unitState
}

// unitState is the unit. One goroutine runs it (run); everybody else asks that
// one, or looks at what the mutex guards.
type unitState struct {
	dir    string // %S
	socket *net.TCPListener
	notify *net.UnixConn
	asked  chan request
	heard  chan notification
	ended  chan *exec.Cmd
	quit   chan struct{}
	over   chan struct{}

	// Of the goroutine that runs the unit.
	conf     unitConf
	cmd      *exec.Cmd // nil: no process
	phase    phase
	deadline time.Time // when the phase is cut short; zero: never
	life     time.Time // by when a sign of life is due; zero: none is
	again    bool      // start it once it has stopped: that is what a restart is
	waiting  []request // for the unit to settle
	starts   []time.Time

	mu       sync.Mutex
	drop     []string // settings beside the shipped ones
	shown    map[string]string
	restarts int
	lines    []string
}

// phase is what the unit is in the midst of.
type phase int

const (
	phaseDead phase = iota // inactive, or failed
	phaseStarting
	phaseRunning
	phaseStopping
	phaseKilled // by the watchdog, or because stopping took too long
	phasePausing
)

type request struct {
	verb    string
	options []string
	done    chan error
}

type notification struct {
	pid   int
	state string
}

// unitConf is what the unit file and the settings beside it say.
type unitConf struct {
	env                                   []string
	start, stop, abort, watchdog, restart time.Duration
	burst                                 int
	interval                              time.Duration
}

func newStandIn(t *testing.T) *standIn {
	t.Helper()
	dir := t.TempDir()
	socket, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	u := &unitState{
		dir: dir, socket: socket, notify: notify, asked: make(chan request), heard: make(chan notification), ended: make(chan *exec.Cmd, 1),
		quit: make(chan struct{}), over: make(chan struct{}), shown: map[string]string{"ActiveState": "inactive", "Result": "success", "MainPID": "0"},
	}
	if err := withCredentials(notify); err != nil {
		t.Fatal(err)
	}
	copyTree(t, filepath.Join(template, "cache"), filepath.Join(dir, "mivaa", "cache"))
	go u.listen()
	go u.run()
	t.Cleanup(func() {
		close(u.quit)
		<-u.over
		socket.Close()
		if t.Failed() {
			t.Logf("journal:\n%s", strings.Join(u.lines, "\n"))
		}
	})
	return &standIn{t, u}
}

// withCredentials has the kernel say who notifies.
func withCredentials(c *net.UnixConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_PASSCRED, 1) })
	return errors.Join(err, failed)
}

// listen passes on what the service notifies of; it ends with the socket.
func (u *unitState) listen() {
	text, who := make([]byte, 4096), make([]byte, 128)
	for {
		n, m, _, _, err := u.notify.ReadMsgUnix(text, who)
		if err != nil {
			return
		}
		messages, err := syscall.ParseSocketControlMessage(who[:m])
		if err != nil || len(messages) == 0 {
			continue
		}
		from, err := syscall.ParseUnixCredentials(&messages[0])
		if err != nil {
			continue
		}
		select {
		case u.heard <- notification{int(from.Pid), string(text[:n])}:
		case <-u.over:
			return
		}
	}
}

// The manager.

func (s *standIn) part(t testing.TB) manager { return &standIn{t, s.unitState} }

func (s *standIn) systemctl(verb string, options ...string) error {
	r := request{verb, options, make(chan error, 1)}
	s.asked <- r
	return <-r.done
}

func (s *standIn) show(property string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if property == "NRestarts" {
		return strconv.Itoa(s.restarts)
	}
	return s.shown[property]
}

func (s *standIn) settings(lines ...string) {
	s.mu.Lock()
	s.drop = lines
	s.mu.Unlock()
	if err := s.systemctl("reset-failed"); err != nil {
		s.Fatal(err)
	}
}

func (s *standIn) cursor() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strconv.Itoa(len(s.lines))
}

func (s *standIn) journal(after string) string {
	n, err := strconv.Atoi(after)
	if err != nil {
		s.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines[n:], "\n")
}

func (s *standIn) request(method, path string, header map[string]string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(s.Context(), method, "http://"+s.socket.Addr().String()+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	req.Close = true // each request is a connection, as a script's are
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

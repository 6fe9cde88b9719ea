package api

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are in memory, so that their deadlines
// pass in a test's own time.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.IPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

// slowly runs a test with a handler behind the guard, in a bubble.
func slowly(t *testing.T, h http.HandlerFunc, test func(t *testing.T, dial func() net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a := &API{access: &access{}, log: slog.New(slog.DiscardHandler), now: time.Now}
		server := &http.Server{Handler: a.guard(h), ReadHeaderTimeout: 10 * time.Second}
		p := newPipes()
		served := make(chan error, 1)
		go func() { served <- server.Serve(p) }()
		test(t, p.dial)
		_ = server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

// TestBodyThatNeverComes: a client that announces a body and sends none does
// not hold its connection for ever, whether the route reads the body or not.
func TestBodyThatNeverComes(t *testing.T) {
	for _, reads := range []bool{false, true} {
		t.Run(fmt.Sprint("read=", reads), func(t *testing.T) {
			slowly(t, func(w http.ResponseWriter, r *http.Request) {
				if reads {
					_, _ = io.ReadAll(r.Body)
				}
				w.WriteHeader(http.StatusAccepted)
			}, func(t *testing.T, dial func() net.Conn) {
				c, began := dial(), time.Now()
				defer c.Close()
				fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf")
				_, _ = io.Copy(io.Discard, c)
				if took := time.Since(began); took > patienceWithClient+time.Second || took < patienceWithClient {
					t.Errorf("the connection ended after %v", took)
				}
			})
		})
	}
}

// TestAnswerThatNobodyTakes: a client that asks for much and reads nothing is
// given up.
func TestAnswerThatNobodyTakes(t *testing.T) {
	var gaveUp chan error
	slowly(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := io.WriteString(w, strings.Repeat("x", 64<<10)); err != nil {
				gaveUp <- err
				return
			}
		}
	}, func(t *testing.T, dial func() net.Conn) {
		gaveUp = make(chan error, 1) // of the bubble
		c, began := dial(), time.Now()
		defer c.Close()
		fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		err := <-gaveUp
		if took := time.Since(began); took != patienceWithClient {
			t.Errorf("given up after %v: %v", took, err)
		}
	})
}

// TestConnectionIsUsedAgain: the deadlines of one request are not those of the
// next, and a long wait is no slow client.
func TestConnectionIsUsedAgain(t *testing.T) {
	slowly(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-time.After(3 * patienceWithClient):
			_, _ = io.WriteString(w, "waited")
		case <-r.Context().Done():
			t.Error("the wait was taken for a client that has gone")
		}
	}, func(t *testing.T, dial func() net.Conn) {
		c := dial()
		defer c.Close()
		answers := bufio.NewReader(c)
		for range 2 {
			fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
			line, err := answers.ReadString('\n')
			if err != nil || !strings.Contains(line, "100") {
				t.Fatalf("%q, %v", line, err)
			}
			_, _ = answers.ReadString('\n')
			fmt.Fprint(c, "body")
			resp, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || string(body) != "waited" {
				t.Errorf("%q, %v", body, err)
			}
			time.Sleep(90 * time.Second) //nolint:forbidigo // in the bubble's time
		}
	})
}

// TestBodyThatTrickles: whoever sends less than a kilobyte a second on average
// does not hold one of the places of uploads, also after a fast beginning; who
// is only just fast enough, or pauses, is left alone.
func TestBodyThatTrickles(t *testing.T) {
	for _, test := range []struct {
		name       string
		first      int // bytes at once, at the start
		each       int // bytes every ten seconds
		pause      time.Duration
		least, max time.Duration // until it is refused; 0: it is not
	}{
		{"a byte now and then", 0, 1, 10 * time.Second, graceOfClient, 45 * time.Second},
		{"half the pace", 0, 5 << 10, 10 * time.Second, graceOfClient, 75 * time.Second},
		{"after a fast start", 4 << 20, 1, 10 * time.Second, patienceWithClient, 75 * time.Second},
		{"the pace", 0, 10 << 10, 10 * time.Second, 0, 0},
		{"with pauses", 1 << 20, 1 << 20, 50 * time.Second, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			slowly(t, func(w http.ResponseWriter, r *http.Request) {
				body := newBody(w, r, 1<<30)
				defer body.settle()
				status := http.StatusAccepted
				if _, err := io.Copy(io.Discard, body); err != nil {
					status = problemOf(err).Status
				}
				w.Header().Set("Connection", "close")
				w.WriteHeader(status)
			}, func(t *testing.T, dial func() net.Conn) {
				c, began := dial(), time.Now()
				sent := make(chan struct{})
				defer func() { _ = c.Close(); <-sent }()
				const times = 60
				fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", test.first+times*test.each)
				go func() {
					defer close(sent)
					_, _ = io.CopyN(c, zeros{}, int64(test.first)) // fails when it is refused
					for range times {
						time.Sleep(test.pause) //nolint:forbidigo // in the bubble's time
						if _, err := io.CopyN(c, zeros{}, int64(test.each)); err != nil {
							return
						}
					}
				}()
				resp, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				took := time.Since(began)
				switch {
				case test.max == 0 && resp.StatusCode != http.StatusAccepted:
					t.Errorf("%d after %v", resp.StatusCode, took)
				case test.max > 0 && (resp.StatusCode != http.StatusRequestTimeout || took < test.least || took > test.max):
					t.Errorf("%d after %v, want 408 after %v to %v", resp.StatusCode, took, test.least, test.max)
				}
			})
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

package faultproxy

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// echo is a server that sends back what it gets.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); c.Close() }()
		}
	}()
	return l.Addr().String()
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ask sends a byte and waits for it to come back.
func ask(t *testing.T, c net.Conn, patience time.Duration) error {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte{1}); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 1))
	return err
}

func TestFaults(t *testing.T) {
	t.Parallel()
	p := New(t, echo(t))
	c := dial(t, p)
	if err := ask(t, c, time.Minute); err != nil {
		t.Fatal(err)
	}
	p.Hang()
	if err := ask(t, c, 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("hung: %v", err)
	}
	if err := ask(t, dial(t, p), 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("new one, hung: %v", err)
	}
	p.Resume()
	if _, err := io.ReadFull(c, make([]byte, 0)); err != nil {
		t.Error(err)
	}
	if err := ask(t, c, time.Minute); err != nil {
		t.Errorf("resumed: %v", err)
	}
	p.Delay(30 * time.Millisecond)
	d := dial(t, p)
	if start, err := time.Now(), ask(t, d, time.Minute); err != nil || time.Since(start) < 60*time.Millisecond {
		t.Errorf("delayed: %v after %v", err, time.Since(start))
	}
	p.Resume()
	p.Cut()
	if err := ask(t, d, time.Minute); err == nil {
		t.Error("cut: it answers")
	}
	if err := ask(t, dial(t, p), time.Minute); err != nil {
		t.Errorf("new one after the cut: %v", err)
	}
}

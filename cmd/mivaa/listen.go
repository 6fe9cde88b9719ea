package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
)

// firstHandedOver is the number of the first descriptor that systemd hands over.
const firstHandedOver = 3

// listen opens the API's address, or takes the socket that systemd has opened
// already: with one, who connects during a restart waits, and is not refused.
func listen(ctx context.Context, s *serveSettings, getenv func(string) string) (net.Listener, error) {
	l, err := handedOver(getenv)
	if err != nil {
		return nil, &exitError{exit: exitFailure, code: "address", err: err, hint: "look at the socket unit: it is to listen for streams, on one address"}
	}
	if l != nil {
		if addr := l.Addr(); addr.Network() == "tcp" && s.access.open() && !loopback(addr.String()) {
			l.Close()
			return nil, usage(fmt.Errorf("the socket that systemd handed over, %s, can be reached from other machines, which needs a token: give one with --token-file or MIVAA_TOKEN", addr))
		}
		return l, nil
	}
	l, err = new(net.ListenConfig).Listen(ctx, "tcp", s.addr)
	if err != nil {
		return nil, &exitError{exit: exitFailure, code: "address", err: err, hint: "is another instance running? choose another address with --addr"}
	}
	return l, nil
}

// usualAddr is where the API listens unless it is told otherwise.
const usualAddr = "127.0.0.1:8000"

// elsewhere reports whether another address was asked for than the one at which the
// service listens, as far as both are numbers.
func elsewhere(asked, at string) bool {
	want, err := netip.ParseAddrPort(asked)
	is, err2 := netip.ParseAddrPort(at)
	if err != nil || err2 != nil || asked == usualAddr {
		return false
	}
	everywhere := want.Addr().IsUnspecified() && is.Addr().IsUnspecified()
	return want.Port() != 0 && want.Port() != is.Port() || want.Addr() != is.Addr() && !everywhere
}

// handedOver returns the socket that systemd handed to this process, or nil.
func handedOver(getenv func(string) string) (net.Listener, error) {
	if getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	switch n, err := strconv.Atoi(getenv("LISTEN_FDS")); {
	case err != nil || n < 1:
		return nil, nil
	case n > 1:
		return nil, fmt.Errorf("systemd handed over %d sockets", n)
	}
	file := os.NewFile(firstHandedOver, "socket of systemd")
	defer file.Close() // the listener has a copy
	l, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("take socket of systemd: %w", err)
	}
	return l, nil
}

package api

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	mostFailures     = 10 // of one address, a minute
	failurePeriod    = time.Minute / mostFailures
	mostFailureAddrs = 4096 // that are remembered
)

// failures counts wrong tokens by the address they came from, so that whoever
// tries one after another is answered, and fills the log, ten times a minute. A
// right token is never held up: others may come from the same address, and a
// token is too long to be guessed. It remembers a bounded number of addresses, and
// forgets first the one that has failed least recently. The zero value works.
type failures struct {
	mu     sync.Mutex
	byAddr map[netip.Addr]*culprit
}

// culprit is an address that has failed.
type culprit struct {
	limit *rate.Limiter // holds what failures are left
	last  time.Time
}

// wrong counts a wrong token, and returns 0, or how long the address has to
// wait: it has failed too often.
func (f *failures) wrong(addr netip.Addr, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	addr = neighbourhood(addr)
	known := f.byAddr[addr]
	if known == nil {
		f.makeRoom()
		known = &culprit{limit: rate.NewLimiter(rate.Every(failurePeriod), mostFailures)}
		f.byAddr[addr] = known
	}
	if left := known.limit.TokensAt(now); left < 1 {
		return max(time.Second, time.Duration((1-left)*float64(failurePeriod)))
	}
	known.last = now
	known.limit.AllowN(now, 1)
	return 0
}

func (f *failures) makeRoom() {
	if f.byAddr == nil {
		f.byAddr = map[netip.Addr]*culprit{}
	}
	if len(f.byAddr) < mostFailureAddrs {
		return
	}
	var oldest netip.Addr
	for addr, known := range f.byAddr {
		if was := f.byAddr[oldest]; was == nil || known.last.Before(was.last) {
			oldest = addr
		}
	}
	delete(f.byAddr, oldest)
}

// neighbourhood is what counts as one address: of IPv6 a whole /64, which is
// the least that a customer of a provider is given.
func neighbourhood(addr netip.Addr) netip.Addr {
	if addr.Is6() {
		if whole, err := addr.Prefix(64); err == nil {
			return whole.Addr()
		}
	}
	return addr
}

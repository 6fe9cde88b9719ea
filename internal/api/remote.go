package api

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// proxies are the addresses whose word about a client is taken.
type proxies []netip.Prefix

func (p proxies) trust(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(known netip.Prefix) bool { return known.Contains(addr) })
}

// client returns the address that a request came from: the one at the other end
// of the connection or, where that is a known proxy, the one it names. A name is
// taken only from a known proxy, so that nobody makes one up.
func (p proxies) client(r *http.Request) netip.Addr {
	addr := peer(r)
	if !p.trust(addr) {
		return addr
	}
	named := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, name := range slices.Backward(named) {
		next, err := netip.ParseAddr(strings.TrimSpace(name))
		if err != nil {
			return addr
		}
		if addr = next.Unmap().WithZone(""); !p.trust(addr) {
			return addr
		}
	}
	return addr
}

// overTLS reports whether the client's own connection is encrypted.
func (p proxies) overTLS(r *http.Request) bool {
	return r.TLS != nil || p.trust(peer(r)) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// peer is the other end of the connection; not valid where it has no address.
func peer(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}

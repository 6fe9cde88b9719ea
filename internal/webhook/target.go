package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"unicode"
)

// Targets says which addresses may be called. The zero value allows https to
// hosts of the public internet.
type Targets struct {
	// Private allows loopback and private networks too, there also by http.
	Private bool
}

const longestURL = 2000 // bytes

// Check returns a callback_url as it is kept: its host in small letters, its
// path never empty. An error says what is wrong with it.
func (t Targets) Check(text string) (string, error) {
	if len(text) > longestURL {
		return "", fmt.Errorf("longer than %d bytes", longestURL)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return "", errors.New("it has a space or a control character in it")
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Hostname() == "" {
		return "", errors.New("not an address like https://example.com/hook")
	}
	switch {
	case u.User != nil:
		return "", errors.New("it must not have a user or password in it: deliveries are signed, the receiver needs neither")
	case u.Fragment != "" || strings.Contains(text, "#"):
		return "", errors.New("it must not have a fragment (#)")
	case !goodPort(u):
		return "", errors.New("its port is not 1 to 65535")
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if u.Path == "" {
		u.Path = "/"
	}
	if err := t.checkScheme(u.Scheme); err != nil {
		return "", err
	}
	return u.String(), t.checkHost(u)
}

func goodPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && n > 0
}

func (t Targets) checkScheme(scheme string) error {
	switch {
	case scheme == "https", scheme == "http" && t.Private:
		return nil
	case scheme == "http":
		return errors.New("it must be https: what is sent would be readable on the way")
	}
	return errors.New("it must be https")
}

// checkHost refuses early what is refused when it is dialled: an address, or
// this machine by its name. What other names stand for may change at any time.
func (t Targets) checkHost(u *url.URL) error {
	name := strings.TrimSuffix(u.Hostname(), ".")
	if addr, err := netip.ParseAddr(name); err == nil {
		return t.allow(addr, u.Scheme)
	}
	if !t.Private && (name == "localhost" || strings.HasSuffix(name, ".localhost")) {
		return refused("this machine")
	}
	return nil
}

// origin is what deliveries to one host have in common: the beginning of their
// URL up to the path.
func origin(checked string) string {
	scheme, rest, _ := strings.Cut(checked, "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host + "/"
}

// refusedError is an address that must not be called.
type refusedError struct{ what string }

func refused(what string) error { return &refusedError{what} }

func (e *refusedError) Error() string {
	return "it leads to " + e.what + ", which this service does not call"
}

// allow says whether an address may be dialled.
func (t Targets) allow(addr netip.Addr, scheme string) error {
	addr = addr.Unmap().WithZone("") // ::ffff:127.0.0.1 is 127.0.0.1
	for _, n := range never {
		if n.prefix.Contains(addr) && !addr.IsLoopback() {
			return refused(n.what)
		}
	}
	private := !isPublic(addr)
	switch {
	case private && !t.Private:
		return refused("a private network")
	case !private && scheme == "http":
		return refused("the public internet by http")
	}
	return nil
}

// control is net.Dialer.Control: it sees each address that a name stands for,
// right before it is dialled.
func (t Targets) control(scheme string) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("read address %q: %w", address, err)
		}
		return t.allow(to.Addr(), scheme)
	}
}

type network struct {
	prefix netip.Prefix
	what   string
}

// never are networks that no receiver is in, whatever is allowed. The addresses
// by which clouds hand out credentials are among them.
var never = []network{
	{netip.MustParsePrefix("0.0.0.0/8"), "no host"},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address"},
	{netip.MustParsePrefix("100.100.100.200/32"), "a cloud's metadata"},
	{netip.MustParsePrefix("192.0.0.192/32"), "a cloud's metadata"},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast address"},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved address"},
	{netip.MustParsePrefix("::/128"), "no host"},
	{netip.MustParsePrefix("::/96"), "an address inside another"}, // ::1 aside
	{netip.MustParsePrefix("64:ff9b::/96"), "an address inside another"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "an address inside another"},
	{netip.MustParsePrefix("2001::/32"), "an address inside another"}, // Teredo
	{netip.MustParsePrefix("2002::/16"), "an address inside another"}, // 6to4
	{netip.MustParsePrefix("fd00:ec2::/32"), "a cloud's metadata"},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
}

// notPublic are the networks within 0.0.0.0/0 and 2000::/3 that the public
// internet does not lead to.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // carriers' own
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("3fff::/20"),
}

var globalIPv6 = netip.MustParsePrefix("2000::/3")

// isPublic reports whether the public internet leads to an address.
func isPublic(addr netip.Addr) bool {
	if addr.Is6() && !globalIPv6.Contains(addr) {
		return false
	}
	for _, p := range notPublic {
		if p.Contains(addr) {
			return false
		}
	}
	return true
}

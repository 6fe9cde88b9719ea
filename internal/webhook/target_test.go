package webhook

import (
	"net/netip"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	public, private := Targets{}, Targets{Private: true}
	for _, c := range []struct {
		targets    Targets
		text, want string // want: what is kept, or with a ! a part of what is wrong
	}{
		{public, "https://example.com/hook?a=b", "https://example.com/hook?a=b"},
		{public, "HTTPS://Example.COM", "https://example.com/"},
		{public, "https://example.com?a", "https://example.com/?a"},
		{public, "https://example.com:8443/x", "https://example.com:8443/x"},
		{public, "https://93.184.215.14/x", "https://93.184.215.14/x"},
		{public, "https://[2606:2800:21f:cb07::1]/x", "https://[2606:2800:21f:cb07::1]/x"},
		{public, "http://example.com/", "!must be https"},
		{public, "ftp://example.com/", "!must be https"},
		{public, "file:///etc/passwd", "!not an address"},
		{public, "example.com/hook", "!not an address"},
		{public, "https:example.com", "!not an address"},
		{public, "https:///x", "!not an address"},
		{public, "https://%zz/", "!not an address"},
		{public, "", "!not an address"},
		{public, "https://me:secret@example.com/", "!user or password"},
		{public, "https://me@example.com/", "!user or password"},
		{public, "https://example.com/#", "!fragment"},
		{public, "https://example.com/#a", "!fragment"},
		{public, "https://example.com:0/", "!port"},
		{public, "https://example.com:65536/", "!port"},
		{public, "https://example.com:/", "!port"},
		{public, "https://example.com/a b", "!space"},
		{public, "https://example.com/\r\nHost: evil", "!space"},
		{public, "https://example.com/" + strings.Repeat("a", longestURL), "!longer"},
		{public, "https://localhost/", "!this machine"},
		{public, "https://LOCALHOST./", "!this machine"},
		{public, "https://a.localhost/", "!this machine"},
		{public, "https://127.0.0.1/", "!private"},
		{public, "https://10.1.2.3/", "!private"},
		{public, "https://[::1]/", "!private"},
		{public, "https://[::ffff:127.0.0.1]/", "!private"},
		{public, "https://169.254.169.254/latest/meta-data/", "!link-local"},
		{private, "http://127.0.0.1:9000/x", "http://127.0.0.1:9000/x"},
		{private, "http://localhost:9000", "http://localhost:9000/"},
		{private, "http://receiver:9000", "http://receiver:9000/"},
		{private, "http://[::1]:9000/", "http://[::1]:9000/"},
		{private, "https://192.168.0.7/", "https://192.168.0.7/"},
		{private, "http://93.184.215.14/", "!by http"},
		{private, "http://169.254.169.254/", "!link-local"},
		{private, "http://0.0.0.0:9000/", "!no host"},
		{private, "ftp://127.0.0.1/", "!must be https"},
	} {
		got, err := c.targets.Check(c.text)
		if wrong, ok := strings.CutPrefix(c.want, "!"); ok {
			if err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%.80q (private: %t): %q, %v, want an error with %q", c.text, c.targets.Private, got, err, wrong)
			} else if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error repeats a password: %v", err)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%q (private: %t): %q, %v, want %q", c.text, c.targets.Private, got, err, c.want)
		}
		if again, err := c.targets.Check(got); err != nil || again != got {
			t.Errorf("checked again %q is %q, %v", got, again, err)
		}
		if !strings.HasPrefix(got, origin(got)) || strings.Count(origin(got), "/") != 3 {
			t.Errorf("origin of %q is %q", got, origin(got))
		}
	}
}

func TestAllow(t *testing.T) {
	t.Parallel()
	const always, private, no = "always", "private", "no"
	for addr, want := range map[string]string{
		"8.8.8.8": always, "93.184.215.14": always, "1.1.1.1": always, "192.0.3.1": always, "172.32.0.1": always, "100.128.0.1": always,
		"2606:4700::1111": always, "2a00:1450:4001::1": always, "::ffff:8.8.8.8": always,

		"127.0.0.1": private, "127.255.255.254": private, "10.0.0.1": private, "172.16.0.1": private, "172.31.255.255": private,
		"192.168.1.1": private, "100.64.0.1": private, "100.127.255.255": private, "192.0.0.1": private, "192.0.2.1": private,
		"198.18.0.1": private, "198.51.100.1": private, "203.0.113.1": private, "::1": private, "fc00::1": private, "fd12:3456::1": private,
		"::ffff:127.0.0.1": private, "::ffff:10.0.0.1": private, "2001:db8::1": private, "3fff::1": private, "5f00::1": private, "4000::1": private,
		"fec0::1": private, "100::1": private,

		"0.0.0.0": no, "0.1.2.3": no, "169.254.169.254": no, "169.254.0.1": no, "224.0.0.1": no, "239.1.1.1": no, "255.255.255.255": no, "240.0.0.1": no,
		"::": no, "::7f00:1": no, "64:ff9b::7f00:1": no, "64:ff9b::808:808": no, "64:ff9b:1::1": no, "2002:7f00:1::": no, "2001::1": no,
		"fe80::1": no, "fe80::1%eth0": no, "ff02::1": no, "::ffff:169.254.169.254": no, "::ffff:0.0.0.0": no, "fd00:ec2::254": no, "100.100.100.200": no,
	} {
		a := netip.MustParseAddr(addr)
		if got := (Targets{}).allow(a, "https") == nil; got != (want == always) {
			t.Errorf("%s: allowed %t, want %s", addr, got, want)
		}
		if got := (Targets{Private: true}).allow(a, "https") == nil; got != (want != no) {
			t.Errorf("%s with private networks: allowed %t, want %s", addr, got, want)
		}
		if got := (Targets{Private: true}).allow(a, "http") == nil; got != (want == private) {
			t.Errorf("%s by http with private networks: allowed %t, want %s", addr, got, want)
		}
	}
}

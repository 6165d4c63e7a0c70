package fetch

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
)

// The last door: a socket is not connected to what is not allowed, whoever has resolved it.
func TestControl(t *testing.T) {
	c := &Config{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	for address, allowed := range map[string]bool{
		"127.0.0.1:80":           true,
		"93.184.216.34:80":       true,
		"[2606:4700::1111]:443":  true,
		"10.0.0.1:80":            false,
		"[::1]:80":               false,
		"[::ffff:10.0.0.1]:80":   false,
		"[fe80::1%lo]:80":        false,
		"169.254.169.254:80":     false,
		"localhost:80":           false,
		"":                       false,
		"[64:ff9b::a00:1]:80":    false,
		"[2002:7f00:1::1]:80":    false,
		"[::ffff:127.0.0.1]:80":  true, // the same as 127.0.0.1
		"[64:ff9b::7f00:1]:8080": false,
	} {
		err := c.control("tcp", address, nil)
		if err == nil != allowed || err != nil && !errors.As(err, new(*fileError)) {
			t.Errorf("%s: %v, want it allowed: %t", address, err, allowed)
		}
	}
}

// A session remembers about so many hosts and no more, however many the data names.
func TestHostsAreForgotten(t *testing.T) {
	source, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := source.NewSession()
	used := s.enter("used.example")
	for i := range 3 * maxHosts {
		h := s.enter(fmt.Sprint(i))
		s.answers(h)
		s.leave(h)
	}
	if len(s.hosts) > maxHosts+1 || s.hosts["used.example"] != used {
		t.Errorf("%d hosts are remembered", len(s.hosts))
	}
}

// What a host is in a URL is what is asked for, and needs no second look.
func FuzzURL(f *testing.F) {
	for _, text := range []string{
		"https://example.com/a%20b?x=1#f", "http://EXAMPLE.com.:80", "http://[2606:4700::1111]:443/", "http://0x7f.1/", "http://a@b/", "http://a\\@b/",
		"http://127.0.0.1%2f@b/", "//a", "http:a", "http:///a", "http://[::1%25lo]/", "http://１２７.0.0.1/", "http://ⓛocalhost/", "http://a..b/", "ftp://a/",
		"http://2130706433/", "http://1.1.1.1:080/", "http://\u212a.example/", "HTTPS://xn--bcher-kva.example:443/ü", "http://a:b/", "http://%6c/", "http://a /", "http://a?@b", "http://a#@b",
	} {
		f.Add(text)
	}
	c := &Config{Ports: []uint16{80, 443}}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := c.parse(text)
		if err != nil {
			return
		}
		if u.User != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "" {
			t.Errorf("%q becomes %q", text, u)
		}
		if a, err := netip.ParseAddr(u.Hostname()); err == nil && !isPublic(a) {
			t.Errorf("%q leads to %s", text, a)
		}
		again, err := c.parse(u.String())
		if err != nil || again.String() != u.String() || again.Host != u.Host {
			t.Errorf("%q becomes %q, and that %v (%v)", text, u, again, err)
		}
	})
}

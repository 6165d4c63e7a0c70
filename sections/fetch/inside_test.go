package fetch_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/sections/fetch"
)

// These lead inside, or are no addresses of files. None of them is ever connected to.
var insideURLs = map[string]string{
	// Addresses of IPv4.
	"http://127.0.0.1/SECRET":        notPublic,
	"http://127.255.255.254/":        notPublic,
	"http://0.0.0.0/":                notPublic,
	"http://0.1.2.3/":                notPublic,
	"http://10.0.0.1/":               notPublic,
	"http://172.16.0.1/":             notPublic,
	"http://172.31.255.255/":         notPublic,
	"http://192.168.1.1/":            notPublic,
	"http://100.64.0.1/":             notPublic,
	"http://100.100.100.200/":        notPublic, // metadata of Alibaba Cloud
	"http://169.254.169.254/latest/": notPublic, // of AWS and others
	"http://169.254.170.2/":          notPublic, // of ECS
	"http://168.63.129.16/":          notPublic, // of Azure
	"http://192.0.0.192/":            notPublic, // of Oracle Cloud
	"http://192.0.2.1/":              notPublic,
	"http://192.88.99.1/":            notPublic,
	"http://198.18.0.1/":             notPublic,
	"http://198.51.100.1/":           notPublic,
	"http://203.0.113.1/":            notPublic,
	"http://224.0.0.1/":              notPublic,
	"http://240.0.0.1/":              notPublic,
	"http://255.255.255.255/":        notPublic,
	"https://127.0.0.1/":             notPublic,
	// Addresses of IPv6, with ones of IPv4 in them.
	"http://[::]/":                       notPublic,
	"http://[::1]/":                      notPublic,
	"http://[::ffff:127.0.0.1]/":         notPublic,
	"http://[::ffff:a9fe:a9fe]/":         notPublic,
	"http://[::127.0.0.1]/":              notPublic,
	"http://[::ffff:0:7f00:1]/":          notPublic,
	"http://[64:ff9b::7f00:1]/":          notPublic,
	"http://[64:ff9b::169.254.169.254]/": notPublic,
	"http://[64:ff9b:1::1]/":             notPublic,
	"http://[2002:7f00:1::]/":            notPublic,
	"http://[2002:a00:1::1]/":            notPublic,
	"http://[2001::1]/":                  notPublic, // Teredo
	"http://[2001:db8::1]/":              notPublic,
	"http://[2a00::5efe:10.0.0.1]/":      notPublic, // ISATAP
	"http://[2a00::200:5efe:10.0.0.1]/":  notPublic,
	"http://[100::1]/":                   notPublic,
	"http://[3fff::1]/":                  notPublic,
	"http://[5f00::1]/":                  notPublic,
	"http://[4000::1]/":                  notPublic, // nobody's
	"http://[fc00::1]/":                  notPublic,
	"http://[fd00:ec2::254]/":            notPublic, // metadata of AWS
	"http://[fd20:ce::254]/":             notPublic, // of Google Cloud
	"http://[fe80::1]/":                  notPublic,
	"http://[fe80::1%25eth0]/":           notPublic,
	"http://[2606:4700::1111%25eth0]/":   notPublic,
	"http://[fec0::1]/":                  notPublic,
	"http://[ff02::1]/":                  notPublic,
	// Other forms of 127.0.0.1, which some systems take.
	"http://127.1/":           notWeb,
	"http://127.0.1/":         notWeb,
	"http://0x7f.1/":          notWeb,
	"http://0x7f000001/":      notWeb,
	"http://0X7F.0.0.0x1/":    notWeb,
	"http://2130706433/":      notWeb,
	"http://017700000001/":    notWeb,
	"http://0177.0.0.1/":      notWeb,
	"http://127.0.0.1./":      notWeb,
	"http://127.000.000.001/": notWeb,
	"http://256.0.0.1/":       notWeb,
	"http://0x/":              notWeb,
	"http://0/":               notWeb,
	"http://１２７.０.０.１/":       notWeb,
	"http://①②⑦.0.0.1/":       notWeb,
	"http://127。0。0。1/":       notWeb,
	"http://ⓛocalhost/":       notWeb,
	"http://%31%32%37.0.0.1/": notWeb,
	"http://[::1/":            notWeb,
	"http://[127.0.0.1]/":     notWeb,
	// Names that lead inside, whoever has made them.
	"http://localhost/":                notPublic,
	"http://localhost./":               notPublic,
	"http://LOCALHOST/":                notPublic,
	"http://127.0.0.1.nip.io/":         notPublic,
	"http://metadata.google.internal/": notPublic,
	"http://mixed.example/":            notPublic,
	"http://mixed6.example/":           notPublic,
	"http://mapped.example/":           notPublic,
	"http://nat64.example/":            notPublic,
	"http://empty.example/":            notPublic,
	"http://nowhere.example/":          notPublic, // the same for a name that is not there
	// Tricks with users, ports and schemes.
	"http://example.com@127.0.0.1/":                    notWeb,
	"http://user:SECRET@good.example/":                 notWeb,
	"http://127.0.0.1@good.example/":                   notWeb,
	"http://good.example\\@127.0.0.1/":                 notWeb,
	"http://good.example:@127.0.0.1/":                  notWeb,
	"http://good.example:22/":                          notPublic,
	"http://good.example:6379/":                        notPublic,
	"http://good.example:0/":                           notPublic,
	"http://good.example:65616/":                       notWeb, // 65616 is 80 in 16 bits
	"http://good.example:80:80/":                       notWeb,
	"file:///etc/passwd":                               notWeb,
	"gopher://good.example/_SECRET":                    notWeb,
	"ftp://good.example/":                              notWeb,
	"data:text/plain,SECRET":                           notWeb,
	"unix:///var/run/docker.sock":                      notWeb,
	"javascript:alert(1)":                              notWeb,
	"http:good.example/":                               notWeb,
	"http:///good.example/":                            notWeb,
	"//good.example/":                                  notWeb,
	"good.example/a":                                   notWeb,
	"/etc/passwd":                                      notWeb,
	"":                                                 notWeb,
	"http://":                                          notWeb,
	"http://good..example/":                            notWeb,
	"http://good.example\r\nX: 1/":                     notWeb,
	"http://good.example/\x00":                         notWeb,
	"http://good example/":                             notWeb,
	"http://" + strings.Repeat("a", 64) + ".example/":  notWeb,
	"http://good.example/" + strings.Repeat("a", 9000): notWeb,
}

func insideNames() names {
	return names{
		"localhost":                {"127.0.0.1 ::1"},
		"localhost.":               {"127.0.0.1"},
		"127.0.0.1.nip.io":         {"127.0.0.1"},
		"metadata.google.internal": {"169.254.169.254"},
		"mixed.example":            {public + " 10.0.0.1"},
		"mixed6.example":           {"2606:4700::1111 fd00::1"},
		"mapped.example":           {"::ffff:192.168.0.1"},
		"nat64.example":            {"64:ff9b::a00:1"},
		"empty.example":            {""},
		"good.example":             {public},
		"six.example":              {"2606:4700::1111"},
		"four-in-six.example":      {"::ffff:" + public, "64:ff9b::" + public},
	}
}

// TestInside: no URL leads inside, and customers cannot tell what is there.
func TestInside(t *testing.T) {
	web := &internet{fake: insideNames()}
	session := newSource(t, web.config()).NewSession()
	for url, want := range insideURLs {
		_, err := session.Open(t.Context(), url)
		secret := ""
		if len(url) > 20 {
			secret = url
		}
		wantPublic(t, err, want, secret)
	}
	if asked := web.dialled(); len(asked) != 0 {
		t.Errorf("connected to %v", asked)
	}
	t.Logf("%d are refused", len(insideURLs))
}

// TestOutside: what is public is asked, by the address that was looked at.
func TestOutside(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { say(w, r.Host+r.URL.String()) }))
	defer server.Close()
	for url, want := range map[string][2]string{
		"http://good.example/a":              {"good.example/a", public + ":80"},
		"HTTP://Good.EXAMPLE:80/a":           {"good.example/a", public + ":80"},
		"http://good.example:443/a":          {"good.example:443/a", public + ":443"},
		"http://" + public + "/a b?c d#f":    {public + "/a%20b?c%20d", public + ":80"},
		"http://six.example/":                {"six.example/", "[2606:4700::1111]:80"},
		"http://[2606:4700:0::1111]/":        {"[2606:4700::1111]/", "[2606:4700::1111]:80"},
		"http://four-in-six.example/":        {"four-in-six.example/", public + ":80"},
		"http://[64:ff9b::" + public + "]/":  {"[64:ff9b::5db8:d822]/", "[64:ff9b::5db8:d822]:80"},
		"http://[::ffff:" + public + "]:80/": {"[::ffff:" + public + "]/", public + ":80"},
	} {
		web := &internet{server: server.Listener.Addr().String(), fake: insideNames()}
		body, _, err := get(t.Context(), newSource(t, web.config()).NewSession(), url)
		if err != nil || body != want[0] || !slices.Equal(web.dialled(), []string{want[1]}) {
			t.Errorf("%s: %q, %v, by %v", url, body, err, web.dialled())
		}
	}
}

// TestRedirectsInside: a server of the internet sends us to everything that is refused, and more.
func TestRedirectsInside(t *testing.T) {
	locations := map[string]string{
		"file:///etc/passwd":       redirects,
		"gopher://good.example/":   redirects,
		"//127.0.0.1/":             notPublic,
		"///127.0.0.1/":            redirects,
		"//user@good.example/":     redirects,
		`\\127.0.0.1\a`:            redirects,
		"//127.1/":                 redirects,
		"//rebound.example/":       notPublic,
		"http://good.example:22/":  notPublic,
		"":                         redirects,
		"http://%zz/":              redirects,
		"chain-to-inside":          notPublic,
		"loop":                     redirects,
		"/to?l=http://10.0.0.1/":   notPublic,
		"http://[::ffff:7f00:1]/a": notPublic,
	}
	for url, want := range insideURLs {
		if want == notPublic && !strings.ContainsAny(url, "\r\x00") {
			locations[url] = want
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Query().Get("l"))
		switch r.URL.Path {
		case "/chain-to-inside":
			w.Header().Set("Location", "//good.example/to?l=//localhost/")
		case "/loop":
			w.Header().Set("Location", "/loop")
		}
		w.WriteHeader(http.StatusFound)
	}))
	defer server.Close()
	web := &internet{server: server.Listener.Addr().String(), fake: insideNames()}
	web.fake["rebound.example"] = []string{"10.0.0.1"}
	session := newSource(t, web.config()).NewSession()
	for location, want := range locations {
		_, err := session.Open(t.Context(), "http://good.example/to?l="+escaped(location))
		if err == nil {
			t.Errorf("%q was followed", location)
		}
		wantPublic(t, err, want, "good.example")
	}
	for _, address := range web.dialled() {
		if address != public+":80" {
			t.Errorf("connected to %s", address)
		}
	}
	t.Logf("%d are refused", len(locations))
}

// TestRedirects: those that may be followed are, without Referer, and not from https to http.
func TestRedirects(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name := range r.Header {
			if !slices.Contains([]string{"User-Agent", "Accept", "Accept-Encoding"}, name) {
				t.Errorf("a request has %s: %s", name, r.Header.Get(name))
			}
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		code, left := 0, 0
		switch r.URL.Path {
		case "/file":
			say(w, "the file")
		case "/http":
			http.Redirect(w, r, "http://good.example/file", http.StatusFound)
		case "/https":
			http.Redirect(w, r, "https://example.com/file", http.StatusFound)
		default:
			_, _ = fmt.Sscanf(r.URL.Path, "/%d/%d", &code, &left)
			to := fmt.Sprintf("/%d/%d", code, left-1)
			if left == 1 {
				to = "/file"
			}
			http.Redirect(w, r, to+"?X-Signature=SECRET", code)
		}
	})
	plain, secure := httptest.NewServer(handler), httptest.NewUnstartedServer(handler)
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // one name is not in its certificate
	secure.StartTLS()
	defer plain.Close()
	defer secure.Close()
	web := &internet{fake: names{"good.example": {public}, "example.com": {public}}}
	c := web.config()
	c.Dial = func(ctx context.Context, _, address string) (net.Conn, error) {
		server := plain
		if strings.HasSuffix(address, ":443") {
			server = secure
		}
		return (&internet{server: server.Listener.Addr().String()}).dial(ctx, "tcp", address)
	}
	c.RootCAs = newPool(secure.Certificate())
	session := newSource(t, c).NewSession()
	for url, want := range map[string]string{
		"http://good.example/301/1":  "",
		"http://good.example/302/2":  "",
		"http://good.example/303/3":  "",
		"http://good.example/307/4":  "",
		"http://good.example/308/5":  "",
		"http://good.example/302/6":  redirects,
		"http://good.example/https":  "",
		"https://example.com/302/5":  "",
		"https://example.com/http":   redirects,
		"https://good.example/file":  "The server of the file has no valid certificate.",
		"http://good.example/300/1":  "The server of the file refused the request.",
		"https://example.com/304/1":  "The server of the file refused the request.",
		"https://example.com/https":  "",
		"http://good.example/http":   "",
		"http://good.example/file#a": "",
	} {
		body, _, err := get(t.Context(), session, url+"?X-Signature=SECRET")
		switch {
		case want != "":
			wantPublic(t, err, want)
		case err != nil || body != "the file":
			t.Errorf("%s: %q, %v", url, body, err)
		}
	}
}

// TestRebinding: a name that was public when a file was fetched is looked at again for the next
// connection.
func TestRebinding(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		say(w, "the file")
	}))
	defer server.Close()
	web := &internet{server: server.Listener.Addr().String(), fake: names{"rebound.example": {public, "127.0.0.1"}}}
	session := newSource(t, web.config()).NewSession()
	if body, _, err := get(t.Context(), session, "http://rebound.example/"); err != nil || body != "the file" {
		t.Errorf("got %q, %v", body, err)
	}
	_, _, err := get(t.Context(), session, "http://rebound.example/")
	wantPublic(t, err, notPublic)
	if asked := web.dialled(); !slices.Equal(asked, []string{public + ":80"}) {
		t.Errorf("connected to %v", asked)
	}
}

// TestNetworks: what the configuration allows is fetched, and nothing beside it.
func TestNetworks(t *testing.T) {
	address, c := local(t, func(w http.ResponseWriter, _ *http.Request) { say(w, "the file") })
	c.Networks = append(c.Networks, netip.MustParsePrefix("10.1.0.0/16"))
	session := newSource(t, c).NewSession()
	if body, _, err := get(t.Context(), session, address); err != nil || body != "the file" {
		t.Errorf("got %q, %v", body, err)
	}
	port := address[strings.LastIndex(address, ":"):]
	for _, host := range []string{"10.2.0.1", "[::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::1]"} {
		_, err := session.Open(t.Context(), "http://"+host+port)
		wantPublic(t, err, notPublic)
	}
	_, err := session.Open(t.Context(), "http://127.0.0.1/")
	wantPublic(t, err, notPublic)
}

func TestNew(t *testing.T) {
	for want, c := range map[string]fetch.Config{
		"Networks has invalid Prefix": {Networks: []netip.Prefix{{}}},
		"Networks has 10.0.0.1/8":     {Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/8")}},
		"Networks has ::ffff:":        {Networks: []netip.Prefix{netip.PrefixFrom(netip.MustParseAddr("::ffff:10.0.0.0"), 104)}},
		"Ports has 0":                 {Ports: []uint16{80, 0}},
		"RetryDelay is negative\nfetch: Config.Patience is negative\nfetch: Config.Timeout is negative\nfetch: Config.Connections is negative": {RetryDelay: -1, Patience: -1, Timeout: -1, Connections: -1},
		"UserAgent has a character": {UserAgent: "a\r\nCookie: b"},
	} {
		if _, err := fetch.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New gives %v, want %s", err, want)
		}
	}
}

// FuzzRedirect: whatever a URL, the server that it names and the names that it has say, nothing
// inside is connected to. What is inside is said by package netip here, and by a list of its own.
func FuzzRedirect(f *testing.F) {
	for url := range insideURLs {
		f.Add("http://good.example/", url, []byte{127, 0, 0, 1})
		f.Add(url, "/a", []byte{93, 184, 216, 34})
	}
	f.Add("https://a.example/", "//b.example", []byte("0123456789abcdef"))
	f.Fuzz(func(t *testing.T, url, location string, address []byte) {
		resolver := resolverFunc(func(host string) ([]netip.Addr, error) {
			a, ok := netip.AddrFromSlice(address)
			if host == "good.example" || !ok {
				a = netip.MustParseAddr(public)
			}
			return []netip.Addr{a}, nil
		})
		s := newSource(t, fetch.Config{Resolver: resolver, Retries: -1, Patience: time.Nanosecond, Dial: func(_ context.Context, _, address string) (net.Conn, error) {
			to, err := netip.ParseAddrPort(address)
			if err != nil || leadsInside(to.Addr()) || to.Port() != 80 && to.Port() != 443 {
				t.Errorf("%q and %q lead to %s", url, location, address)
			}
			if to.Port() == 443 {
				return nil, errors.New("no TLS here")
			}
			client, server := net.Pipe()
			go func() {
				defer server.Close()
				if _, err := http.ReadRequest(bufio.NewReader(server)); err == nil {
					_, _ = fmt.Fprintf(server, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", location)
				}
			}()
			return client, nil
		}})
		_, err := s.NewSession().Open(t.Context(), url)
		if err == nil {
			t.Errorf("%q and %q lead to a file", url, location)
		}
	})
}

type resolverFunc func(host string) ([]netip.Addr, error)

func (f resolverFunc) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	return f(host)
}

// leadsInside is what package netip knows to lead inside, and the rest of the worst.
func leadsInside(a netip.Addr) bool {
	a = a.Unmap()
	if b := a.As16(); a.Is6() && (b[0] == 0 && b[1] == 0x64 && b[2] == 0xff || b[0] == 0 && b[1] == 0 && b[2] == 0) { // NAT64, IPv4-compatible
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if b := a.As16(); a.Is6() && b[0] == 0x20 && b[1] == 2 { // 6to4
		a = netip.AddrFrom4([4]byte(b[2:6]))
	}
	shared := netip.MustParsePrefix("100.64.0.0/10")
	return !a.IsGlobalUnicast() || a.IsPrivate() || a.Zone() != "" || shared.Contains(a) || a.String() == "168.63.129.16" || a.Is4() && a.As4()[0] == 0
}

package forwarded_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/httpapi/forwarded"
)

// proxies trusts 10.0.0.0/8, 2001:db8:ffff::/48 and 192.0.2.7.
func proxies(t testing.TB, header string) forwarded.Proxies {
	t.Helper()
	p := forwarded.Proxies{Header: header}
	for _, text := range []string{"10.0.0.0/8", "2001:db8:ffff::/48", "192.0.2.7"} {
		prefix, err := forwarded.ParsePrefix(text)
		if err != nil {
			t.Fatal(err)
		}
		p.Trusted = append(p.Trusted, prefix)
	}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	return p
}

// request is one from an address. Each field is a line of a header.
func request(t testing.TB, remote string, fields ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	r.RemoteAddr = remote
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func TestClient(t *testing.T) {
	const proxy = "10.0.0.1:4711"
	long := strings.Repeat("x", 2000)
	for _, c := range []struct {
		name, remote string
		fields       []string
		want         string
	}{
		{"no proxy", "198.51.100.1:1", nil, "198.51.100.1"},
		{"a header of no proxy", "198.51.100.1:1", []string{"X-Forwarded-For: 1.1.1.1", "Forwarded: for=1.1.1.1"}, "198.51.100.1"},
		{"a proxy that says nothing", proxy, nil, "10.0.0.1"},
		{"one proxy", proxy, []string{"X-Forwarded-For: 198.51.100.1"}, "198.51.100.1"},
		{"a single address is trusted", "192.0.2.7:1", []string{"X-Forwarded-For: 198.51.100.1"}, "198.51.100.1"},
		{"its neighbour is not", "192.0.2.8:1", []string{"X-Forwarded-For: 198.51.100.1"}, "192.0.2.8"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:1", []string{"X-Forwarded-For: ::ffff:198.51.100.1"}, "198.51.100.1"},
		{"two proxies", proxy, []string{"X-Forwarded-For: 198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"two proxies, a line each", proxy, []string{"X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: 10.0.0.2"}, "198.51.100.1"},
		{"what the client has written", proxy, []string{"X-Forwarded-For: 1.1.1.1, 10.0.0.9, 198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"in a line of its own", proxy, []string{"X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 198.51.100.1"}, "198.51.100.1"},
		{"a client among the proxies", proxy, []string{"X-Forwarded-For: 10.9.9.9, 10.0.0.2"}, "10.9.9.9"},
		{"a port", proxy, []string{"X-Forwarded-For: 198.51.100.1:65535"}, "198.51.100.1"},
		{"IPv6", proxy, []string{"X-Forwarded-For: 2001:DB8::1"}, "2001:db8::1"},
		{"IPv6 in brackets", proxy, []string{"X-Forwarded-For: [2001:db8::1]"}, "2001:db8::1"},
		{"IPv6 and a port", proxy, []string{"X-Forwarded-For: [2001:db8::1]:443"}, "2001:db8::1"},
		{"a zone", proxy, []string{"X-Forwarded-For: fe80::1%eth0"}, "fe80::1"},
		{"IPv6 of a proxy", "[2001:db8:ffff::1]:1", []string{"X-Forwarded-For: 198.51.100.1, 2001:db8:ffff::2"}, "198.51.100.1"},
		{"empty elements", proxy, []string{"X-Forwarded-For: , 198.51.100.1,, ", "X-Forwarded-For: "}, "198.51.100.1"},
		{"a word", proxy, []string{"X-Forwarded-For: 198.51.100.1, unknown"}, "10.0.0.1"},
		{"a word behind a proxy", proxy, []string{"X-Forwarded-For: 198.51.100.1, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"no address", proxy, []string{"X-Forwarded-For: 198.51.100.1, 256.1.1.1"}, "10.0.0.1"},
		{"a wrong port", proxy, []string{"X-Forwarded-For: 198.51.100.1:x"}, "10.0.0.1"},
		{"an open bracket", proxy, []string{"X-Forwarded-For: [2001:db8::1"}, "10.0.0.1"},
		{"IPv4 in brackets", proxy, []string{"X-Forwarded-For: [198.51.100.1]"}, "10.0.0.1"},
		{"text behind a bracket", proxy, []string{"X-Forwarded-For: [2001:db8::1]x"}, "10.0.0.1"},
		{"the address of nobody", proxy, []string{"X-Forwarded-For: 0.0.0.0"}, "10.0.0.1"},
		{"an element that is too long", proxy, []string{"X-Forwarded-For: " + long}, "10.0.0.1"},
		{"to the left of the client", proxy, []string{"X-Forwarded-For: " + long + ", 198.51.100.1"}, "198.51.100.1"},
		{"proxies without end", proxy, []string{"X-Forwarded-For: 198.51.100.1" + strings.Repeat(", 10.0.0.3", 100)}, "10.0.0.3"},

		{"the standard", proxy, []string{"Forwarded: for=198.51.100.1"}, "198.51.100.1"},
		{"with all it can say", proxy, []string{`Forwarded: by=10.0.0.1;FOR="198.51.100.1:_port"; host="a,b;c\"d";proto=https`}, "198.51.100.1"},
		{"its IPv6", proxy, []string{`Forwarded: for="[2001:db8::1]:4711"`}, "2001:db8::1"},
		{"escapes", proxy, []string{`Forwarded: for="\1\9\8.51.100.1"`}, "198.51.100.1"},
		{"without the quotes that belong there", proxy, []string{`Forwarded: for=[2001:db8::1]:4711;proto=http`}, "2001:db8::1"},
		{"two elements", proxy, []string{`Forwarded: for=1.1.1.1, for=198.51.100.1;host="x, for=2.2.2.2", for=10.0.0.2`}, "198.51.100.1"},
		{"two lines", proxy, []string{"Forwarded: for=198.51.100.1", "Forwarded: for=10.0.0.2"}, "198.51.100.1"},
		{"a quote that the client left open", proxy, []string{`Forwarded: for="1.1.1.1, for=198.51.100.1`}, "198.51.100.1"},
		{"and a quoted address", proxy, []string{`Forwarded: for="1.1.1.1\, for="198.51.100.1"`}, "198.51.100.1"},
		{"empty pairs", proxy, []string{"Forwarded: ;for=198.51.100.1;;"}, "198.51.100.1"},
		{"unknown", proxy, []string{"Forwarded: for=198.51.100.1, for=unknown"}, "10.0.0.1"},
		{"hidden", proxy, []string{"Forwarded: for=198.51.100.1, for=_hidden, for=10.0.0.2"}, "10.0.0.2"},
		{"for nobody", proxy, []string{"Forwarded: for=198.51.100.1, by=10.0.0.1;proto=http"}, "10.0.0.1"},
		{"for two", proxy, []string{"Forwarded: for=198.51.100.1;for=198.51.100.2"}, "10.0.0.1"},
		{"no pair", proxy, []string{"Forwarded: 198.51.100.1"}, "10.0.0.1"},
		{"no value", proxy, []string{"Forwarded: for="}, "10.0.0.1"},
		{"text behind a value", proxy, []string{`Forwarded: for="198.51.100.1"x`}, "10.0.0.1"},
		{"an open quote", proxy, []string{`Forwarded: for="198.51.100.1`}, "10.0.0.1"},
		{"a backslash at the end", proxy, []string{`Forwarded: for="198.51.100.1\`}, "10.0.0.1"},
		{"a long element", proxy, []string{"Forwarded: for=198.51.100.1;host=" + long}, "10.0.0.1"},

		{"both", proxy, []string{"X-Forwarded-For: 198.51.100.1, 10.0.0.2", "Forwarded: for=198.51.100.1"}, "198.51.100.1"},
		{"both, and one is not the proxy's", proxy, []string{"X-Forwarded-For: 198.51.100.1", "Forwarded: for=1.1.1.1"}, "10.0.0.1"},
		{"the other", proxy, []string{"Forwarded: for=198.51.100.1", "X-Forwarded-For: 1.1.1.1"}, "10.0.0.1"},

		{"a Unix socket", "@", []string{"X-Forwarded-For: 198.51.100.1"}, "@"},
		{"nothing", "", []string{"X-Forwarded-For: 198.51.100.1"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := proxies(t, "").Client(request(t, c.remote, c.fields...)); got != c.want {
				t.Errorf("%q from %s: the client is %q, want %q", c.fields, c.remote, got, c.want)
			}
		})
	}
}

// TestHeader: where it is known which field the proxies write, the other one is nothing.
func TestHeader(t *testing.T) {
	r := request(t, "10.0.0.1:1", "X-Forwarded-For: 198.51.100.1", "Forwarded: for=198.51.100.2")
	for header, want := range map[string]string{"X-Forwarded-For": "198.51.100.1", "Forwarded": "198.51.100.2", "": "10.0.0.1"} {
		if got := proxies(t, header).Client(r); got != want {
			t.Errorf("by %q the client is %q, want %q", header, got, want)
		}
	}
	if got := (forwarded.Proxies{}).Client(r); got != "10.0.0.1" {
		t.Errorf("without proxies the client is %q", got)
	}
}

func TestParsePrefix(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8":          "10.0.0.0/8",
		"10.1.2.3":            "10.1.2.3/32",
		"2001:db8::/32":       "2001:db8::/32",
		"::1":                 "::1/128",
		"::ffff:10.1.2.3":     "10.1.2.3/32",
		"":                    `"" is neither an address nor a network such as 10.0.0.0/8`,
		"proxy.internal":      `"proxy.internal" is neither`,
		"10.0.0.0/33":         `"10.0.0.0/33" is neither`,
		"10.0.0.1:80":         `"10.0.0.1:80" is neither`,
		"10.0.0.1/8":          `"10.0.0.1/8" has more bits than its length says: write 10.0.0.0/8`,
		"0.0.0.0/0":           `"0.0.0.0/0" is everybody`,
		"::/0":                `"::/0" is everybody`,
		"::ffff:10.0.0.0/104": `"::ffff:10.0.0.0/104" is a network of IPv4: write it as one`,
		"fe80::1%eth0":        `"fe80::1%eth0" has a zone: leave it out`,
	} {
		prefix, err := forwarded.ParsePrefix(text)
		if err == nil && prefix.String() != want || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q is %v, %v, want %s", text, prefix, err, want)
		}
	}
}

func TestCheck(t *testing.T) {
	p := forwarded.Proxies{Trusted: []netip.Prefix{{}, netip.MustParsePrefix("0.0.0.0/0")}, Header: "X-Real-IP"}
	err := p.Check()
	for _, want := range []string{"a prefix is not valid", "is everybody", `"X-Real-IP" is neither X-Forwarded-For nor Forwarded`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
}

// FuzzClient: whatever a client writes, a proxy that adds the client's address to it
// makes that address known, and a client without a proxy is nobody else.
func FuzzClient(f *testing.F) {
	f.Add(`1.1.1.1, "`, `for="`)
	f.Add("10.0.0.2", `for=10.0.0.2;by="\`)
	f.Add(",,", `;`)
	f.Add("[::1]:_x", `for="[::1]:80", for=unknown`)
	f.Fuzz(func(t *testing.T, list, standard string) {
		const client = "198.51.100.1"
		if got := proxies(t, "").Client(request(t, client+":1", "X-Forwarded-For: "+list, "Forwarded: "+standard)); got != client {
			t.Errorf("without a proxy the client is %q", got)
		}
		for _, added := range []string{", " + client, "," + client + ":80 "} {
			if got := proxies(t, "X-Forwarded-For").Client(request(t, "10.0.0.1:1", "X-Forwarded-For: "+list+added, "Forwarded: "+standard)); got != client {
				t.Errorf("X-Forwarded-For: the client is %q", got)
			}
		}
		for _, added := range []string{", for=" + client, `,by="10.0.0.1";for="` + client + `:80";host="a, \"b"`} {
			if got := proxies(t, "Forwarded").Client(request(t, "10.0.0.1:1", "X-Forwarded-For: "+list, "Forwarded: "+standard+added)); got != client {
				t.Errorf("Forwarded: the client is %q", got)
			}
		}
		// Nobody says which field the proxy writes. It may be the proxy's address, but
		// not one that the client has chosen.
		for _, fields := range [][]string{
			{"X-Forwarded-For: " + list + ", " + client, "Forwarded: " + standard},
			{"Forwarded: " + standard + ", for=" + client, "X-Forwarded-For: " + list},
		} {
			if got := proxies(t, "").Client(request(t, "10.0.0.1:1", fields...)); got != client && got != "10.0.0.1" {
				t.Errorf("%q: the client is %q", fields, got)
			}
		}
		// Read on its own, what a client writes is an address or nothing, and no panic.
		for _, header := range []string{"X-Forwarded-For", "Forwarded"} {
			got := proxies(t, header).Client(request(t, "10.0.0.1:1", "X-Forwarded-For: "+list, "Forwarded: "+standard))
			if addr, err := netip.ParseAddr(got); err != nil || addr.Zone() != "" || addr.Is4In6() {
				t.Errorf("%s: the client is %q", header, got)
			}
		}
	})
}

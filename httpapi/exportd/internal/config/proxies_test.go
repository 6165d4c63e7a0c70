package config_test

import (
	"strings"
	"testing"
)

// TestServerNames: what is wrong with names of the server, proxies and origins says what to write. Each
// item stands in a line of its own.
func TestServerNames(t *testing.T) {
	for _, c := range []struct {
		keys string // of server
		want []string
	}{
		{"trusted_proxies: [10.0.0.0/8, 192.0.2.7, '2001:db8::/32']\n  forwarded_header: forwarded", nil},
		{"trusted_proxies:\n  - 10.0.0.1/8\n  - lb.internal\n  - 0.0.0.0/0\n  - 10.0.0.1:80\n  forwarded_header: X-Real-IP", []string{
			`:3: "10.0.0.1/8" has more bits than its length says: write 10.0.0.0/8`,
			`:4: "lb.internal" is neither an address nor a network such as 10.0.0.0/8`,
			`:5: "0.0.0.0/0" is everybody, and then clients could name any address as theirs: name the proxies`,
			`:6: "10.0.0.1:80" is neither an address nor a network`,
			`:7: "X-Real-IP" must be X-Forwarded-For or Forwarded`,
		}},
		{"forwarded_header: Forwarded", []string{`:2: forwarded_header needs trusted_proxies: nobody else is believed`}},
		{"trusted_proxies: []", []string{`:2: the list is empty`}},

		{"public_url: https://x/%C3%A4/%7Bb%7D//", nil},
		{"public_url: https://x//a", []string{`:2: "https://x//a" must be a URL such as https://`}},
		{"public_url: 'https://x/ä/{b}/'", []string{`:2: "https://x/ä/{b}/" is not how clients write it: write https://x/%C3%A4/%7Bb%7D/`}},

		{"trusted_origins: [https://dashboard.example.com, http://localhost:3000]", nil},
		{"trusted_origins:\n  - '*'\n  - https://*.example.com\n  - https://example.com/\n  - https://example.com/a\n  - https://Example.com\n" +
			"  - https://example.com:443\n  - example.com\n  - ftp://example.com\n  - 'null'", []string{
			`:3: "*" has a wildcard: pages of trusted origins act with their users' credentials, so list each origin`,
			`:4: "https://*.example.com" has a wildcard`,
			`:5: "https://example.com/" is not how browsers write an origin: write https://example.com`,
			`:6: "https://example.com/a" is not how browsers write an origin: write https://example.com`,
			`:7: "https://Example.com" is not how browsers write an origin: write https://example.com`,
			`:8: "https://example.com:443" is not how browsers write an origin: write https://example.com`,
			`:9: "example.com" must be an origin such as https://dashboard.example.com: it has no scheme`,
			`:10: "ftp://example.com" must be an origin such as https://dashboard.example.com`,
			`:11: "null" is the origin of any page that hides its own`,
		}},
	} {
		_, _, err := load(t, "server:\n  "+c.keys+"\n"+catalogue)
		var got []string
		if err != nil {
			got = strings.Split(err.Error(), "\n")
		}
		if len(got) != len(c.want) {
			t.Errorf("%s\ngives %q", c.keys, got)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(got[i], want) {
				t.Errorf("%s\ngives %q, want %q", c.keys, got[i], want)
			}
		}
	}
}

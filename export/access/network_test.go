package access_test

import (
	"testing"

	"github.com/orgexport/orgexport/export/access"
)

func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8::1": "2001:db8::/64", "2001:db8:0:0:ffff::": "2001:db8::/64",
		"2001:db8:0:1::": "2001:db8:0:1::/64", "fe80::1%eth0": "fe80::/64", "@": "@", "": "",
	} {
		if got := access.Network(address); got != want {
			t.Errorf("%q is in %q, want %q", address, got, want)
		}
	}
}

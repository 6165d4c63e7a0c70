package fetch

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// special are the networks that are not public: those of the special-purpose registries of IANA
// (RFC 6890 and what followed) that are not global, and what clouds use. Networks of IPv6 that
// are in none of the list have to be in global.
var special = prefixes(
	"0.0.0.0/8",        // this network
	"10.0.0.0/8",       // private
	"100.64.0.0/10",    // shared: carrier-grade NAT, and metadata of Alibaba Cloud
	"127.0.0.0/8",      // loopback
	"168.63.129.16/32", // the host of virtual machines in Azure
	"169.254.0.0/16",   // link-local, and metadata of clouds
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // protocol assignments, and metadata of Oracle Cloud
	"192.0.2.0/24",     // documentation
	"192.88.99.0/24",   // 6to4 relays
	"192.168.0.0/16",   // private
	"198.18.0.0/15",    // benchmarks
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved, and broadcast
	"::/96",            // unspecified, loopback, and IPv4-compatible
	"::ffff:0:0:0/96",  // IPv4-translated (RFC 2765)
	"64:ff9b:1::/48",   // NAT64 within a network
	"100::/64",         // discard
	"100:0:0:1::/64",   // dummy
	"2001::/23",        // protocol assignments: Teredo, ORCHID and so on
	"2001:db8::/32",    // documentation
	"3fff::/20",        // documentation
	"5f00::/16",        // segment routing
	"fc00::/7",         // unique local, and metadata of AWS and Google Cloud
	"fe80::/10",        // link-local
	"fec0::/10",        // site-local
	"ff00::/8",         // multicast
)

// global is where all public addresses of IPv6 are, but for nat64.
var global = netip.MustParsePrefix("2000::/3")

// These have an IPv4 address in them, which is where a packet goes.
var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96")
	sixTo4 = netip.MustParsePrefix("2002::/16")
)

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// isPublic reports whether an address is one of the internet.
func isPublic(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsValid() || a.Zone() != "" || contains(special, a) {
		return false
	}
	if a.Is4() {
		return true
	}
	b := a.As16()
	switch {
	case nat64.Contains(a):
		return isPublic(netip.AddrFrom4([4]byte(b[12:])))
	case sixTo4.Contains(a) && !isPublic(netip.AddrFrom4([4]byte(b[2:6]))):
		return false
	case binary.BigEndian.Uint32(b[8:])&^0x02000000 == 0x5efe && !isPublic(netip.AddrFrom4([4]byte(b[12:]))): // ISATAP
		return false
	}
	return global.Contains(a)
}

// allows reports whether files may be fetched from an address.
func (c *Config) allows(a netip.Addr) bool {
	return isPublic(a) || a.Zone() == "" && contains(c.Networks, a.Unmap())
}

func contains(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

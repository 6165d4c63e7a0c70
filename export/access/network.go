package access

import "net/netip"

// Network returns what limits know an address by. A client with an IPv6 address has a whole
// network of 64 bits, which is one client here; any other address is its own network. A text
// that is no address is returned as it is.
func Network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, 64).Masked().String()
}

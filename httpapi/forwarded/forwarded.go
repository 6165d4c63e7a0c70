// Package forwarded tells which client a request comes from when proxies stand between
// it and the server. Limits and audit entries go by that:
//
//	proxies := forwarded.Proxies{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
//	if err := proxies.Check(); err != nil {
//		return err
//	}
//	api, err := httpapi.New(httpapi.Config{ClientAddress: proxies.Client, …})
//	links, err := sign.New(sign.Config{ClientAddress: proxies.Client, …})
//
// A proxy adds the address that it got a request from to the right of the header field
// X-Forwarded-For, or Forwarded (RFC 7239). Everything to the left of that is what the
// proxy was told. So the list is read from the right, and the first address that is not
// that of a trusted proxy is the client's. What a client has written itself is never
// reached.
package forwarded

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// The header fields that tell of clients.
const (
	XForwardedFor = "X-Forwarded-For"
	Forwarded     = "Forwarded" // RFC 7239
)

const (
	// maxHops is how many proxies may stand in a row.
	maxHops = 64

	// maxElement is how long one element of a field may be, in bytes.
	maxElement = 1024
)

// Proxies are the proxies that a server is behind. The zero value trusts none. It is
// safe for concurrent use while nobody changes it.
type Proxies struct {
	// Trusted are the addresses of the proxies. Nobody else may connect from
	// these, because whoever does is believed. Prefixes of IPv4 addresses are
	// written as such, not as IPv6.
	Trusted []netip.Prefix

	// Header is the field that the proxies write, [XForwardedFor] or [Forwarded].
	// Empty means the one that is there; if both are there, they count only if
	// they tell of the same client, because a proxy may pass one of them on as a
	// client has written it.
	Header string
}

// Check returns an error for each thing that is wrong with p.
func (p Proxies) Check() error {
	var errs []error
	for _, prefix := range p.Trusted {
		if err := checkPrefix(prefix); err != nil {
			errs = append(errs, fmt.Errorf("forwarded: Trusted: %w", err))
		}
	}
	if p.Header != "" && p.Header != XForwardedFor && p.Header != Forwarded {
		errs = append(errs, fmt.Errorf("forwarded: Header: %q is neither %s nor %s", p.Header, XForwardedFor, Forwarded))
	}
	return errors.Join(errs...)
}

// ParsePrefix reads an address or a network, such as 10.1.2.3 or 10.0.0.0/8.
func ParsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		if addr.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%q has a zone: leave it out", text)
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", text)
	}
	return prefix, checkPrefix(prefix)
}

func checkPrefix(prefix netip.Prefix) error {
	switch {
	case !prefix.IsValid():
		return errors.New("a prefix is not valid")
	case prefix.Bits() == 0:
		return fmt.Errorf("%q is everybody, and then clients could name any address as theirs: name the proxies", prefix)
	case prefix.Addr().Is4In6():
		return fmt.Errorf("%q is a network of IPv4: write it as one", prefix)
	case prefix != prefix.Masked():
		return fmt.Errorf("%q has more bits than its length says: write %s", prefix, prefix.Masked())
	}
	return nil
}

// Client returns the address of the client that has made a request, without a port. It
// is that of the connection unless a trusted proxy has made that. An element of the
// header field that cannot be read ends the search, as do the words of RFC 7239 for
// clients that have no address or hide it: then it is the address of the last trusted
// proxy. A connection without an IP address, such as that of a Unix socket, is not
// trusted.
func (p Proxies) Client(r *http.Request) string {
	host := remoteHost(r.RemoteAddr)
	peer, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if peer = plain(peer); !p.trusts(peer) {
		return host
	}
	return p.behind(peer, r.Header).String()
}

// behind returns the client behind a trusted proxy.
func (p Proxies) behind(peer netip.Addr, h http.Header) netip.Addr {
	list, standard := h.Values(XForwardedFor), h.Values(Forwarded)
	switch {
	case p.Header == XForwardedFor || p.Header == "" && len(standard) == 0:
		return p.walk(peer, list, lastOfList, parseNode)
	case p.Header == Forwarded || len(list) == 0:
		return p.walk(peer, standard, lastQuoted, parseElement)
	}
	one, other := p.walk(peer, list, lastOfList, parseNode), p.walk(peer, standard, lastQuoted, parseElement)
	if one != other {
		return peer
	}
	return one
}

// walk goes through the lines of a header field from the right, to the first address
// that is not trusted. last cuts the last element off a line.
func (p Proxies) walk(at netip.Addr, lines []string, last func(string) (rest, element string), parse func(string) (netip.Addr, bool)) netip.Addr {
	hops := 0
	for _, rest := range slices.Backward(lines) {
		for rest != "" {
			var element string
			rest, element = last(rest)
			if hops++; hops > maxHops || len(element) > maxElement {
				return at
			}
			if element = strings.Trim(element, " \t"); element == "" {
				continue // RFC 9110, section 5.6.1
			}
			addr, ok := parse(element)
			if !ok {
				return at
			}
			if at = addr; !p.trusts(addr) {
				return at
			}
		}
	}
	return at
}

func (p Proxies) trusts(addr netip.Addr) bool {
	for _, prefix := range p.Trusted {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// plain returns an address in the one form that is compared.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// remoteHost returns a remote address without its port.
func remoteHost(remote string) string {
	if host, _, err := net.SplitHostPort(remote); err == nil {
		return host
	}
	return remote
}

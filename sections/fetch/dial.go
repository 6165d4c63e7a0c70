package fetch

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// dial connects to a host by an address that is allowed. If one of its addresses is not, none
// is used: nobody needs such a name.
func (c *Config) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, errURL
	}
	addresses, err := c.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	for i, a := range addresses {
		var conn net.Conn
		conn, err = c.dialOne(ctx, network, net.JoinHostPort(a.String(), port), len(addresses)-i)
		if err == nil {
			return conn, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

// dialOne connects to one of several addresses that are left to try in the same time.
func (c *Config) dialOne(ctx context.Context, network, address string, left int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(left))
		defer cancel()
	}
	return c.Dial(ctx, network, address)
}

// resolve returns the addresses of a host, of which each is allowed.
func (c *Config) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	var addresses []netip.Addr
	if a, err := netip.ParseAddr(host); err == nil {
		addresses = []netip.Addr{a}
	} else if addresses, err = c.Resolver.LookupNetIP(ctx, "ip", host); err != nil {
		return nil, err
	}
	if len(addresses) == 0 {
		return nil, errNoHost
	}
	unmapped := make([]netip.Addr, len(addresses))
	for i, a := range addresses {
		if !c.allows(a) {
			return nil, insideAddress(a)
		}
		unmapped[i] = a.Unmap()
	}
	return unmapped, nil
}

// control looks once more at the address that a socket is about to connect to.
func (c *Config) control(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil || !c.allows(a.Addr()) {
		return insideAddress(a.Addr())
	}
	return nil
}

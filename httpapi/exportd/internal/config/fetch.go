package config

import (
	"fmt"
	"math"
	"net/netip"

	"go.yaml.in/yaml/v3"
)

// fetch decodes how assets are fetched by URLs.
func (d *decoder) fetch(n *yaml.Node) {
	f := &d.config.Fetch
	d.mapping(n, map[string]value{
		"networks": d.list(d.text(func(t Text) {
			network, err := parseNetwork(t.Value)
			if err != nil {
				d.problem(t.Line, "%v", err)
				return
			}
			f.Networks = append(f.Networks, network)
		})),
		"ports": d.list(func(n *yaml.Node) {
			var port int
			d.number(&port, math.MaxUint16)(n)
			f.Ports = append(f.Ports, uint16(port)) // 0 has its problem
		}),
		"max_file_bytes": d.size(&f.MaxFileBytes),
		"at_once":        d.number(&f.AtOnce, 1024),
		"retries":        d.numberOr(&f.Retries, -1),
		"patience":       d.limited(d.duration(&f.Patience)),
		"timeout":        d.limited(d.duration(&f.Timeout)),
		"redirects":      d.numberOr(&f.Redirects, -1),
		"user_agent": d.text(func(t Text) {
			for _, r := range t.Value {
				if r < ' ' || r > '~' {
					d.problem(t.Line, "%q must be ASCII, as it goes into a header field", t.Value)
					return
				}
			}
			f.UserAgent = t.Value
		}),
	})
	f.Connections = f.AtOnce
}

// parseNetwork reads a network, or an address, which is one of its own.
func parseNetwork(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" && !a.Is4In6() {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	switch {
	case err != nil || network.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", text)
	case network != network.Masked():
		return netip.Prefix{}, fmt.Errorf("%q has more bits than its length says: write %s", text, network.Masked())
	}
	return network, nil
}

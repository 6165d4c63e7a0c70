package fetch

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	maxURL  = 8 << 10 // bytes
	maxHost = 253
)

// parse returns a URL that may be asked for, as far as that shows before names are resolved.
func (c *Config) parse(text string) (*url.URL, error) {
	if len(text) > maxURL || strings.ContainsRune(text, '\\') {
		return nil, errURL
	}
	u, err := url.Parse(text)
	if err != nil { // its text has the URL
		return nil, errURL
	}
	if err := c.check(u); err != nil {
		return nil, err
	}
	return u, nil
}

// redirected returns where a server sends to, if that may be followed.
func (c *Config) redirected(from *url.URL, location string) (*url.URL, error) {
	if location == "" || len(location) > maxURL || strings.ContainsRune(location, '\\') {
		return nil, errRedirect
	}
	u, err := from.Parse(location)
	if err != nil {
		return nil, errRedirect
	}
	if from.Scheme == "https" && u.Scheme != "https" {
		return nil, errRedirect
	}
	switch err := c.check(u); {
	case errors.Is(err, errURL):
		return nil, errRedirect
	case err != nil:
		return nil, err
	}
	return u, nil
}

// check returns an error if a URL may not be asked for. It removes the fragment, and gives host
// and query the form that they have in requests.
func (c *Config) check(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "" || u.User != nil {
		return errURL
	}
	port := uint64(80)
	if u.Scheme == "https" {
		port = 443
	}
	if text := u.Port(); text != "" {
		var err error
		if port, err = strconv.ParseUint(text, 10, 16); err != nil {
			return errURL
		}
	}
	host, err := c.host(u.Hostname())
	if err != nil {
		return err
	}
	if !slices.Contains(c.Ports, uint16(port)) {
		return inside(fmt.Sprintf("port %d is not allowed", port))
	}
	u.Host, u.Fragment, u.RawFragment = fmt.Sprintf("%s:%d", host, port), "", ""
	u.RawQuery = strings.ReplaceAll(u.RawQuery, " ", "%20") // else it would end there in a request
	if port == 80 && u.Scheme == "http" || port == 443 && u.Scheme == "https" {
		u.Host = host
	}
	return nil
}

// host returns the name or address of a host as it stands in a URL. A name is not resolved.
func (c *Config) host(host string) (string, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		switch {
		case !c.allows(a):
			return "", insideAddress(a)
		case a.Is6():
			return "[" + a.String() + "]", nil
		}
		return a.String(), nil
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, label := range labels {
		if !isLabel(label) {
			return "", errURL
		}
	}
	host = strings.ToLower(host)
	// Systems take 127.1, 0x7f.1, 017700000001 and 2130706433 for 127.0.0.1.
	if len(host) > maxHost || isNumber(strings.ToLower(labels[len(labels)-1])) {
		return "", errURL
	}
	return host, nil
}

// isLabel reports whether a text is a part of a name between dots. One that is not ASCII has to
// be written as the DNS has it (xn--…).
func isLabel(label string) bool {
	for _, r := range label {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return label != "" && len(label) <= 63
}

// isNumber reports whether a system may take a text for a number.
func isNumber(label string) bool {
	if digits, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

package forwarded

import (
	"net/netip"
	"strings"

	"github.com/orgexport/orgexport/internal/httpfield"
)

// lastOfList cuts the last element off a list without quotes.
func lastOfList(line string) (rest, element string) {
	i := strings.LastIndexByte(line, ',')
	return line[:max(i, 0)], line[i+1:]
}

// lastQuoted cuts the last element off a list whose elements may have commas in quoted
// strings. It reads from the right, so that quotes to the left, which a client may have
// left open, change nothing.
func lastQuoted(line string) (rest, element string) {
	quoted := false
	for i := len(line) - 1; i >= max(0, len(line)-maxElement-1); i-- { // a longer one is refused
		switch {
		case line[i] == '"' && !escaped(line, i):
			quoted = !quoted
		case line[i] == ',' && !quoted:
			return line[:i], line[i+1:]
		}
	}
	return "", line
}

// escaped reports whether an odd number of backslashes stands before the byte at i.
func escaped(line string, i int) bool {
	odd := false
	for i--; i >= 0 && line[i] == '\\'; i-- {
		odd = !odd
	}
	return odd
}

// parseElement returns the address that an element of the field Forwarded is for.
func parseElement(element string) (addr netip.Addr, ok bool) {
	found := false
	for more := true; more; {
		var name, value string
		if name, value, element, more, ok = cutPair(element); !ok {
			return netip.Addr{}, false
		}
		if !strings.EqualFold(name, "for") {
			continue
		}
		if found { // RFC 7239, section 4: each once
			return netip.Addr{}, false
		}
		found = true
		if addr, ok = parseNode(value); !ok {
			return netip.Addr{}, false
		}
	}
	return addr, found
}

// cutPair cuts the first name and value off an element. more reports whether a semicolon
// follows. A pair may be missing; it has no name then.
func cutPair(element string) (name, value, rest string, more, ok bool) {
	element = strings.TrimLeft(element, " \t")
	if element == "" || element[0] == ';' {
		return "", "", strings.TrimPrefix(element, ";"), element != "", true
	}
	name, rest, ok = strings.Cut(element, "=")
	if !ok || !httpfield.IsToken(name) {
		return "", "", "", false, false
	}
	if strings.HasPrefix(rest, `"`) {
		value, rest, ok = cutQuoted(rest)
	} else {
		// Strictly a token, but some proxies leave the quotes of IPv6 out.
		end := strings.IndexAny(rest, "; \t\"")
		if end < 0 {
			end = len(rest)
		}
		value, rest, ok = rest[:end], rest[end:], end > 0
	}
	rest = strings.TrimLeft(rest, " \t")
	rest, more = strings.CutPrefix(rest, ";")
	return name, value, rest, more, ok && (more || rest == "")
}

// cutQuoted cuts a quoted string off text that begins with one.
func cutQuoted(text string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return b.String(), text[i+1:], true
		case '\\':
			if i++; i == len(text) {
				return "", "", false
			}
		}
		b.WriteByte(text[i])
	}
	return "", "", false
}

// parseNode reads an address as proxies write it: with or without a port, IPv6 with or
// without brackets. Anything else has no address: "unknown", names that hide one, and
// what cannot be read.
func parseNode(text string) (netip.Addr, bool) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return usable(addr)
	}
	if inner, after, ok := strings.Cut(strings.TrimPrefix(text, "["), "]"); ok && text[0] == '[' {
		addr, err := netip.ParseAddr(inner)
		port, given := strings.CutPrefix(after, ":")
		if err != nil || !addr.Is6() || given && !isPort(port) || !given && after != "" {
			return netip.Addr{}, false
		}
		return usable(addr)
	}
	host, port, _ := strings.Cut(text, ":")
	addr, err := netip.ParseAddr(host)
	if err != nil || !isPort(port) {
		return netip.Addr{}, false
	}
	return usable(addr)
}

// usable refuses the address that stands for none.
func usable(addr netip.Addr) (netip.Addr, bool) {
	addr = plain(addr)
	return addr, !addr.IsUnspecified()
}

// isPort reports whether text is a port or, in RFC 7239, a word that hides one.
func isPort(text string) bool {
	if hidden, ok := strings.CutPrefix(text, "_"); ok {
		return hidden != "" && httpfield.IsToken(hidden)
	}
	return text != "" && len(text) <= 5 && strings.Trim(text, "0123456789") == ""
}

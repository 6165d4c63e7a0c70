//go:build !linux

package cli

import "net"

// refuseNew does nothing: only Linux can stop to let connections in before a
// listener is closed. Those that are not accepted by then are reset.
func refuseNew(net.Listener) {}

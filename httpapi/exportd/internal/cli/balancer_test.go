//go:build unix

package cli_test

import (
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// balancerConfig is the configuration of haproxy as a load balancer of two nodes.
// It keeps its connections to the nodes at one of its addresses, and makes one for
// each request at the other. A request is sent to the other node only if one has
// refused the connection: once it was sent, a POST may have been heard.
const balancerConfig = `
defaults
  mode http
  balance roundrobin
  timeout connect 5s
  timeout client 1m
  timeout server 1m
  timeout check 30s
  retry-on conn-failure
  retries 3
  option redispatch 1
  option httpchk GET /readyz
  http-check expect status 200

listen kept
  bind fd@3
  http-response set-header X-Node %s
  server 0 NODE0 check inter 500ms
  server 1 NODE1 check inter 500ms

listen fresh
  bind fd@4
  option http-server-close
  http-response set-header X-Node %s
  server 0 NODE0 track kept/0
  server 1 NODE1 track kept/1
`

// balancer is a haproxy that runs until the test ends.
type balancer struct {
	kept, fresh string // its addresses
	log         syncBuffer
}

// startBalancer starts haproxy in front of two nodes.
func startBalancer(t *testing.T, nodes [2]string) *balancer {
	t.Helper()
	config := filepath.Join(t.TempDir(), "haproxy.cfg")
	write(t, config, strings.NewReplacer("NODE0", nodes[0], "NODE1", nodes[1]).Replace(balancerConfig))
	b := new(balancer)
	c := exec.CommandContext(t.Context(), "haproxy", "-db", "-f", config)
	c.Stdout, c.Stderr = &b.log, &b.log
	for _, address := range []*string{&b.kept, &b.fresh} {
		listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		file, err := listener.File()
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		*address = listener.Addr().String()
		c.ExtraFiles = append(c.ExtraFiles, file)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Wait() // the end of the test has killed it
		if t.Failed() {
			t.Logf("haproxy says\n%s", b.log.String())
		}
	})
	return b
}

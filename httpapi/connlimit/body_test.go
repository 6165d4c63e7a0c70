package connlimit_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/orgexport/orgexport/httpapi/connlimit"
)

// post sends a request without the end of its body.
func (c *client) post(path string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, "POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345"); err != nil {
		c.t.Fatal(err)
	}
}

// TestUnfinishedBodies: who does not send the bodies of requests keeps no connections from
// others.
func TestUnfinishedBodies(t *testing.T) {
	s := serve(t, connlimit.Limits{Total: 4, Waiting: -1})
	var held []*client
	for n := range 4 {
		c := s.dial(fmt.Sprint("192.0.2.", 66+n%2))
		c.post("/wait")
		<-s.begun
		held = append(held, c)
	}
	for n := range held {
		honest := s.dial(fmt.Sprint("192.0.2.", n+1))
		honest.send("/wait")
		<-s.begun
	}
	for _, c := range held {
		c.wantClosed()
	}
	s.dial("192.0.2.66").wantClosed()
	close(s.goOn)
}

// TestWholeBody: a connection whose request has come to its end does not wait.
func TestWholeBody(t *testing.T) {
	s := serve(t, connlimit.Limits{Total: 1, Waiting: -1})
	c := s.dial("192.0.2.1")
	c.post("/read")
	if _, err := io.WriteString(c.conn, "67890"); err != nil {
		t.Fatal(err)
	}
	<-s.begun // it was read
	s.dial("192.0.2.2").wantClosed()
	close(s.goOn)
	c.answer()
	s.idled(1)
	next := s.dial("192.0.2.2")
	c.wantClosed()
	next.send("/")
	next.answer()
}

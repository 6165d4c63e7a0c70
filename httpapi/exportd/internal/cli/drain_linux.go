package cli

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Connections that were made before no more were let in have some time to be
// accepted: handshakes that are not complete at least handshakeTime, and all of
// them acceptTime at most.
const (
	handshakeTime = 50 * time.Millisecond
	acceptTime    = 2 * time.Second
)

// noSYN is a program for packets of TCP that drops those which begin a connection.
var noSYN = []unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 13}, // the flags
	{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: 0x12},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 0x02, Jf: 1}, // SYN without ACK
	{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	{Code: unix.BPF_RET | unix.BPF_K, K: 1<<32 - 1},
}

// refuseNew lets nobody connect anymore, while those who have are still accepted:
// closing a listener resets those that the kernel has let in already. Who tries
// to connect tries again a second later, and is refused. It does nothing where
// the kernel has no filters.
func refuseNew(listener net.Listener) {
	l, ok := listener.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := l.SyscallConn()
	if err != nil {
		return
	}
	program := &unix.SockFprog{Len: uint16(len(noSYN)), Filter: &noSYN[0]}
	filtered := false
	err = raw.Control(func(fd uintptr) {
		filtered = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, program) == nil
	})
	if err != nil || !filtered {
		return
	}
	began := time.Now()
	time.Sleep(handshakeTime)
	for queued(raw) && time.Since(began) < acceptTime {
		time.Sleep(handshakeTime / 5)
	}
}

// queued tells whether connections wait to be accepted.
func queued(raw syscall.RawConn) (waiting bool) {
	err := raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		waiting = err == nil && info.Unacked > 0 // which is their number, of a listener
	})
	return err == nil && waiting
}

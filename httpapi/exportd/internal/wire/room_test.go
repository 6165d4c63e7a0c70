package wire

import (
	"testing"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sign"
)

// TestRoom: downloads take at most half of the connections, and both together half of the files.
func TestRoom(t *testing.T) {
	for _, c := range []struct {
		connections int
		downloads   sign.AtOnce
		files       int
		want        room
	}{
		{0, sign.AtOnce{}, 0, room{4096, sign.AtOnce{PerJob: 20, PerAddress: 50, Total: 1000}}},
		{0, sign.AtOnce{}, 1 << 20, room{4096, sign.AtOnce{PerJob: 20, PerAddress: 50, Total: 1000}}},
		{0, sign.AtOnce{}, 1024, room{342, sign.AtOnce{PerJob: 20, PerAddress: 50, Total: 170}}},
		{0, sign.AtOnce{}, 256, room{86, sign.AtOnce{PerJob: 20, PerAddress: 21, Total: 42}}},
		{0, sign.AtOnce{Total: 10}, 256, room{118, sign.AtOnce{PerJob: 5, PerAddress: 5, Total: 10}}},
		{100, sign.AtOnce{PerJob: 30, PerAddress: -1}, 0, room{100, sign.AtOnce{PerJob: 25, PerAddress: -1, Total: 50}}},
		{-1, sign.AtOnce{PerJob: -1, PerAddress: -1, Total: -1}, 0, room{-1, sign.AtOnce{PerJob: -1, PerAddress: -1, Total: -1}}},
		{-1, sign.AtOnce{PerJob: -1, PerAddress: -1, Total: -1}, 1200, room{400, sign.AtOnce{PerJob: -1, PerAddress: -1, Total: 200}}},
		{1, sign.AtOnce{}, 0, room{1, sign.AtOnce{PerJob: 1, PerAddress: 1, Total: 1}}},
	} {
		var configured config.Config
		configured.Server.MaxConnections = c.connections
		l := &configured.Limits
		l.Downloads, l.DownloadsPerAddress, l.DownloadsInAll = c.downloads.PerJob, c.downloads.PerAddress, c.downloads.Total
		if got := newRoom(&configured, c.files); got != c.want {
			t.Errorf("%d connections, %+v, %d files: %+v, want %+v", c.connections, c.downloads, c.files, got, c.want)
		}
	}
}

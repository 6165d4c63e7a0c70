package wire

import (
	"cmp"

	"github.com/orgexport/orgexport/httpapi/connlimit"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sign"
)

// room is how many connections and downloads a process has, so that neither takes what the
// other, or an export, needs.
type room struct {
	connections int // negative means no limit
	downloads   sign.AtOnce
}

// newRoom takes the limits of the configuration, and less of them where they would take too
// much: downloads leave half of the connections to all else, and connections and downloads
// half of the files to exports. A download holds two files, its connection and its archive.
// files is 0 if their number is not known.
func newRoom(c *config.Config, files int) room {
	r := room{
		connections: cmp.Or(c.Server.MaxConnections, connlimit.DefaultTotal),
		downloads: sign.AtOnce{
			PerJob: c.Limits.Downloads, PerAddress: c.Limits.DownloadsPerAddress,
			Total: cmp.Or(c.Limits.DownloadsInAll, sign.DefaultAtOnce),
		},
	}
	d := &r.downloads
	if r.connections >= 0 {
		d.Total = atMost(d.Total, r.connections/2)
	}
	if files > 0 {
		// With the most downloads, these have half as many archives as there are
		// connections, so that three thirds are in use.
		d.Total = atMost(d.Total, files/2/3)
		r.connections = atMost(r.connections, files/2-d.Total)
	}
	if d.Total >= 0 { // one client never has them all, unless it is to
		d.PerJob = part(d.PerJob, sign.DefaultPerJob, d.Total)
		d.PerAddress = part(d.PerAddress, sign.DefaultPerAddress, d.Total)
	}
	return r
}

// atMost returns a limit that is no higher than another one. Negative means no limit.
func atMost(limit, highest int) int {
	if limit < 0 || limit > highest {
		return max(highest, 1)
	}
	return limit
}

// part returns a limit that is at most half of another one, unless it is none.
func part(limit, otherwise, whole int) int {
	if limit < 0 {
		return limit
	}
	return atMost(cmp.Or(limit, otherwise), whole/2)
}

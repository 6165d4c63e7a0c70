package sign

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
)

// ErrLimit is matched when a link is used too often, or too many downloads are open.
var ErrLimit = errors.New("sign: too many requests")

// Limits are how many requests with good links there may be in a minute, in this process. A
// request for a range is one, as those are that download managers make to fetch an archive
// in pieces. Zero means the default, and a negative number no limit.
type Limits struct {
	// PerLink is for requests with one link. Defaults to 300.
	PerLink int

	// PerAddress is for requests of one address, or IPv6 network of 64 bits, with any
	// links. Defaults to 3,000.
	PerAddress int
}

func (l Limits) withDefaults() Limits {
	return Limits{PerLink: cmp.Or(l.PerLink, 300), PerAddress: cmp.Or(l.PerAddress, 3000)}
}

// limit counts a request with a good link. If there were too many it answers the request, and
// returns false.
func (l *Links) limit(w http.ResponseWriter, r *http.Request, asked link) bool {
	from := access.Network(l.address(r))
	for _, c := range []struct {
		key, who string
		most     int
	}{
		{"link:" + string(asked.signature), "link:" + asked.object.organization + "/" + asked.object.job, l.config.Limits.PerLink},
		{"address:" + from, "downloader:" + from, l.config.Limits.PerAddress},
	} {
		if c.most < 0 {
			continue
		}
		windows, err := l.counter.Count(r.Context(), c.key, time.Minute)
		if err != nil || windows[0].Count <= int64(c.most) { // it fails only for a client that has gone
			continue
		}
		l.tooMany(w, r, c.who, "The link was used too often. Please try again later.", windows[0].Reset)
		return false
	}
	return true
}

// tooMany refuses a request of somebody who is over a limit, and asks the client to come again
// after wait.
func (l *Links) tooMany(w http.ResponseWriter, r *http.Request, who, public string, wait time.Duration) {
	if l.config.OnLimit != nil {
		l.config.OnLimit(who)
	}
	w.Header().Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
	l.fail(w, r, http.StatusTooManyRequests, export.WithPublic(ErrLimit, public))
}

// newCounter returns what counts requests, by the clock of links.
func newCounter(c Config) *access.MemCounter { return &access.MemCounter{Now: c.Now} }

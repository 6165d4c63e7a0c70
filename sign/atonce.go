package sign

import (
	"cmp"
	"net/http"
	"sync"
	"time"

	"github.com/orgexport/orgexport/export/access"
)

// What [AtOnce] has where it says nothing else.
const (
	DefaultAtOnce     = 1000
	DefaultPerJob     = 20
	DefaultPerAddress = 50
)

// AtOnce are how many downloads may be open at once in this process. A request for one more has
// status 429. Each takes a connection and, of most destinations, an open file, for as long as
// its client takes bytes however slowly: a server should have more of both, for all else.
// A request for a range is one download, a HEAD none. Zero means the default, and a negative
// number no limit.
type AtOnce struct {
	// PerJob is for the archive of one job, by all links to it. Defaults to
	// [DefaultPerJob], which is more than the pieces that download managers fetch at once.
	PerJob int

	// PerAddress is for one address, or IPv6 network of 64 bits, with any links. Defaults
	// to [DefaultPerAddress].
	PerAddress int

	// Total is for all of them. Defaults to [DefaultAtOnce].
	Total int
}

func (a AtOnce) withDefaults() AtOnce {
	return AtOnce{PerJob: cmp.Or(a.PerJob, DefaultPerJob), PerAddress: cmp.Or(a.PerAddress, DefaultPerAddress), Total: cmp.Or(a.Total, DefaultAtOnce)}
}

// beginRetry is how long a client that may have no more downloads is asked to wait.
const beginRetry = 10 * time.Second

// Texts for clients that may have no more downloads.
const (
	manyOfJob     = "Too many downloads of this export are open. Please try again when one of them has ended."
	manyOfAddress = "Too many downloads are open from your address. Please try again when one of them has ended."
	manyInAll     = "Too many downloads are open. Please try again later."
)

// downloads counts those that are open.
type downloads struct {
	mu    sync.Mutex
	total int
	of    map[string]int // by who: a job or an address
}

// begin counts a download by what asks for it. If there are too many it answers the request, and
// returns false; else done must be called once.
func (l *Links) begin(w http.ResponseWriter, r *http.Request, o object) (done func(), ok bool) {
	if r.Method != http.MethodGet {
		return func() {}, true
	}
	job, from := "link:"+o.organization+"/"+o.job, "downloader:"+access.Network(l.address(r))
	done, who, public := l.open.add(job, from, l.config.AtOnce)
	if public != "" {
		l.tooMany(w, r, who, public, beginRetry)
		return nil, false
	}
	return done, true
}

// add counts a download of a job by an address. public is the text for a client that may have no
// more, who is whose limit that is.
func (d *downloads) add(job, from string, most AtOnce) (done func(), who, public string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	over := func(count, most int) bool { return most >= 0 && count >= most }
	switch {
	case over(d.of[job], most.PerJob):
		return nil, job, manyOfJob
	case over(d.of[from], most.PerAddress):
		return nil, from, manyOfAddress
	case over(d.total, most.Total):
		return nil, "downloads:", manyInAll
	}
	if d.of == nil {
		d.of = make(map[string]int)
	}
	d.total++
	d.of[job]++
	d.of[from]++
	return func() { d.remove(job, from) }, "", ""
}

// remove forgets a download that has ended.
func (d *downloads) remove(job, from string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.total--
	for _, who := range []string{job, from} {
		if d.of[who]--; d.of[who] == 0 {
			delete(d.of, who)
		}
	}
}

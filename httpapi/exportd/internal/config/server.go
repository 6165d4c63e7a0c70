package config

import (
	"cmp"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/orgexport/orgexport/adapters/datadir"
	"github.com/orgexport/orgexport/httpapi"
	"github.com/orgexport/orgexport/httpapi/forwarded"
	"github.com/orgexport/orgexport/sections"
)

// DataFolder is the folder, beside the file, for what the file does not say where
// to keep.
const DataFolder = "exportd-data"

const (
	defaultListen = "127.0.0.1:8080"
	defaultDrain  = time.Second
)

// maxConnections is more than any server of PostgreSQL takes.
const maxConnections = 1 << 16

// defaultRetention is how long archives are kept by jobs.Config.
const defaultRetention = 7 * 24 * time.Hour

// defaultLimits are what a customer hardly needs, and a loop of requests soon
// has.
func defaultLimits() Limits { return Limits{InFlight: 10, Daily: 100} }

// Variables of the environment that replace what may hold a secret.
const (
	envSource  = "ORGEXPORT_SOURCE_DATABASE"
	envJobs    = "ORGEXPORT_JOBS_DATABASE"
	envSigning = "ORGEXPORT_SIGNING_KEYS"
)

// Variables returns the names of the variables that [Load] reads and that are set.
func Variables() (set []string) {
	for _, name := range []string{envSource, envJobs, envSigning} {
		if os.Getenv(name) != "" {
			set = append(set, name)
		}
	}
	return set
}

func (d *decoder) server(n *yaml.Node) {
	s := &d.config.Server
	d.mapping(n, map[string]value{
		"listen": d.listen(&s.Listen),
		"public_url": d.text(func(t Text) {
			u, err := url.Parse(t.Value)
			switch {
			case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || strings.ContainsAny(t.Value, "?# ") ||
				!isCleanPath(strings.TrimRight(u.EscapedPath(), "/")):
				d.problem(t.Line, `%q must be a URL such as https://exports.example.com`, t.Value)
			case !strings.EqualFold(u.String(), t.Value): // links would be others than clients ask for
				d.problem(t.Line, `%q is not how clients write it: write %s`, t.Value, u)
			}
			s.PublicURL = Text{strings.TrimRight(t.Value, "/"), t.Line}
		}),
		"trusted_origins": d.list(d.text(func(t Text) {
			if err := httpapi.CheckOrigin(t.Value); err != nil {
				d.problem(t.Line, "%v", err)
			}
			s.TrustedOrigins = append(s.TrustedOrigins, t.Value)
		})),
		"trusted_proxies": d.list(d.text(func(t Text) {
			prefix, err := forwarded.ParsePrefix(t.Value)
			if err != nil {
				d.problem(t.Line, "%v", err)
			}
			s.TrustedProxies = append(s.TrustedProxies, prefix)
		})),
		"forwarded_header": d.text(func(t Text) {
			name := http.CanonicalHeaderKey(t.Value)
			if name != forwarded.XForwardedFor && name != forwarded.Forwarded {
				d.problem(t.Line, "%q must be %s or %s", t.Value, forwarded.XForwardedFor, forwarded.Forwarded)
			}
			s.ForwardedHeader = Text{name, t.Line}
		}),
		"max_connections":         d.capped(&s.MaxConnections),
		"max_waiting_connections": d.capped(&s.MaxWaiting),
		"drain":                   d.wait(&s.Drain),
	})
	if s.ForwardedHeader.Line > 0 && len(s.TrustedProxies) == 0 {
		d.problem(s.ForwardedHeader.Line, "forwarded_header needs trusted_proxies: nobody else is believed")
	}
}

// listen decodes an address to listen on.
func (d *decoder) listen(dst *Text) value {
	return d.text(func(t Text) {
		if err := checkListen(t.Value); err != nil {
			d.problem(t.Line, "%v", err)
		}
		*dst = t
	})
}

func (d *decoder) metrics(n *yaml.Node) {
	d.mapping(n, map[string]value{"listen": d.listen(&d.config.Metrics.Listen)}, "listen")
}

func (d *decoder) tracing(n *yaml.Node) {
	d.mapping(n, map[string]value{"otlp_endpoint": d.text(func(t Text) {
		if u, err := url.Parse(t.Value); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
			d.problem(t.Line, `%q must be the URL of a collector, such as http://127.0.0.1:4318`, t.Value)
		}
		d.config.Tracing.Endpoint = t
	})}, "otlp_endpoint")
}

func (d *decoder) limits(n *yaml.Node) {
	l := &d.config.Limits
	d.mapping(n, map[string]value{
		"requests_per_minute":   d.number(&l.PerMinute, math.MaxInt32),
		"requests_per_day":      d.number(&l.PerDay, math.MaxInt32),
		"exports_at_once":       d.quota(&l.InFlight),
		"exports_per_day":       d.quota(&l.Daily),
		"exports_running":       d.quota(&l.Running),
		"event_streams":         d.capped(&l.Streams),
		"event_streams_in_all":  d.capped(&l.StreamsInAll),
		"downloads_per_link":    d.capped(&l.PerLink),
		"downloads_per_address": d.capped(&l.PerDownloader),

		"downloads_at_once":             d.capped(&l.Downloads),
		"downloads_at_once_per_address": d.capped(&l.DownloadsPerAddress),
		"downloads_at_once_in_all":      d.capped(&l.DownloadsInAll),
	})
}

func (d *decoder) links(n *yaml.Node) {
	d.linksSaid = d.mapping(n, map[string]value{
		"bound":    d.flag(&d.config.Links.Bound),
		"delivery": oneOf(d, &d.config.Links.Presigned, "presigned or proxied", map[string]bool{"presigned": true, "proxied": false}),
	})
}

// quota decodes a number, or none for no limit, which becomes 0.
func (d *decoder) quota(dst *int) value { return d.numberOr(dst, 0) }

// capped decodes a number, or none for no limit, which becomes -1.
func (d *decoder) capped(dst *int) value { return d.numberOr(dst, -1) }

// numberOr decodes a number, or none, which becomes another one.
func (d *decoder) numberOr(dst *int, unlimited int) value {
	return func(n *yaml.Node) {
		if plain(n).Value == none {
			*dst = unlimited
			return
		}
		d.number(dst, math.MaxInt32)(n)
	}
}

func (d *decoder) oidc(n *yaml.Node) {
	o := &d.config.OIDC
	d.mapping(n, map[string]value{
		"issuer": d.text(func(t Text) {
			if u, err := url.Parse(t.Value); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
				d.problem(t.Line, `%q must be the URL of an OpenID provider, such as https://login.example.com`, t.Value)
			}
			o.Issuer = t
		}),
		"audience": d.into(&o.Audience),
		"scope":    d.into(&o.Scope),
	}, "issuer", "audience")
}

func (d *decoder) jobs(n *yaml.Node) {
	j := &d.config.Jobs
	d.mapping(n, map[string]value{
		"database":        d.database(&j.Database),
		"max_connections": d.number(&j.Connections, maxConnections),
		"workers":         d.number(&j.Workers, math.MaxInt),
		"fan_out":         d.fanOut(j),
		"stop_timeout":    d.wait(&j.StopTimeout),
		"retention": func(n *yaml.Node) {
			d.duration(&j.Retention)(n)
			d.jobsRetention = plain(n).Line
		},
	})
}

// fanOut decodes whether all exports are for several workers, or those of a size.
func (d *decoder) fanOut(j *Jobs) value {
	return func(n *yaml.Node) {
		n = plain(n)
		if n.Tag == "!!bool" {
			d.flag(&j.FanOut)(n)
			return
		}
		size, err := ParseSize(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil {
			d.wrong(n, "true, false, or "+sizeForm)
			return
		}
		j.FanOut, j.FanOutFrom = true, size
	}
}

// checkRetention compares how long jobs and archives are kept.
func (d *decoder) checkRetention() {
	kept, archives := d.config.Jobs.Retention, cmp.Or(d.config.Archives.Retention, defaultRetention)
	if least := max(24*time.Hour, archives); kept > 0 && kept < least {
		d.problem(d.jobsRetention, "jobs are kept for %v: as long as archives and a day, that is %v, or more", kept, least)
	}
}

func (d *decoder) archives(n *yaml.Node) {
	a := &d.config.Archives
	d.mapping(n, map[string]value{
		"store":           d.text(d.archiveStore),
		"retention":       d.limited(d.duration(&a.Retention)),
		"parts_retention": d.duration(&a.PartsRetention),
		"link_ttl":        d.limited(d.duration(&a.LinkTTL)),
		"read_back":       d.size(&a.ReadBack),
	})
}

// archiveStore decodes where archives are: in a folder or in a bucket.
func (d *decoder) archiveStore(t Text) {
	a := &d.config.Archives
	switch {
	case strings.HasPrefix(t.Value, "dir:"):
		d.folderIn(&a.Folder, t, t.Value, "")
		return
	case !strings.HasPrefix(t.Value, "s3://"):
		d.problem(t.Line, `%q must be "dir:" and the path of a folder, or a bucket, s3://BUCKET/PREFIX?region=…`, withoutSecrets(t.Value))
		return
	}
	a.Bucket = d.bucket(t)
}

// checkDelivery finds out where links lead, once it is known where archives are.
func (d *decoder) checkDelivery() {
	c := d.config
	bucket, said := c.Archives.Bucket.Value != "", d.linksSaid["delivery"]
	if said == 0 {
		c.Links.Presigned = bucket
	}
	if c.Links.Presigned && !bucket {
		d.problem(said, "presigned links lead to a bucket, and archives.store is none")
	}
	if c.Links.Presigned && bucket && c.Links.Bound {
		d.problem(d.linksSaid["bound"], "presigned links are good for whoever has them, and cannot be bound: set links.delivery to proxied")
	}
}

func (d *decoder) audit(n *yaml.Node) {
	a := &d.config.Audit
	d.mapping(n, map[string]value{
		"retention":       d.duration(&a.Retention),
		"when_unwritable": oneOf(d, &a.RefuseUnaudited, "serve or refuse", map[string]bool{"serve": false, "refuse": true}),
	})
}

// wait decodes a duration that may be 0s, and always has an end.
func (d *decoder) wait(dst *time.Duration) value {
	return func(n *yaml.Node) {
		n = plain(n)
		t, err := ParseDuration(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || t < 0 {
			d.wrong(n, durationForm+", or 0s")
			return
		}
		*dst = t
	}
}

// limited refuses none.
func (d *decoder) limited(decode value) value {
	return func(n *yaml.Node) {
		if plain(n).Value == none {
			d.wrong(plain(n), durationForm)
			return
		}
		decode(n)
	}
}

func (d *decoder) signing(n *yaml.Node) {
	d.mapping(n, map[string]value{
		"key_file": d.text(func(t Text) { d.config.Signing.KeyFile = Text{d.path(t.Value), t.Line} }),
	})
}

// environment replaces what may hold a secret by what the environment has.
// Paths in it are relative to the working folder.
func (d *decoder) environment(getenv func(string) string) {
	for name, dst := range map[string]*Database{envSource: &d.config.Database, envJobs: &d.config.Jobs.Database} {
		address := getenv(name)
		if address == "" {
			continue
		}
		database, err := parseDatabase(Text{address, max(dst.Line, 1)})
		if err != nil {
			d.problems = append(d.problems, Problem{File: "$" + name, Message: err.Error()})
			continue
		}
		database.Variable = name
		*dst = database
	}
	d.config.Signing.Keys = getenv(envSigning)
}

// serverDefaults fills in what the server needs and the file does not have. Such
// texts have no line.
func (d *decoder) serverDefaults(dataFolder string) {
	c := d.config
	if c.Server.Listen.Value == "" {
		c.Server.Listen.Value = defaultListen
	}
	if c.Jobs.Database.Address == "" {
		c.Jobs.Database = Database{Dialect: sections.SQLite, Address: filepath.Join(dataFolder, datadir.JobsFile)}
	}
	if c.Archives.Folder.Value == "" && c.Archives.Bucket.Value == "" {
		c.Archives.Folder.Value = dataFolder
	}
	if c.Audit.Retention == 0 {
		c.Audit.Retention = 9600 * time.Hour
	}
	if c.Signing.KeyFile.Value == "" {
		c.Signing.KeyFile.Value = filepath.Join(dataFolder, datadir.KeysFile)
	}
}

func checkListen(address string) error {
	if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
		return fmt.Errorf("%q must be an address and a port, such as 127.0.0.1:8080 or :8080", address)
	}
	return nil
}

// ListenOn replaces the address to listen on.
func (c *Config) ListenOn(address string) error {
	c.Server.Listen = Text{Value: address}
	return checkListen(address)
}

// isCleanPath reports whether a path has neither dots nor empty elements.
func isCleanPath(p string) bool { return p == "" || path.Clean(p) == p }

// PublicURL is how clients reach a server that listens on addr: as the file says
// or, if it does not, from this machine.
func (c *Config) PublicURL(addr net.Addr) string {
	if c.Server.PublicURL.Value != "" {
		return c.Server.PublicURL.Value
	}
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return "http://" + addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// NeedPostgres returns an error if jobs are not where processes on many machines
// can share them. who is the command that is to be one of those.
func (c *Config) NeedPostgres(who string) error {
	if c.Jobs.Database.Dialect == sections.Postgres {
		return nil
	}
	return FileErrors{{File: c.File, Message: who + " needs jobs.database to be PostgreSQL: jobs in SQLite are for the one process that serves and works"}}
}

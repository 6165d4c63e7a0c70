package config

import (
	"math"
	"net"
	"net/url"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/orgexport/orgexport/sections"
)

// DataFolder is where the server keeps what no key of the file says where to
// keep, beside the file.
const DataFolder = "exportd-data"

const defaultListen = "127.0.0.1:8080"

// Variables of the environment that replace what may hold a secret.
const (
	envSource  = "ORGEXPORT_SOURCE_DATABASE"
	envJobs    = "ORGEXPORT_JOBS_DATABASE"
	envSigning = "ORGEXPORT_SIGNING_KEYS"
)

func (d *decoder) server(n *yaml.Node) {
	s := &d.config.Server
	d.mapping(n, map[string]value{
		"listen": d.text(func(t Text) {
			if _, port, err := net.SplitHostPort(t.Value); err != nil || port == "" {
				d.problem(t.Line, `%q must be an address and a port, such as 127.0.0.1:8080 or :8080`, t.Value)
			}
			s.Listen = t
		}),
		"public_url": d.text(func(t Text) {
			u, err := url.Parse(t.Value)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
				d.problem(t.Line, `%q must be a URL such as https://exports.example.com`, t.Value)
			}
			s.PublicURL = Text{strings.TrimRight(t.Value, "/"), t.Line}
		}),
	})
}

func (d *decoder) jobs(n *yaml.Node) {
	j := &d.config.Jobs
	d.mapping(n, map[string]value{
		"database": d.database(&j.Database),
		"workers":  d.number(&j.Workers, 1, math.MaxInt),
	})
}

func (d *decoder) archives(n *yaml.Node) {
	a := &d.config.Archives
	d.mapping(n, map[string]value{
		"store":           d.dir(&a.Folder),
		"retention":       d.limited(d.duration(&a.Retention)),
		"parts_retention": d.duration(&a.PartsRetention),
		"link_ttl":        d.limited(d.duration(&a.LinkTTL)),
	})
}

// limited refuses none.
func (d *decoder) limited(decode value) value {
	return func(n *yaml.Node) {
		if plain(n).Value == none {
			d.wrong(plain(n), "a duration such as 1h or 168h")
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
			d.problems = append(d.problems, Problem{"$" + name, 0, err.Error()})
			continue
		}
		*dst = database
	}
	d.config.Signing.Keys = getenv(envSigning)
}

// serverDefaults fills in what the server needs and the file does not have. Such
// texts have no line.
func (d *decoder) serverDefaults() {
	c := d.config
	if c.Server.Listen.Value == "" {
		c.Server.Listen.Value = defaultListen
	}
	if c.Server.PublicURL.Value == "" {
		c.Server.PublicURL.Value = publicURL(c.Server.Listen.Value)
	}
	if c.Jobs.Database.Address == "" {
		c.Jobs.Database = Database{Dialect: sections.SQLite, Address: d.path(DataFolder + "/jobs.db")}
	}
	if c.Archives.Folder.Value == "" {
		c.Archives.Folder.Value = d.path(DataFolder)
	}
	if c.Signing.KeyFile.Value == "" {
		c.Signing.KeyFile.Value = d.path(DataFolder + "/signing.keys")
	}
}

// publicURL is how a server that listens there is reached from this machine.
func publicURL(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// Package config reads the configuration file of exportd. It decodes strictly:
// whatever it does not know is an error that names file and line.
package config

import (
	_ "embed"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/fetch"
)

//go:embed reference.yaml
var reference string

//go:embed starter.yaml
var starter string

// Reference is a configuration file that has every key, with comments that
// explain them.
func Reference() string { return reference }

// Starter is a short configuration file to begin with. It is the one for the
// catalogue of package demo.
func Starter() string { return starter }

// Config is a configuration file. Zero fields leave the library's defaults in
// force; what the server needs and the file does not have is filled in. Paths
// are absolute or relative to the working folder.
//
// A new key is a field here, a line of its decoder (server.go, schema.go or api.go) and
// an entry in reference.yaml, which has to have every key. A secret comes from a variable
// that (*decoder).environment reads.
type Config struct {
	File string // the file it was read from
	Demo bool   // it is that of a demo: see LoadDemo

	Prefix          Text
	Level           int
	MaxArchiveBytes int64 // negative: no limit
	Concurrency     int
	SectionTimeout  time.Duration // negative: no limit
	MaxSectionBytes int64         // negative: no limit
	MaxRecordBytes  int64         // negative: no limit
	MinFreeBytes    int64         // negative: not checked
	RawCSV          bool
	CSV             record.CSVForm
	Scratch         Text

	Database     Database
	Connections  int // to a PostgreSQL Database; 0 for all that sections can use
	Consistency  Consistency
	Organization Text // the query
	Sections     []Section
	Fetch        Fetch

	Server   Server
	API      API
	Jobs     Jobs
	Archives Archives
	Audit    Audit
	Links    Links
	Signing  Signing
	Limits   Limits
	OIDC     OIDC // no Issuer: no bearer tokens
	Metrics  Metrics
	Tracing  Tracing
	Log      Log
}

// Fetch is how assets are fetched by URLs. Its zero fields leave the defaults of package fetch
// in force.
type Fetch struct {
	fetch.Config
	AtOnce int // files that a section opens at once; 0 is the default
}

// Server is where the API is served.
type Server struct {
	Listen    Text // host:port
	PublicURL Text // how clients reach it, if it does not follow from Listen

	// TrustedProxies are believed when they say which client a request comes from,
	// in the header field that ForwardedHeader names, if it names one.
	TrustedProxies  []netip.Prefix
	ForwardedHeader Text

	// TrustedOrigins are those whose pages may use the API, with credentials.
	TrustedOrigins []string

	// MaxConnections is how many there may be, MaxWaiting how many of one address may be
	// without a request. Negative means no limit.
	MaxConnections, MaxWaiting int

	// Drain is how long the server still answers once it is to stop and /readyz
	// fails. Load balancers are to notice in that time.
	Drain time.Duration
}

// Limits are how many requests each key, session or subject may make, and how
// many exports each organization may have: in flight, running and within a day. No
// exports means no limit.
type Limits struct {
	PerMinute, PerDay int
	InFlight, Daily   int
	Running           int

	// Streams is how many streams of events a key, session or subject may have open in
	// this process, StreamsInAll how many all of them may. Negative means no limit.
	Streams, StreamsInAll int

	// PerLink and PerDownloader are how many requests for archives there may be in a
	// minute by one link, and by the links of one address. Negative means no limit.
	PerLink, PerDownloader int

	// Downloads is how many of one job may be open in this process, DownloadsPerAddress how
	// many of one address, and DownloadsInAll how many there may be. Negative means no
	// limit of its own.
	Downloads, DownloadsPerAddress, DownloadsInAll int
}

// Metrics is where metrics are served; nowhere if Listen is empty.
type Metrics struct{ Listen Text }

// Tracing is where spans are sent; nowhere if Endpoint is empty.
type Tracing struct{ Endpoint Text }

// OIDC is where bearer tokens come from.
type OIDC struct{ Issuer, Audience, Scope Text }

// Jobs is where jobs, keys and the audit trail are kept, and how many jobs run
// at once in this process, whether several workers may export one, how long they may go on
// when the process is to stop, and how long a job is kept after it has ended: 0 is the default,
// negative means for ever.
type Jobs struct {
	Database    Database
	Connections int // to PostgreSQL, those of the queue not counted; 0 for the default
	Workers     int
	FanOut      bool
	FanOutFrom  int64 // bytes that an export is estimated at; 0 for any
	StopTimeout time.Duration
	Retention   time.Duration
}

// Archives is where archives and parts are kept, for how long, and up to how many bytes
// an archive is read back. A negative PartsRetention means that parts are not kept, and a
// negative ReadBack that no archive is read back.
type Archives struct {
	Folder         Text // empty if there is a Bucket
	Bucket         Text // the URL of a bucket's prefix: see s3.ParseAddress
	Retention      time.Duration
	PartsRetention time.Duration
	LinkTTL        time.Duration
	ReadBack       int64
}

// Audit is how long entries of the audit trail are kept, negative for ever, and whether
// downloads are refused while they cannot be recorded.
type Audit struct {
	Retention       time.Duration
	RefuseUnaudited bool
}

// Links is what links are good for. A bound one ends with the rights of whom it was made
// for. A presigned one leads to the bucket, and others to this server.
type Links struct{ Bound, Presigned bool }

// Signing is what links are signed with. Keys is the text of a key file, from
// the environment; if it is not empty it is used instead of the file.
type Signing struct {
	KeyFile Text
	Keys    string
}

// Text is text of the file and the line it stands in. Line is 0 if the key is
// not there.
type Text struct {
	Value string
	Line  int
}

// Consistency is whether all sections read one moment of the database, and how long it may be
// kept for that; a negative MaxAge is no limit.
type Consistency struct {
	Level  export.ConsistencyLevel
	Line   int // 0 if the file does not have it
	MaxAge time.Duration
}

// Database is where the data comes from.
type Database struct {
	Dialect sections.Dialect

	// Address is the path of a SQLite file or the URL of a PostgreSQL database.
	// It may hold a password.
	Address string

	Line int

	// Variable is the one of the environment that it is from, if it is not from the
	// file.
	Variable string
}

// Shown is the address as it may be shown: without a password.
func (d Database) Shown() string {
	if d.Dialect != sections.Postgres {
		return "sqlite:" + d.Address
	}
	u, err := url.Parse(d.Address)
	if err != nil {
		return "postgres://…"
	}
	u.RawQuery, u.Fragment = "", ""
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	return u.String()
}

// Section is one section.
type Section struct {
	Key      Text
	Required bool
	Rename   bool
	Timeout  time.Duration
	MaxBytes int64
	Shards   int  // 0: not split
	ShardKey Text // the column by which it is
	Records  []Records
	Assets   []Assets
	Line     int
}

// Records is a query whose rows become records.
type Records struct {
	File   Text
	Each   bool
	SQL    Text
	JSON   []Text
	Shared bool

	ShardKey Text // instead of the section's
	Whole    bool // the first shard has all rows
}

// Assets is a query whose rows name files.
type Assets struct {
	Folder Text   // or what is instead of one: see URLs and Bucket
	URLs   bool   // the rows have URLs
	Bucket bool   // Folder is the URL of a bucket's prefix: see s3.ParseAddress
	Within string // template of the organization's folder in that one, or empty
	All    bool   // all files of it; File, if any, is a folder, and there is no SQL
	Source Text
	File   Text
	SQL    Text
	Shared bool

	ShardKey Text // instead of the section's
	Whole    bool // the first shard has all files
	KeepTime bool
}

// SQL is the section as package sections wants it. place sets where the files of assets are.
func (s Section) SQL(source sections.Source, d sections.Dialect, place func(Assets, *sections.AssetFiles)) sections.SQL {
	out := sections.SQL{Key: s.Key.Value, Source: source, Dialect: d, Rename: s.Rename, Shards: s.Shards, ShardKey: s.ShardKey.Value}
	for _, r := range s.Records {
		file := sections.RecordFile{File: r.File.Value, Each: r.Each, SQL: r.SQL.Value, Shared: r.Shared, ShardKey: r.ShardKey.Value, Whole: r.Whole}
		for _, column := range r.JSON {
			file.JSON = append(file.JSON, column.Value)
		}
		out.Files = append(out.Files, file)
	}
	for _, a := range s.Assets {
		files := sections.AssetFiles{
			Folder: a.Within, All: a.All, Source: a.Source.Value, File: a.File.Value, SQL: a.SQL.Value, Shared: a.Shared,
			ShardKey: a.ShardKey.Value, Whole: a.Whole, KeepTime: a.KeepTime,
		}
		place(a, &files)
		out.Assets = append(out.Assets, files)
	}
	return out
}

// Problem is something wrong in a configuration file.
type Problem struct {
	File    string
	Line    int // 0 if it is about the file as a whole
	Message string

	follows bool // perhaps from another problem
}

func (p Problem) String() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s", p.File, p.Message)
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
}

// DatabaseProblem is a problem with a database, where it is named.
func (c *Config) DatabaseProblem(d Database, message string) Problem {
	if d.Variable != "" {
		return Problem{File: "$" + d.Variable, Message: message}
	}
	return Problem{File: c.File, Line: d.Line, Message: message}
}

// FileErrors are all problems of a file, by line. What is missing is last, because it may
// be there with a mistake. It is an error with a line for each.
type FileErrors []Problem

func (p FileErrors) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Err returns the problems in order, or nil if there are none.
func (p FileErrors) Err() error {
	if len(p) == 0 {
		return nil
	}
	slices.SortStableFunc(p, func(a, b Problem) int {
		if a.follows != b.follows {
			if b.follows {
				return -1
			}
			return 1
		}
		return a.Line - b.Line
	})
	return p
}

// Load reads and checks a file. What is wrong in it is returned as [FileErrors].
// Whether the databases and the folders that it names are there is not checked.
// Variables of the environment replace what may hold a secret: see
// environment.
func Load(file string) (*Config, error) {
	return load(file, filepath.Join(filepath.Dir(file), DataFolder), os.Getenv)
}

// LoadDemo is [Load] for the configuration of a demo, which has its data in a folder of
// its own and takes nothing from the environment: that is there for other configurations.
func LoadDemo(file, dataFolder string) (*Config, error) {
	c, err := load(file, dataFolder, func(string) string { return "" })
	if c != nil {
		c.Demo = true
	}
	return c, err
}

func load(file, dataFolder string, getenv func(string) string) (*Config, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	d := &decoder{config: &Config{File: file, Server: Server{Drain: defaultDrain}, Limits: defaultLimits()}, folder: filepath.Dir(file)}
	d.document(data)
	d.environment(getenv)
	d.serverDefaults(dataFolder)
	d.checkRetention()
	d.checkDelivery()
	d.check()
	return d.config, d.problems.Err()
}

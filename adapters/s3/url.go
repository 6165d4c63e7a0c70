package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Address is what a URL of a bucket says: s3://BUCKET/PREFIX?region=…&endpoint=…. Its
// parameters are the fields below in small letters, with underscores.
type Address struct {
	Bucket     string
	Prefix     string // without slashes at its ends
	Region     string // defaults to that of the environment (AWS_REGION, the profile), then us-east-1
	Endpoint   string // URL of a server that is not AWS
	PathStyle  bool   // the bucket stands in the path, not in the host: as MinIO and Ceph often want
	KMSKey     string // see [Config.KMSKey]
	RoleARN    string // role to assume
	ExternalID string // of the role, if whoever owns it demands one
}

// bucketAlphabet has the characters of the names of buckets. AWS takes capital letters and
// underscores no more, and has buckets that have them.
const bucketAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

// ParseAddress reads the URL of a bucket. Errors quote no values, which could be secrets in
// the wrong place.
func ParseAddress(raw string) (Address, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.User != nil || u.Port() != "" || u.Fragment != "" {
		return Address{}, errors.New("s3: want s3://bucket/prefix?region=…, without user, password and port: credentials come from the environment, see " +
			"the documentation of AWS_ACCESS_KEY_ID, AWS_PROFILE and so on")
	}
	a := Address{Bucket: u.Host, Prefix: strings.Trim(u.Path, "/")}
	if strings.Trim(a.Bucket, bucketAlphabet) != "" || strings.Trim(a.Bucket, ".") != a.Bucket || strings.Contains(a.Bucket, "..") {
		return Address{}, errors.New("s3: the bucket is none: names have letters, digits, dots, hyphens and underscores")
	}
	if a.Prefix != "" && (!fs.ValidPath(a.Prefix) || strings.ContainsFunc(a.Prefix, unicode.IsControl)) {
		return Address{}, errors.New("s3: the prefix is no path")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Address{}, errors.New("s3: the parameters cannot be read")
	}
	texts := map[string]*string{
		"region": &a.Region, "endpoint": &a.Endpoint, "kms_key": &a.KMSKey, "role_arn": &a.RoleARN, "external_id": &a.ExternalID,
	}
	for name, values := range query {
		switch to := texts[name]; {
		case len(values) != 1 || values[0] == "":
			return Address{}, fmt.Errorf("s3: parameter %.40q has to have one value", name)
		case to != nil:
			*to = values[0]
		case name == "path_style":
			if a.PathStyle, err = strconv.ParseBool(values[0]); err != nil {
				return Address{}, errors.New("s3: path_style is neither true nor false")
			}
		default:
			return Address{}, fmt.Errorf("s3: parameter %.40q is not known", name)
		}
	}
	return a, a.check()
}

func (a Address) check() error {
	if a.ExternalID != "" && a.RoleARN == "" {
		return errors.New("s3: external_id without role_arn")
	}
	if a.Endpoint == "" {
		return nil
	}
	u, err := url.Parse(a.Endpoint)
	if err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("s3: endpoint is no URL such as https://minio.example.com")
	}
	return nil
}

// Open returns the Bucket of a URL: see [ParseAddress]. Client, Name, Prefix and KMSKey of c
// are set from it. Credentials come from where the programs of AWS look for them:
// environment, files, web identity, container, machine. Open sends a request only if a role
// has to be assumed later.
func Open(ctx context.Context, raw string, c Config) (*Bucket, error) {
	a, err := ParseAddress(raw)
	if err != nil {
		return nil, err
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Client, err = a.client(ctx, c.Logger); err != nil {
		return nil, err
	}
	c.Name, c.Prefix, c.KMSKey = a.Bucket, a.Prefix, a.KMSKey
	return NewBucket(c)
}

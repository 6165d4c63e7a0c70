package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

var errExpired = errors.New("the credentials have expired")

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

// ParseAddress reads the URL of a bucket. Errors quote no values, which could be secrets in
// the wrong place.
func ParseAddress(raw string) (Address, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.User != nil || u.Port() != "" || u.Fragment != "" {
		return Address{}, errors.New("s3: want s3://bucket/prefix?region=…, without user, password and port: credentials come from the environment, see " +
			"the documentation of AWS_ACCESS_KEY_ID, AWS_PROFILE and so on")
	}
	a := Address{Bucket: u.Host, Prefix: strings.Trim(u.Path, "/")}
	if a.Prefix != "" && !fs.ValidPath(a.Prefix) {
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
	if err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("s3: endpoint is no URL such as https://minio.example.com")
	}
	return nil
}

const (
	maxTries   = 15 // about a minute
	maxBackoff = 10 * time.Second

	// renewEarly is how long before their end credentials are renewed, so that links that
	// are signed with them live that long.
	renewEarly = 10 * time.Minute
)

// Open returns the Bucket of a URL: see [ParseAddress]. Client, Name, Prefix and KMSKey of c
// are set from it. Credentials come from where the programs of AWS look for them:
// environment, files, web identity, container, machine. Open sends a request only if a role
// has to be assumed later.
func Open(ctx context.Context, raw string, c Config) (*Bucket, error) {
	a, err := ParseAddress(raw)
	if err != nil {
		return nil, err
	}
	if c.Client, err = a.client(ctx); err != nil {
		return nil, err
	}
	c.Name, c.Prefix, c.KMSKey = a.Bucket, a.Prefix, a.KMSKey
	return NewBucket(c)
}

// client returns a client for the address.
func (a Address) client(ctx context.Context) (*s3.Client, error) {
	loaded, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(transport()), config.WithRetryer(retryer),
		config.WithCredentialsCacheOptions(func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = renewEarly }))
	if err != nil {
		return nil, wrap("configuration of AWS", err)
	}
	if a.Region != "" {
		loaded.Region = a.Region
	}
	setDefault(&loaded.Region, "us-east-1")
	if a.RoleARN != "" {
		role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(loaded), a.RoleARN, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "orgexport"
			if a.ExternalID != "" {
				o.ExternalID = &a.ExternalID
			}
		})
		loaded.Credentials = aws.NewCredentialsCache(role, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = renewEarly })
	}
	return s3.NewFromConfig(loaded, func(o *s3.Options) {
		o.UsePathStyle = a.PathStyle
		if a.Endpoint != "" {
			o.BaseEndpoint = &a.Endpoint
		}
		// Content-MD5 and the signature are check sums that every server knows.
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		o.DisableLogOutputChecksumValidationSkipped = true
	}), nil
}

func transport() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConnsPerHost = 64
		t.ResponseHeaderTimeout = 5 * time.Minute // to join many pieces takes a server long
		t.DisableCompression = true
	})
}

// retryer tries again what a server that restarts, or that is overloaded, did not do. It
// has no budget over all requests: when one is used up, requests fail that would succeed.
func retryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxTries
		o.MaxBackoff = maxBackoff
		o.RateLimiter = ratelimit.None
	})
}

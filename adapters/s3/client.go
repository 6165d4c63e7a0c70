package s3

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
)

var errExpired = errors.New("the credentials have expired")

const (
	maxTries   = 15 // about a minute
	maxBackoff = 10 * time.Second

	// renewEarly is how long before their end credentials are renewed, so that links that
	// are signed with them live that long.
	renewEarly = 10 * time.Minute
)

// client returns a client for the address.
func (a Address) client(ctx context.Context, logger *slog.Logger) (*s3.Client, error) {
	loaded, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(transport()), config.WithRetryer(retryer),
		config.WithLogger(logging.LoggerFunc(func(_ logging.Classification, format string, values ...any) {
			logger.WarnContext(ctx, "s3: "+fmt.Sprintf(format, values...)) // it logs nothing less with these settings
		})),
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
		o.HTTPClient = careful(loaded.HTTPClient)
		o.HTTPSignerV4 = hopSigner{o.HTTPSignerV4}
		o.APIOptions = append(o.APIOptions, tellLastTry)
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

// hopSigner signs requests without Accept-Encoding, which the next hop may change: Google's front
// end does, and refuses the signature then.
type hopSigner struct{ s3.HTTPSignerV4 }

// SignHTTP implements [s3.HTTPSignerV4].
func (s hopSigner) SignHTTP(
	ctx context.Context, credentials aws.Credentials, r *http.Request, payloadHash, service, region string, at time.Time,
	optFns ...func(*v4.SignerOptions),
) error {
	const name = "Accept-Encoding"
	if said, ok := r.Header[name]; ok {
		delete(r.Header, name)
		defer func() { r.Header[name] = said }()
	}
	return s.HTTPSignerV4.SignHTTP(ctx, credentials, r, payloadHash, service, region, at, optFns...)
}

// transport is what credentials are asked for by. What asks for objects is made of it: see careful.
func transport() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.ResponseHeaderTimeout = quickAnswer })
}

// retryer tries again what a server that restarts, or that is overloaded, did not do. It
// has no budget over all requests: when one is used up, requests fail that would succeed.
func retryer() aws.Retryer {
	return rememberingRetryer{retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxTries
		o.MaxBackoff = maxBackoff
		o.RateLimiter = ratelimit.None
	})}
}

package s3

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"
)

// lastTry is the key, in the context of a call, of the error that its last try has ended with.
type lastTry struct{}

// tellLastTry adds to a stack what remembers why tries fail. When the time of a call is over, the
// library says only that: nobody would know that the server refuses connections.
func tellLastTry(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("TellLastTry", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		var last error
		out, metadata, err := next.HandleInitialize(context.WithValue(ctx, lastTry{}, &last), in)
		if err != nil && last != nil && ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", err, last)
		}
		return out, metadata, err
	}), middleware.Before)
}

// rememberingRetryer remembers why a try has failed before it waits for the next.
type rememberingRetryer struct{ *retry.Standard }

// GetRetryToken implements [aws.Retryer].
func (r rememberingRetryer) GetRetryToken(ctx context.Context, failure error) (func(error) error, error) {
	if last, ok := ctx.Value(lastTry{}).(*error); ok {
		*last = failure
	}
	return r.Standard.GetRetryToken(ctx, failure)
}

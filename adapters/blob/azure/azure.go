// Package azure has what is special about Azure Blob Storage for adapters/blob.
//
// Nobody has run it against Azure yet. Its links are compared with the published form of what
// is signed.
package azure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
	gocloud "gocloud.dev/blob"

	"github.com/orgexport/orgexport/adapters/blob"
)

const (
	// maxPieces leaves some of the 50,000 blocks that a blob can have.
	maxPieces = 49_000

	// maxLink is how long a key of a user's delegation lives.
	maxLink = 7 * 24 * time.Hour
)

// Signature signs links, by one of its fields.
type Signature struct {
	// SharedKey is that of the storage account.
	SharedKey *sas.SharedKeyCredential

	// UserDelegation returns a key that is valid until a time at least, such as
	// service.Client.GetUserDelegationCredential gets from Azure. It is called for each link,
	// so that it should keep what it has got.
	UserDelegation func(ctx context.Context, until time.Time) (*sas.UserDelegationCredential, error)
}

// Provider returns the Provider of containers that azureblob opens. With an empty Signature
// there are no links.
func Provider(s Signature) blob.Provider {
	p := blob.Provider{Version: etag, MaxPieces: maxPieces, MaxLink: maxLink}
	if s.SharedKey != nil || s.UserDelegation != nil {
		p.Link = s.link
	}
	return p
}

// etag returns what each blob has anew, even with the key of another.
func etag(r *gocloud.Reader) string {
	var answer azblob.DownloadStreamResponse
	if !r.As(&answer) || answer.ETag == nil {
		return r.ModTime().String()
	}
	return string(*answer.ETag)
}

// link returns the address of a blob with a signature (service SAS).
func (s Signature) link(ctx context.Context, b *gocloud.Bucket, l blob.Link) (string, error) {
	var in *container.Client
	if !b.As(&in) {
		return "", errors.New("azure: this is no bucket of azureblob")
	}
	object := in.NewBlobClient(l.Key)
	parts, err := sas.ParseURL(object.URL())
	if err != nil {
		return "", fmt.Errorf("azure: %w", err)
	}
	values := sas.BlobSignatureValues{
		Protocol: sas.ProtocolHTTPS, ExpiryTime: l.Expires, Permissions: (&sas.BlobPermissions{Read: true}).String(),
		ContainerName: parts.ContainerName, BlobName: l.Key,
		ContentDisposition: l.ContentDisposition, ContentType: l.ContentType, CacheControl: l.CacheControl,
	}
	if s.SharedKey != nil {
		parts.SAS, err = values.SignWithSharedKey(s.SharedKey)
	} else {
		parts.SAS, err = s.delegated(ctx, values)
	}
	if err != nil {
		return "", fmt.Errorf("azure: %w", err)
	}
	return parts.String(), nil
}

func (s Signature) delegated(ctx context.Context, values sas.BlobSignatureValues) (sas.QueryParameters, error) {
	key, err := s.UserDelegation(ctx, values.ExpiryTime)
	if err != nil {
		return sas.QueryParameters{}, err
	}
	return values.SignWithUserDelegation(key)
}

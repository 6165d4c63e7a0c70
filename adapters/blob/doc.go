// Package blob keeps archives and parts in a bucket that gocloud.dev opens: a [Destination],
// a [Spool] and a [Signer] for Google Cloud Storage and Azure Blob Storage, each by its own
// protocol. It is a module of its own, so that nobody else compiles their libraries. For S3,
// and what speaks its protocol, see adapters/s3.
//
//	in, err := gcsblob.OpenBucket(ctx, client, "acme-exports", &gcsblob.Options{GoogleAccessID: …, MakeSignBytes: …})
//	bucket, err := blob.NewBucket(blob.Config{Bucket: in, Prefix: "prod", Provider: gcs.Provider()})
//	destination := blob.NewDestination(bucket.Sub("archives"))
//	spool := blob.NewSpool(bucket.Sub("parts"))
//	signer := blob.NewSigner(bucket.Sub("archives"), blob.SignerConfig{})
//
// What differs between providers is a [Provider]: packages gcs and azure have them. That of
// Google has been tried with a server of tests, and its links with the published vectors of
// signatures. That of Azure has been tried with no server at all: only its links, with the
// published form of what is signed.
//
// # What is in the bucket
//
// The key of an object is the prefix of the [Bucket], a slash, and the key that the
// Destination gets, or JOB/SECTION-SHARD-ATTEMPT.part. A prefix belongs to one
// Destination or one Spool.
//
// # Writing
//
// An object is sent in pieces ([Config.PartSize], 16 MiB), one after the other, and cannot
// be seen before the last. An upload takes the memory of two pieces at most. When it is
// complete the object is asked for its size and its MD5. If the answer to the last request
// is lost, that tells whether the object was made: it has a mark of the upload.
//
// What an upload leaves behind that failed, or whose process was killed, is in no listing,
// costs nothing (Google) or little (Azure), and is removed by the provider after a week.
//
// # Reading
//
// An object is read by ranges that grow from 256 KiB to 32 MiB. A connection that breaks, or
// stalls for a minute, is made again where it stopped, as long as the object is the same.
package blob

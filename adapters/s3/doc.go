// Package s3 keeps archives and parts in a bucket: a [Destination], a [Spool] and a
// [Signer] for AWS S3 and for servers that speak its protocol, such as MinIO, Cloudflare
// R2, Ceph and the S3 endpoint of Google Cloud Storage.
//
//	bucket, err := s3.Open(ctx, "s3://acme-exports/prod?region=eu-central-1")
//	destination := s3.NewDestination(bucket.Sub("archives"))
//	spool := s3.NewSpool(bucket.Sub("parts"))
//	signer := s3.NewSigner(bucket.Sub("archives"), s3.SignerConfig{})
//
// # What is in the bucket
//
// The key of an object is the prefix of the [Bucket], a slash, and the key that the
// Destination gets, or JOB/SECTION-SHARD-ATTEMPT.part. A prefix belongs to one
// Destination or one Spool.
//
// # Writing
//
// An object of more than one piece ([Config.PartSize], 16 MiB) is a multipart upload:
// nothing of it can be seen before it is complete. An upload takes the memory of two
// pieces, or less if the object is smaller, and one connection. Each piece carries its
// MD5, and without TLS its SHA-256 in the signature: a server that has got other bytes refuses it.
// An upload has 10,000 pieces at most. For objects of more than 140 GiB set
// [Config.MaxBytes], which makes pieces larger.
//
// If the answer to the last request of an upload is lost, the object is looked at: it has
// a mark of the upload that made it. If that cannot be found out either, Put returns an
// error although the object may be there. A service gives each attempt a key of its own,
// so such an object is never taken for another, and is removed with its job.
//
// # Uploads that were broken off
//
// An upload that fails is aborted, also if the context has ended. What is left because the
// server did not answer, or the process was killed, costs money and is in no listing. A
// process aborts its own after its next upload that succeeds. Sweep aborts them, too, and
// those of others when they are older than [Config.UploadAge]. A rule of the bucket that
// aborts incomplete uploads after a few days (AbortIncompleteMultipartUpload) does the same.
//
// # Reading
//
// An object is read by ranges that grow from 256 KiB to 32 MiB, so that whoever reads
// its end, or stops early, pays for little more. A connection that breaks or stalls for a minute
// is made again where it stopped, as long as the object is the same (its ETag).
//
// # Rights
//
// s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload of the objects,
// s3:ListBucket and s3:ListBucketMultipartUploads of the bucket. Without ListBucket the
// server answers 403 for an object that is missing, which is then an error of another kind.
package s3

package app

import (
	"context"

	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/conf"
)

// openStore opens what keeps the bytes of evidence: a bucket if the operator
// names one, else a directory in the data directory.
func openStore(ctx context.Context, c conf.Config) (blob.Store, error) {
	s, err := c.S3()
	if err != nil {
		return nil, err
	}
	if s == nil {
		return blob.NewDisk(c.Blobs())
	}
	return blob.NewS3(ctx, blob.Bucket{Endpoint: s.Endpoint, Secure: s.Secure, Region: s.Region, Name: s.Bucket, Prefix: s.Prefix,
		AccessKey: s.AccessKey, SecretKey: s.SecretKey, SessionToken: s.SessionToken})
}

package blob

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/tickmark/tickmark/internal/fault"
)

// s3Tries bounds how often a request is sent. Between them a second passes at
// most.
const s3Tries = 4

// maxObject bounds one object: a blob and what its encryption adds.
const maxObject = MaxSize + 1<<20

// Bucket says where objects lie in an S3-compatible store, and as whom.
type Bucket struct {
	Endpoint string // host or host:port
	Secure   bool   // by TLS
	Region   string
	Name     string
	Prefix   string // of every object; empty, or ending in a slash

	AccessKey, SecretKey, SessionToken string

	// Transport carries the requests; nil for one of our own.
	Transport http.RoundTripper
	// Tries bounds how often a request is sent; 0 for a sensible number.
	Tries int
}

// S3 is a Store in a bucket.
type S3 struct {
	core   minio.Core
	bucket string
	prefix string
}

// NewS3 keeps objects in a bucket. It puts, reads, lists and deletes one first,
// so that what is set wrongly is said now and not at the first evidence.
func NewS3(ctx context.Context, b Bucket) (*S3, error) {
	tries := b.Tries
	if tries == 0 {
		tries = s3Tries
	}
	core, err := minio.NewCore(b.Endpoint, &minio.Options{Secure: b.Secure, Region: b.Region, Transport: b.Transport, MaxRetries: tries,
		Creds: credentials.NewStaticV4(b.AccessKey, b.SecretKey, b.SessionToken)})
	if err != nil {
		return nil, fault.Invalid("blobs", "%s is no address of an S3 store", b.Endpoint).With(err)
	}
	s := &S3{core: *core, bucket: b.Name, prefix: b.Prefix}
	return s, s.probe(ctx)
}

// probe does everything once that evidence will need.
func (s *S3) probe(ctx context.Context) error {
	name, data := "probe-"+strings.ToLower(rand.Text()), []byte("tickmark")
	where := fmt.Sprintf("bucket %s at %s", s.bucket, s.core.EndpointURL().Host)
	if err := s.Put(ctx, name, bytes.NewReader(data)); err != nil {
		return fault.Invalid("blobs", "%s takes no object: %s", where, s3Reason(err)).With(err)
	}
	r, err := s.Open(ctx, name)
	if err == nil {
		var got []byte
		got, err = io.ReadAll(io.LimitReader(r, 100))
		if err = errors.Join(err, r.Close()); err == nil && !bytes.Equal(got, data) {
			err = errors.New("it gives back other bytes")
		}
	}
	if err != nil {
		return fault.Invalid("blobs", "%s does not give an object back: %s", where, s3Reason(err)).With(err)
	}
	listed := errors.New("listed")
	if err := s.list(ctx, name, func(Object) error { return listed }); !errors.Is(err, listed) {
		return fault.Invalid("blobs", "%s does not list its objects: %s", where, s3Reason(err)).With(err)
	}
	if err := s.Delete(ctx, name); err != nil {
		return fault.Invalid("blobs", "%s does not delete an object: %s", where, s3Reason(err)).With(err)
	}
	return nil
}

// s3Reason turns an answer into what an operator can act on.
func s3Reason(err error) string {
	if err == nil {
		return "it leaves out what was just stored"
	}
	var e minio.ErrorResponse
	if !errors.As(err, &e) {
		return err.Error()
	}
	switch e.Code {
	case minio.NoSuchBucket:
		return "there is no such bucket; make it, since Tickmark does not"
	case minio.AccessDenied:
		return "access is denied: its key needs GetObject, PutObject, DeleteObject and ListBucket"
	case minio.InvalidAccessKeyID, "SignatureDoesNotMatch":
		return "it does not know the key: correct TICKMARK_S3_ACCESS_KEY and TICKMARK_S3_SECRET_KEY"
	case "NotImplemented":
		return "it does not know If-None-Match, which keeps an object from being overwritten: use a store that does"
	case "AuthorizationHeaderMalformed", minio.InvalidRegion:
		return "the bucket is in another region: give it as region=…"
	case "RequestTimeTooSkewed":
		return "its clock and this machine's differ by more than it accepts: set the clock"
	}
	return strings.TrimSpace(e.Code + " " + e.Message)
}

func (s *S3) key(name string) (string, error) { return s.prefix + name, checkName(name) }

// Put sends the object with its digest, which the store checks, and only if
// there is none of this name. Then it asks what is there: an answer that is
// lost, or wrong, must not decide what counts as stored.
func (s *S3) Put(ctx context.Context, name string, r io.Reader) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(r, maxObject+1))
	if err != nil {
		return fmt.Errorf("blob %s is not stored: %w", name, err)
	}
	if len(data) > maxObject {
		return fmt.Errorf("blob %s is not stored: it has more than %d bytes", name, maxObject)
	}
	sum := sha256.Sum256(data)
	// Signed by this digest and not piece by piece, without TLS too.
	opts := minio.PutObjectOptions{DisableMultipart: true, DisableContentSha256: true,
		UserMetadata: map[string]string{"X-Amz-Checksum-Sha256": base64.StdEncoding.EncodeToString(sum[:])}}
	opts.SetMatchETagExcept("*")
	_, put := s.core.PutObject(ctx, s.bucket, key, bytes.NewReader(data), int64(len(data)), "", hex.EncodeToString(sum[:]), opts)
	if put != nil && !isCode(put, minio.PreconditionFailed, "ConditionalRequestConflict") {
		return fmt.Errorf("blob %s is not stored: %w", name, put)
	}
	there, err := s.Stat(ctx, name)
	if err != nil {
		return fmt.Errorf("blob %s is not stored, though the store answered otherwise: %w", name, err)
	}
	return sameSize(there, bytes.NewReader(data))
}

func isCode(err error, codes ...string) bool {
	var e minio.ErrorResponse
	return errors.As(err, &e) && slices.Contains(codes, e.Code)
}

// missing gives the store's answer that it has no such object the meaning that
// callers act on.
func missing(name string, err error) error {
	if isCode(err, minio.NoSuchKey) {
		return fmt.Errorf("blob %s: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return fmt.Errorf("blob %s: %w", name, err)
	}
	return nil
}

// Open streams the object. One that ends early is an error of the reader.
func (s *S3) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	key, err := s.key(name)
	if err != nil {
		return nil, err
	}
	r, _, _, err := s.core.GetObject(ctx, s.bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, missing(name, err)
	}
	return r, nil
}

// Stat asks for the object's size and time.
func (s *S3) Stat(ctx context.Context, name string) (Object, error) {
	key, err := s.key(name)
	if err != nil {
		return Object{}, err
	}
	o, err := s.core.StatObject(ctx, s.bucket, key, minio.StatObjectOptions{})
	if err != nil {
		return Object{}, missing(name, err)
	}
	return Object{name, o.Size, o.LastModified}, nil
}

// Delete removes the object. A bucket with versions keeps a copy, which is
// noise once the key is destroyed.
func (s *S3) Delete(ctx context.Context, name string) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	err = missing(name, s.core.RemoveObject(ctx, s.bucket, key, minio.RemoveObjectOptions{}))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// List lists the bucket below the prefix.
func (s *S3) List(ctx context.Context, fn func(Object) error) error { return s.list(ctx, "", fn) }

func (s *S3) list(ctx context.Context, begin string, fn func(Object) error) error {
	for o := range s.core.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix + begin, Recursive: true}) {
		if o.Err != nil {
			return fmt.Errorf("blobs: %w", o.Err)
		}
		name := strings.TrimPrefix(o.Key, s.prefix)
		if checkName(name) != nil {
			continue // not ours
		}
		if err := fn(Object{name, o.Size, o.LastModified}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

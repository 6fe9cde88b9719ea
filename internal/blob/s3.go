package blob

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3 is a Store in a bucket of an S3-compatible server.
//
// A blob is the object <prefix>/<first two digits>/<hash>. What is sent is first
// written to a local copy, because its name is its hash; then it is put as a
// whole: an object is there when all of it is. Beside it stand, at times, two
// empty objects: <hash>.stored, whose age is that of the blob since it was last
// stored again, and <hash>.removing while somebody removes it.
//
// S3 has no statement that deletes an object only while it is old. Who removes
// therefore marks the blob, then looks at its age; who stores writes, then looks
// for the mark. One of them sees the other: either the remover finds a young
// blob and leaves it, or the one who stores waits until the mark is gone and
// looks whether the blob is still there.
type S3 struct {
	location S3Location
	client   *minio.Core
	tmp      *spool
	partSize uint64
	stall    time.Duration // how long a transfer may stand still
}

// S3Config is what an S3 store is made of.
type S3Config struct {
	S3Location
	// Credentials of the account. Nil: those of the environment
	// (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN), of the
	// shared credentials file, or of the machine's role.
	Credentials *credentials.Credentials
	Temp        string // folder for temporary copies; made if it is not there
}

const (
	s3PartSize     = 16 << 20 // of a multipart upload; smaller sources are put at once
	s3Parts        = 2        // of one upload at a time
	s3Tries        = 5        // of one request
	requestTimeout = 30 * time.Second
	stallTimeout   = time.Minute
)

// OpenS3 opens the store and looks whether the bucket can be listed. Errors are
// *jobs.StoreError.
func OpenS3(ctx context.Context, c S3Config) (*S3, error) {
	op := "open " + c.String()
	host, secure, err := c.server()
	if err != nil {
		return nil, trouble(op, err)
	}
	if c.Credentials == nil {
		if c.Credentials, err = environment(ctx); err != nil {
			return nil, s3Trouble(op, err)
		}
	}
	transport, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, trouble(op, err)
	}
	transport.DialContext = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext
	client, err := minio.NewCore(host, &minio.Options{
		Creds: c.Credentials, Secure: secure, Region: c.Region, Transport: transport, MaxRetries: s3Tries,
	})
	if err != nil {
		return nil, trouble(op, err)
	}
	s := &S3{location: c.S3Location, client: client, partSize: s3PartSize, stall: stallTimeout}
	if err := s.look(ctx); err != nil {
		return nil, because(ctx, s3Trouble(op, err))
	}
	s.tmp, err = openSpool(c.Temp)
	return s, err
}

// errNoCredentials: none of the places has any.
var errNoCredentials = errors.New("no credentials found")

func environment(ctx context.Context) (*credentials.Credentials, error) {
	client := &http.Client{Timeout: 5 * time.Second}
	c := credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{Client: client},
	})
	v, err := c.GetWithContext(&credentials.CredContext{Client: client, Context: ctx})
	if err == nil && v.AccessKeyID == "" {
		err = errNoCredentials
	}
	return c, err
}

// Location is that of Store.
func (s *S3) Location() Location { return Location{S3: s.location} }

// Close releases the store.
func (s *S3) Close() error { return s.tmp.close() }

// Check is that of Store.
func (s *S3) Check(ctx context.Context) error {
	return because(ctx, s3Trouble("look at "+s.location.String(), s.look(ctx)))
}

// look lists at most one object: a request whose answer, unlike that to HEAD,
// says why it was refused.
func (s *S3) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	opts := minio.ListObjectsOptions{Prefix: s.under(""), Recursive: true, MaxKeys: 1}
	for o := range s.client.ListObjectsIter(ctx, s.location.Bucket, opts) {
		return o.Err
	}
	return context.Cause(ctx)
}

// under returns a key below the prefix.
func (s *S3) under(name string) string {
	if s.location.Prefix == "" {
		return name
	}
	return s.location.Prefix + "/" + name
}

// key is the object of a blob.
func (s *S3) key(sha256 string) string { return s.under(sha256[:2] + "/" + sha256) }

// What stands behind the key of a blob in the key of an empty object beside it.
const (
	storedMark   = ".stored"
	removingMark = ".removing"
)

// stat returns what is known of an object; nil: it is not there.
func (s *S3) stat(ctx context.Context, key string) (*minio.ObjectInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	info, err := s.client.StatObject(ctx, s.location.Bucket, key, minio.StatObjectOptions{})
	if isAbsent(err) {
		return nil, nil //nolint:nilnil // there is none
	}
	if err != nil {
		return nil, s3Trouble(fmt.Sprintf("look at %s in %s", key, s.location), err)
	}
	return &info, nil
}

// delete deletes an object. One that is not there is no error.
func (s *S3) delete(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	err := s.client.RemoveObject(ctx, s.location.Bucket, key, minio.RemoveObjectOptions{})
	if isAbsent(err) {
		return nil
	}
	return s3Trouble(fmt.Sprintf("delete %s from %s", key, s.location), err)
}

// Probe is that of Store.
func (s *S3) Probe(ctx context.Context) error {
	return probe(ctx, func(want []byte) (_ []byte, err error) {
		key := s.under("probe-" + string(want))
		if err := s.putSmall(ctx, key, want); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, s.delete(ctx, key)) }()
		return s.getSmall(ctx, key)
	})
}

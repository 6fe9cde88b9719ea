package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/minio/minio-go/v7"
)

// Put is that of Store.
func (s *S3) Put(ctx context.Context, r io.Reader, limit int64) (Ref, error) {
	file, ref, err := s.tmp.take(ctx, r, limit)
	if err != nil {
		return Ref{}, err
	}
	defer file.Close() // a copy
	if err := s.keep(ctx, file, ref); err != nil {
		return Ref{}, because(ctx, err)
	}
	return ref, nil
}

// keepTries bounds how often a blob that is being removed is put again.
const keepTries = 5

// keep makes the blob whole and young.
func (s *S3) keep(ctx context.Context, file *File, ref Ref) error {
	for range keepTries {
		if err := s.write(ctx, file, ref); err != nil {
			return err
		}
		// Only now: see S3.
		if err := s.awaitRemoval(ctx, ref.SHA256); err != nil {
			return err
		}
		info, err := s.stat(ctx, s.key(ref.SHA256))
		if err != nil {
			return err
		}
		switch {
		case info == nil:
			continue // it was removed
		case info.Size != ref.Size:
			return trouble("store blob in "+s.location.String(), fmt.Errorf("the server keeps %d bytes of %d", info.Size, ref.Size))
		}
		return nil
	}
	return trouble("store blob in "+s.location.String(), errors.New("it is removed all the time"))
}

// write puts the blob, or makes it young where its bytes are there.
func (s *S3) write(ctx context.Context, file *File, ref Ref) error {
	there, err := s.Open(ctx, ref.SHA256)
	switch {
	case err == nil:
		_ = there.Close() // only read
		return s.renew(ctx, ref.SHA256)
	case errors.Is(err, ErrMissing):
		err := s.put(ctx, s.key(ref.SHA256), file, onlyNew)
		if isThere(err) || s.refusedUnheard(ctx, ref, err) {
			// Put at this moment by another, who looks at the whole of it as well.
			return s.renew(ctx, ref.SHA256)
		}
		return err
	case errors.Is(err, ErrChanged):
		return s.put(ctx, s.key(ref.SHA256), file, replacing)
	}
	return err
}

// refusedUnheard reports that a blob was not put for a reason that may be that it
// is there: a server may say so before it has read what is sent, and cut the
// connection, by which its answer is lost.
func (s *S3) refusedUnheard(ctx context.Context, ref Ref, err error) bool {
	if _, cut := errors.AsType[net.Error](err); !cut {
		return false
	}
	info, err := s.stat(ctx, s.key(ref.SHA256))
	return err == nil && info != nil && info.Size == ref.Size
}

type condition int

const (
	onlyNew   condition = iota // not where an object is
	replacing                  // whatever is there
)

// put puts an object as a whole: at once, or in parts of which a server makes an
// object when it has all of them. The condition is for what is put at once: on
// parts it would have to stand in the last request, and the library does not
// send it there. Without it the same bytes are put twice, which is harmless.
func (s *S3) put(ctx context.Context, key string, file *File, c condition) error {
	if err := file.rewind(); err != nil {
		return err
	}
	ctx, alive, stop := watch(ctx, s.stall)
	defer stop()
	opts := minio.PutObjectOptions{ContentType: "application/octet-stream", PartSize: s.partSize, NumThreads: s3Parts, Progress: alive}
	if c == onlyNew && file.Size() <= int64(s.partSize) {
		opts.SetMatchETagExcept("*")
	}
	_, err := s.client.Client.PutObject(ctx, s.location.Bucket, key, io.NewSectionReader(file, 0, file.Size()), file.Size(), opts)
	if isThere(err) {
		return err
	}
	return s3Trouble("store blob in "+s.location.String(), stalled(ctx, err))
}

// renew makes a blob young. A copy onto itself would do that as well, but takes
// the server as long as the blob is large, and cannot be done to one of 5 GiB.
func (s *S3) renew(ctx context.Context, sha256 string) error {
	return s.putSmall(ctx, s.key(sha256)+storedMark, nil)
}

// putSmall puts an object of a few bytes.
func (s *S3) putSmall(ctx context.Context, key string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := s.client.Client.PutObject(ctx, s.location.Bucket, key, bytes.NewReader(data), int64(len(data)), minio.PutObjectOptions{})
	return s3Trouble(fmt.Sprintf("write %s to %s", key, s.location), err)
}

const (
	// removingFor is how long a removal may take before its mark is that of a
	// dead process; removingSend is the last moment at which it still sends what
	// removes: the time between covers the request itself.
	removingFor  = 10 * time.Minute
	removingSend = 5 * time.Minute

	awaitPause = 200 * time.Millisecond
)

// awaitRemoval returns when nobody removes the blob.
func (s *S3) awaitRemoval(ctx context.Context, sha256 string) error {
	key := s.key(sha256) + removingMark
	for {
		mark, err := s.stat(ctx, key)
		if err != nil || mark == nil {
			return err
		}
		if time.Since(mark.LastModified) > removingFor {
			return s.delete(ctx, key)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(awaitPause):
		}
	}
}

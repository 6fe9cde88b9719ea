package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/mivaa/mivaa/jobs"
)

// openTries is how often a blob is read anew when its connection breaks.
const openTries = 3

// Open is that of Store; the file is a copy that ends when it is closed.
func (s *S3) Open(ctx context.Context, sha256 string) (*File, error) {
	if !isHash(sha256) {
		return nil, missing(sha256)
	}
	for try := 1; ; try++ {
		file, err := s.tmp.fetch(ctx, sha256, func(ctx context.Context, w io.Writer) error { return s.read(ctx, sha256, w) })
		if try == openTries || ctx.Err() != nil || !errors.Is(err, errBroken) {
			return file, err
		}
	}
}

// errBroken: the answer began and did not come to its end.
var errBroken = errors.New("the connection broke while reading")

// read writes the bytes of a blob to w.
func (s *S3) read(ctx context.Context, sha256 string, w io.Writer) error {
	op := fmt.Sprintf("read blob %s from %s", sha256, s.location)
	ctx, alive, stop := watch(ctx, s.stall)
	defer stop()
	body, _, _, err := s.client.GetObject(ctx, s.location.Bucket, s.key(sha256), minio.GetObjectOptions{})
	if isAbsent(err) {
		return missing(sha256)
	}
	if err != nil {
		return s3Trouble(op, stalled(ctx, err))
	}
	defer body.Close()
	_, err = io.Copy(w, io.TeeReader(body, alive))
	if err == nil || errors.Is(err, jobs.ErrUnavailable) {
		return err // of the local copy
	}
	return s3Trouble(op, fmt.Errorf("%w: %w", errBroken, stalled(ctx, err)))
}

// getSmall returns an object of a few bytes.
func (s *S3) getSmall(ctx context.Context, key string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	op := fmt.Sprintf("read %s from %s", key, s.location)
	body, _, _, err := s.client.GetObject(ctx, s.location.Bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, s3Trouble(op, err)
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, 1<<10))
	return data, s3Trouble(op, err)
}

// errStalled is the cause of a transfer that was given up.
var errStalled = errors.New("nothing was transferred any more")

// heartbeat hears of each piece that is transferred.
type heartbeat struct {
	timer *time.Timer
	after time.Duration
}

// watch returns a context that ends when nothing is transferred for a while: a
// large transfer has no time limit of its own, one that stands still has.
func watch(ctx context.Context, after time.Duration) (context.Context, *heartbeat, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(after, func() { cancel(errStalled) })
	return ctx, &heartbeat{timer, after}, func() { timer.Stop(); cancel(nil) }
}

// Read is how the library tells of what it sent.
func (h *heartbeat) Read(p []byte) (int, error) { return h.Write(p) }

func (h *heartbeat) Write(p []byte) (int, error) {
	h.timer.Reset(h.after)
	return len(p), nil
}

// stalled is err, unless that came of the stall.
func stalled(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		return errStalled
	}
	return err
}

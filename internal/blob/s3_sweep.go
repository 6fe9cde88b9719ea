package blob

import (
	"context"
	"fmt"
	"iter"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

// Walk is that of Store.
func (s *S3) Walk(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for g, err := range s.groups(ctx) {
			if err == nil && g.blob == nil {
				continue // marks of a blob that is gone
			}
			if err != nil {
				yield(Entry{}, because(ctx, err))
				return
			}
			if !yield(Entry{Ref: Ref{SHA256: g.sha256, Size: g.blob.Size}, Stored: g.storedAt()}, nil) {
				return
			}
		}
	}
}

// group is a blob and the marks beside it, any of which may be missing.
type group struct {
	sha256                 string
	blob, stored, removing *minio.ObjectInfo
}

// storedAt is the age of the youngest of the two.
func (g *group) storedAt() time.Time {
	at := g.blob.LastModified
	if g.stored != nil && g.stored.LastModified.After(at) {
		at = g.stored.LastModified
	}
	return at
}

// groups lists the bucket. A mark follows its blob, because its key is longer.
func (s *S3) groups(ctx context.Context) iter.Seq2[*group, error] {
	return func(yield func(*group, error) bool) {
		var g *group
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		opts := minio.ListObjectsOptions{Prefix: s.under(""), Recursive: true}
		for o := range s.client.ListObjectsIter(ctx, s.location.Bucket, opts) {
			if o.Err != nil {
				yield(nil, s3Trouble("list "+s.location.String(), o.Err))
				return
			}
			sha, mark := path.Base(o.Key), path.Ext(o.Key)
			sha = strings.TrimSuffix(sha, mark)
			if !isHash(sha) || o.Key != s.key(sha)+mark {
				continue
			}
			if g == nil || g.sha256 != sha {
				if g != nil && !yield(g, nil) {
					return
				}
				g = &group{sha256: sha}
			}
			switch mark {
			case "":
				g.blob = &o
			case storedMark:
				g.stored = &o
			case removingMark:
				g.removing = &o
			}
		}
		if ctx.Err() != nil {
			yield(nil, context.Cause(ctx))
		} else if g != nil {
			yield(g, nil)
		}
	}
}

// Remove is that of Store.
func (s *S3) Remove(ctx context.Context, sha256 string) (bool, error) {
	if !isHash(sha256) {
		return false, missing(sha256)
	}
	if old, err := s.isOld(ctx, sha256); !old || err != nil {
		return false, because(ctx, err)
	}
	began := time.Now()
	unmark, err := s.mark(ctx, sha256)
	if unmark == nil || err != nil {
		return false, because(ctx, err)
	}
	defer unmark()
	// Looked at again under the mark: see S3.
	if old, err := s.isOld(ctx, sha256); !old || err != nil {
		return false, because(ctx, err)
	}
	if time.Since(began) > removingSend {
		return false, nil // this process was stopped for a while: the mark is no longer a proof
	}
	if err := s.delete(ctx, s.key(sha256)); err != nil {
		return false, because(ctx, err)
	}
	return true, because(ctx, s.delete(ctx, s.key(sha256)+storedMark))
}

// isOld reports whether a blob is there and at least MinAge old.
func (s *S3) isOld(ctx context.Context, sha256 string) (bool, error) {
	g := group{sha256: sha256}
	var err error
	if g.blob, err = s.stat(ctx, s.key(sha256)); g.blob == nil || err != nil {
		return false, err
	}
	if g.stored, err = s.stat(ctx, s.key(sha256)+storedMark); err != nil {
		return false, err
	}
	return time.Since(g.storedAt()) >= MinAge, nil
}

// mark marks a blob as being removed; nil: another has.
func (s *S3) mark(ctx context.Context, sha256 string) (unmark func(), err error) {
	key := s.key(sha256) + removingMark
	opts := minio.PutObjectOptions{}
	opts.SetMatchETagExcept("*")
	bounded, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err = s.client.Client.PutObject(bounded, s.location.Bucket, key, strings.NewReader(""), 0, opts)
	if isThere(err) {
		return nil, nil //nolint:nilnil // it is the other's to remove; a mark of the dead goes with the next sweep
	}
	if err != nil {
		return nil, s3Trouble(fmt.Sprintf("write %s to %s", key, s.location), err)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
		defer cancel()
		_ = s.delete(ctx, key) // else it is a mark of the dead
	}, nil
}

// Sweep is that of Store. What dead processes leave behind is marks, and parts
// of uploads that did not come to their end.
func (s *S3) Sweep(ctx context.Context, inUse InUse) (Swept, error) {
	if err := s.sweepMarks(ctx); err != nil {
		return Swept{}, because(ctx, err)
	}
	if err := s.sweepParts(ctx); err != nil {
		return Swept{}, because(ctx, err)
	}
	if err := s.tmp.sweep(); err != nil {
		return Swept{}, trouble("sweep temporary copies", err)
	}
	return sweep(ctx, s, inUse)
}

func (s *S3) sweepMarks(ctx context.Context) error {
	for g, err := range s.groups(ctx) {
		if err != nil {
			return err
		}
		if g.removing != nil && time.Since(g.removing.LastModified) > removingFor {
			if err := s.delete(ctx, g.removing.Key); err != nil {
				return err
			}
		}
		if g.blob == nil && g.stored != nil && time.Since(g.stored.LastModified) >= MinAge {
			if err := s.delete(ctx, g.stored.Key); err != nil {
				return err
			}
		}
	}
	return nil
}

// sweepParts ends multipart uploads of the dead: their parts are paid for and
// are in no listing of objects.
func (s *S3) sweepParts(ctx context.Context) error {
	op := "sweep unfinished uploads of " + s.location.String()
	key, upload := "", ""
	for {
		page, err := s.client.ListMultipartUploads(ctx, s.location.Bucket, s.under(""), key, upload, "", 1000)
		if err != nil {
			return s3Trouble(op, err)
		}
		for _, u := range page.Uploads {
			if time.Since(u.Initiated) < MinAge {
				continue
			}
			if err := s.client.AbortMultipartUpload(ctx, s.location.Bucket, u.Key, u.UploadID); err != nil && !isAbsent(err) {
				return s3Trouble(op, err)
			}
		}
		if !page.IsTruncated || page.NextKeyMarker == key && page.NextUploadIDMarker == upload {
			return nil
		}
		key, upload = page.NextKeyMarker, page.NextUploadIDMarker
	}
}

package blob

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
)

const opProbe = "probe blob store"

// probe calls what writes a few bytes, reads them back and deletes them.
func probe(ctx context.Context, pass func(want []byte) (got []byte, err error)) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	want := []byte(rand.Text())
	got, err := pass(want)
	if err != nil {
		return because(ctx, trouble(opProbe, err))
	}
	if !bytes.Equal(got, want) {
		return trouble(opProbe, errors.New("read other bytes than were written"))
	}
	return nil
}

//go:build !unix

package pdf

// region is memory of the Go heap, grown by doubling: each growth copies.
type region struct {
	b     *[]byte
	limit uint64
}

func reserve(limit uint64) region { return region{b: new([]byte), limit: limit} }

func (r region) resize(size uint64) []byte {
	if size > uint64(cap(*r.b)) {
		next := make([]byte, size, min(r.limit, max(size, 2*uint64(cap(*r.b)))))
		copy(next, *r.b)
		*r.b = next
	}
	*r.b = (*r.b)[:size]
	return *r.b
}

func (r region) release() { *r.b = nil }

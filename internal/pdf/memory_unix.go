//go:build unix

package pdf

import (
	"fmt"
	"syscall"
)

// region is reserved address space; the system gives it memory as it is touched.
type region struct{ b []byte }

func reserve(limit uint64) region {
	b, err := syscall.Mmap(-1, 0, int(limit), syscall.PROT_READ|syscall.PROT_WRITE, mmapFlags)
	if err != nil {
		// There is no other way to say it; the reader ends, and these are its last words.
		panic(fmt.Sprintf("reserve %d MiB of address space: %v", limit>>20, err))
	}
	return region{b}
}

func (r region) resize(size uint64) []byte {
	if size > uint64(len(r.b)) {
		return nil
	}
	return r.b[:size]
}

func (r region) release() {
	_ = syscall.Munmap(r.b) // nothing can be done about it
}

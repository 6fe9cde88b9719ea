//go:build unix

package pdf

import "syscall"

// region is reserved address space; the system gives it memory as it is touched.
type region struct{ b []byte }

func reserve(limit uint64) region {
	b, err := syscall.Mmap(-1, 0, int(limit), syscall.PROT_READ|syscall.PROT_WRITE, mmapFlags)
	if err != nil {
		// wazero's interface has no error; it checks what resize returns.
		return region{}
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
	if r.b != nil {
		_ = syscall.Munmap(r.b) // nothing can be done about it
	}
}

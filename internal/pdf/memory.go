package pdf

import "github.com/tetratelabs/wazero/experimental"

// sandbox gives PDFium its memory: address space reserved once, pages used as
// they are touched. Grown in wazero's own way, every growth would copy the
// memory and leave the old copy to the collector, which does not run in a call.
//
// It is also what limits the memory, so that it can tell whether PDFium was
// refused some: PDFium itself says no more than "unreachable".
type sandbox struct {
	limit   uint64
	refused bool // the latest growth was refused
}

// Allocate implements experimental.MemoryAllocator.
func (s *sandbox) Allocate(_, _ uint64) experimental.LinearMemory {
	s.refused = false
	return &linearMemory{sandbox: s, region: reserve(s.limit)}
}

type linearMemory struct {
	sandbox *sandbox
	region  region
}

// Reallocate implements experimental.LinearMemory.
func (m *linearMemory) Reallocate(size uint64) []byte {
	if size > m.sandbox.limit {
		m.sandbox.refused = true
		return nil
	}
	b := m.region.resize(size)
	m.sandbox.refused = b == nil
	return b
}

// Free implements experimental.LinearMemory.
func (m *linearMemory) Free() { m.region.release() }

package main

import (
	"log/slog"
	"runtime"
	"runtime/debug"

	"github.com/mivaa/mivaa/internal/host"
)

const (
	keyReaders    = "readers"
	keyMemory     = "memory"
	keyPageMemory = "page_memory"
	keyHeap       = "gomemlimit"
)

// serviceShare is the part of the memory that is the service's own, and not its
// readers': a quarter.
const serviceShare = 4

// shares divides the memory that there is among the service and as many readers
// as are wanted, each of which may come to have pageMemory. There is always one.
// heap is what the service's Go runtime is to stay below: what the readers leave,
// and no less than the service's share.
func shares(limit, pageMemory int64, wanted int) (readers int, heap int64) {
	own := limit / serviceShare
	readers = max(1, int(min((limit-own)/pageMemory, int64(wanted))))
	rest := limit - int64(readers)*pageMemory
	return readers, max(own, rest-rest/10) // the process has some beside its heap
}

// readersWithin is how many readers there are room for in the memory of the
// control group and the machine: as many as processors, or fewer.
func (s *workSettings) readersWithin(m *host.Memory, log *slog.Logger) int {
	wanted := runtime.GOMAXPROCS(0) // which follows the control group's share of the processors
	limit, ok := m.Limit()
	if !ok {
		return wanted
	}
	readers, _ := shares(limit, int64(s.pageMemory), wanted)
	if readers < wanted {
		log.Info("There is memory for fewer readers than processors; a smaller --page-memory allows more",
			keyReaders, readers, keyMemory, sizeOf(limit), keyPageMemory, s.pageMemory.String())
	}
	return readers
}

// limitHeap has the Go runtime collect in time where the control group has a
// limit, unless GOMEMLIMIT was set.
func (c *console) limitHeap(m *host.Memory, pageMemory int64, log *slog.Logger) {
	limit, _ := m.Limit()
	if _, grouped := m.Grouped(); !grouped || c.environ("GOMEMLIMIT") != "" {
		return
	}
	readers, heap := shares(limit, pageMemory, runtime.GOMAXPROCS(0))
	debug.SetMemoryLimit(heap)
	log.Info("Memory is limited", keyMemory, sizeOf(limit), keyReaders, readers, keyHeap, sizeOf(heap))
}

// memory is that of the machine, and of the control group, that this process is in.
func (s *workSettings) memory() *host.Memory {
	if s.machine == nil {
		s.machine = host.FindMemory("/")
	}
	return s.machine
}

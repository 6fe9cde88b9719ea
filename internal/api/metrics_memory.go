package api

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Memory is what metrics show of the memory that a process reads documents in.
type Memory struct {
	Readers   int                                    // processes that read pages, at most
	Limit     func() (bytes int64, ok bool)          // of the control group or the machine
	Available func() (bytes int64, ok bool)          // before the kernel ends processes
	Wait      func() (now bool, total time.Duration) // for memory
}

// Memory shows it. Call it once.
func (m *Metrics) Memory(of Memory) {
	m.gauge("mivaa_readers", "How many processes of this one read pages, at most.").Set(float64(of.Readers))
	bytes := func(name, help string, get func() (int64, bool)) {
		if _, ok := get(); !ok {
			return // no number, rather than 0
		}
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			n, _ := get()
			return float64(n)
		}))
	}
	bytes("mivaa_memory_limit_bytes", "How much memory this process and its readers may have: of their control group, or of the machine.", of.Limit)
	bytes("mivaa_memory_available_bytes", "How much memory is left before the kernel ends processes, in the control group and on the machine.", of.Available)
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mivaa_memory_waiting", Help: "1 while a document waits for memory to be read in."}, func() float64 {
			if now, _ := of.Wait(); now {
				return 1
			}
			return 0
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "mivaa_memory_wait_seconds_total", Help: "How long documents have waited for memory to be read in."}, func() float64 {
			_, total := of.Wait()
			return total.Seconds()
		}))
}

package pdf

import (
	"os"
	"time"

	"github.com/mivaa/mivaa/internal/child"
)

// watchInterval is how often the readers are looked at. A page may take that
// much longer than its limit, and swell for that long.
const watchInterval = 50 * time.Millisecond

// watch is the pool's goroutine that keeps the limits; it ends when stop is closed.
func (p *Pool) watch(stop <-chan struct{}) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	var readers []*process
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			readers = p.alive(readers[:0])
			for _, r := range readers {
				r.check(now)
			}
			p.makeRoom(now)
		}
	}
}

// Memory returns the resident bytes of this process and its readers; 0 where the
// system does not say.
func (p *Pool) Memory() int64 {
	total, ok := child.ResidentBytes(os.Getpid())
	if !ok {
		return 0
	}
	for _, r := range p.alive(nil) {
		if n, ok := child.ResidentBytes(r.cmd.Process.Pid); ok { // else it has just ended
			total += n
		}
	}
	return total
}

func (p *Pool) alive(list []*process) []*process {
	p.mu.Lock()
	defer p.mu.Unlock()
	for r := range p.live {
		list = append(list, r)
	}
	return list
}

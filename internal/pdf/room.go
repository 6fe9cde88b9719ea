package pdf

import (
	"slices"
	"sync"
	"time"

	"github.com/mivaa/mivaa/internal/child"
)

// Whoever reads a page may come to have PageMemory, and nobody can say before how
// much it will be. So what is left is promised: a reader begins to work only where
// every reader at work could grow to its limit. Where there is not room for two,
// one works; it is slower, and nothing is killed.

const (
	// leastRoom is what there should be for the one reader that always may work: it
	// is the kernel's next victim where there is less.
	leastRoom = 64 << 20
	// serviceRoom is left for the service itself.
	serviceRoom = 64 << 20
	// patience is how long that one reader waits for leastRoom: what fills the
	// memory may never give it back, and a page that tries may well fit.
	patience = 10 * time.Second
	// roomFresh is how long a look at memory counts.
	roomFresh = watchInterval / 2
)

// room is a look at memory.
type room struct {
	at        time.Time
	known     bool
	available int64
	resident  map[*process]int64 // of readers that lived then
}

// look returns how memory is, as of a moment ago. With the pool's mutex.
func (p *Pool) look() *room {
	r := &p.room
	now := time.Now()
	if now.Sub(r.at) < roomFresh {
		return r
	}
	r.at = now
	r.available, r.known = p.config.Available()
	r.resident = make(map[*process]int64, len(p.live))
	for l := range p.live {
		if n, ok := child.ResidentBytes(l.cmd.Process.Pid); ok {
			r.resident[l] = n
		}
	}
	return r
}

// growth is how much more memory a reader may come to have. One that was not
// there at the last look had nothing of it.
func (r *room) growth(p *process, most int64) int64 { return max(0, most-r.resident[p]) }

// fits reports whether there is room for one more reader at work, beside those
// that are. With the pool's mutex.
func (p *Pool) fits() bool {
	if p.config.Available == nil {
		return true
	}
	r := p.look()
	return !r.known || r.available-serviceRoom-p.promised(r) >= p.demand(r)
}

// mayBegin is fits for whoever waits first: one always may, in the end.
func (p *Pool) mayBegin() bool {
	if p.inUse > 0 || p.config.Available == nil {
		return p.fits()
	}
	return p.enough() || time.Since(p.waiting[0].since) > patience
}

// enough reports whether there is memory for one reader to begin at all. With the
// pool's mutex.
func (p *Pool) enough() bool {
	if p.config.Available == nil {
		return true
	}
	r := p.look()
	return !r.known || r.available >= min(leastRoom, p.demand(r))
}

// demand is what the next reader to begin may come to need: an idle one, if there
// is one.
func (p *Pool) demand(r *room) int64 {
	most := p.config.PageMemory
	need := most
	for _, idle := range p.idle {
		need = min(need, r.growth(idle, most))
	}
	return need
}

// promised is what the readers at work, and those that are being started, may
// still come to need.
func (p *Pool) promised(r *room) int64 {
	most := p.config.PageMemory
	var sum int64
	starting := p.inUse
	for l := range p.live {
		if !slices.Contains(p.idle, l) {
			sum += r.growth(l, most)
			starting--
		}
	}
	return sum + int64(max(0, starting))*most
}

// short reports whether whoever reads does so without memory for it: nobody could
// wait any longer.
func (p *Pool) short() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.enough()
}

// starved reports whether somebody waits for memory, not for a reader. With the
// pool's mutex.
func (p *Pool) starved() bool {
	return len(p.waiting) > 0 && p.inUse < p.config.Readers && !p.closed
}

// makeRoom lets those go on who waited for memory that is there now. While there
// is none, readers that have nothing to do are ended.
func (p *Pool) makeRoom(now time.Time) {
	p.mu.Lock()
	var spare *process
	if p.starved() {
		p.grant()
	}
	if p.starved() && len(p.idle) > 1 { // the last one is for who goes on next
		spare, p.idle = p.idle[0], p.idle[1:]
	}
	starved, available := p.starved(), p.room.available
	p.mu.Unlock()
	if spare != nil {
		p.discard(spare, nil)
	}
	switch began, over := p.delay.note(now, starved); {
	case began:
		p.log.Warn("⏳ Waiting for memory: fewer pages are read at once until there is room for more",
			keyAvailable, available>>20, keyPageMemory, p.config.PageMemory>>20)
	case over > 0 && p.short():
		p.log.Warn("⏳ There is still no memory: reading all the same, one page at a time", keyWaited, over.Round(time.Second).String(), keyAvailable, available>>20)
	case over > 0:
		p.log.Info("✅ There is memory again", keyWaited, over.Round(time.Second).String())
	}
}

// MemoryWait says whether somebody waits for memory now, and for how long
// somebody has in all.
func (p *Pool) MemoryWait() (now bool, total time.Duration) { return p.delay.state() }

// delay keeps account of waiting for memory.
type delay struct {
	mu    sync.Mutex
	since time.Time // zero: nobody waits
	last  time.Time // when it was looked at
	total time.Duration
	told  bool      // that it waits
	quiet time.Time // until when nothing more is told
}

const (
	tellAfter = time.Second // shorter waits are nobody's business
	tellEvery = time.Minute
)

// note looks at the state once more. It returns what is worth a line: that a wait
// has lasted for some time, or (how long) that one of which this was said is over.
func (d *delay) note(now time.Time, waits bool) (began bool, over time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.since.IsZero() {
		d.total += now.Sub(d.last)
	}
	d.last = now
	switch {
	case waits && d.since.IsZero():
		d.since = now
	case waits && !d.told && now.Sub(d.since) >= tellAfter && now.After(d.quiet):
		d.told, d.quiet = true, now.Add(tellEvery)
		return true, 0
	case !waits:
		if d.told {
			over = now.Sub(d.since)
		}
		d.since, d.told = time.Time{}, false
	}
	return false, over
}

func (d *delay) state() (waits bool, total time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.since.IsZero(), d.total
}

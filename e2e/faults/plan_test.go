//go:build unix

package faults

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Faults that every store has to stand. Those of one store stand with it.
const (
	kill       = "kill -9"
	killTwo    = "kill -9 of two at once"
	killAll    = "kill -9 of all at once"
	stop       = "SIGTERM"
	killInStop = "SIGTERM, then kill -9"
	pauseShort = "pause within the lease"
	pauseLong  = "pause beyond the lease"
	killPaused = "pause, then kill -9"
)

// choice is a kind of fault and how often it is drawn.
type choice struct {
	kind   string
	weight int
}

func common() []choice {
	return []choice{
		{kill, 400}, {killTwo, 40}, {killAll, 8}, {stop, 150}, {killInStop, 60},
		{pauseShort, 100}, {pauseLong, 50}, {killPaused, 30},
	}
}

// A fault of the plan.
type fault struct {
	At   time.Duration // since the run began, or later if nothing is there to break
	Kind string
	Node int           // which process, or one beside it if that is broken already
	For  time.Duration // how long it lasts, where it lasts
	Back time.Duration // how long a process stays away
	Dice float64       // anything else, from 0 to 1
}

func (f fault) String() string {
	return fmt.Sprintf("%8.3fs %s, node %d, for %v, back after %v, dice %.3f", f.At.Seconds(), f.Kind, f.Node, f.For, f.Back, f.Dice)
}

// beyondLease are the faults that last longer than a lease.
var beyondLease = map[string]bool{pauseLong: true, netHang: true, netHangCut: true, serverAway: true, serverFull: true}

// planner draws faults, the same from the same seed.
type planner struct {
	rand    *rand.Rand
	choices []choice
	lease   time.Duration
	gap     time.Duration // between two faults, on average
	at      time.Duration
}

func newPlanner(seed uint64, b backend) *planner {
	return &planner{rand: rand.New(rand.NewPCG(seed, 0)), choices: append(common(), b.choices()...), lease: b.lease(), gap: b.gap()}
}

func (p *planner) next() fault {
	p.at += time.Duration(p.rand.ExpFloat64() * float64(p.gap)).Round(time.Millisecond)
	f := fault{At: p.at, Kind: p.kind(), Node: p.rand.IntN(nodes)}
	f.For = p.between(20*time.Millisecond, p.lease/2)
	if beyondLease[f.Kind] {
		f.For = p.between(p.lease*11/10, p.lease*3/2)
	}
	f.Back = p.between(0, 300*time.Millisecond)
	f.Dice = p.rand.Float64()
	return f
}

func (p *planner) between(least, most time.Duration) time.Duration {
	return (least + time.Duration(p.rand.Int64N(int64(most-least)))).Round(time.Millisecond)
}

func (p *planner) kind() string {
	sum := 0
	for _, c := range p.choices {
		sum += c.weight
	}
	n := p.rand.IntN(sum)
	for _, c := range p.choices {
		if n -= c.weight; n < 0 {
			return c.kind
		}
	}
	return ""
}

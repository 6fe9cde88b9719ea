package faults

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// Kinds of jobs. What differs is how much a job puts up with.
const (
	kindSteady  = "steady"  // no number of deaths fails it
	kindFrail   = "frail"   // the default: three deaths in a row without a step fail it
	kindLimited = "limited" // steady, and few at once
	kindBroken  = "broken"  // three errors fail it
	kindPoison  = "poison"  // kills its process; three deaths fail it
)

// Budgets that a run is not to exhaust, and those that it is to.
const (
	plenty      = 100_000
	mostCrashes = 3
	mostErrors  = 3
	limit       = 2
)

// codeBroken is the error_code of jobs that fail.
const codeBroken = "broken"

func policies() map[string]jobs.Policy {
	soon := func(int) time.Duration { return 20 * time.Millisecond }
	return map[string]jobs.Policy{
		kindSteady:  {MaxCrashes: plenty, MaxFailures: plenty, Backoff: soon},
		kindFrail:   {MaxCrashes: mostCrashes, MaxFailures: plenty, Backoff: soon},
		kindLimited: {MaxCrashes: plenty, MaxFailures: plenty, Backoff: soon},
		kindBroken:  {MaxCrashes: plenty, MaxFailures: mostErrors, Backoff: soon},
		kindPoison:  {MaxCrashes: mostCrashes, MaxFailures: plenty, Backoff: soon},
	}
}

func limits() map[string]int { return map[string]int{kindLimited: limit} }

// A task is a job's payload: all that its handler does of its own accord.
type task struct {
	Steps  int  `json:"steps"`
	Pace   int  `json:"pace"`             // milliseconds of work before a checkpoint
	Flaky  int  `json:"flaky,omitempty"`  // one in so many checkpoints fails before it is made
	Deaf   int  `json:"deaf,omitempty"`   // before one in so many, the context is ignored for a while
	Kills  int  `json:"kills,omitempty"`  // the process is killed before this step, each time
	Breaks int  `json:"breaks,omitempty"` // the attempt fails before this step, each time
	Final  bool `json:"final,omitempty"`  // ... with an error that is not tried again
}

// want is the one possible end of a task: its status, its error_code and how
// many steps it has.
func (t task) want() (status jobs.Status, code string, steps int) {
	switch {
	case t.Kills > 0:
		return jobs.Failed, jobs.CodeCrashed, t.Kills - 1
	case t.Breaks > 0:
		return jobs.Failed, codeBroken, t.Breaks - 1
	}
	return jobs.Completed, "", t.Steps
}

// next is how many steps the next checkpoint records: 1 to 3, and none beyond
// the step at which something is to happen.
func (t task) next(done int) int {
	n := min(rand.IntN(3)+1, t.Steps-done)
	for _, at := range []int{t.Kills, t.Breaks} {
		if at > done {
			n = min(n, at-1-done)
		}
	}
	return n
}

// jobNumber makes the nth job of a seed. Its id is always the same, so that an
// insert whose answer was lost can be repeated, and a run compared with another.
func jobNumber(seed uint64, n int) jobs.NewJob {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	kind, t := kindSteady, task{Steps: 1 + r.IntN(8), Pace: r.IntN(120)}
	switch what := r.IntN(200); {
	case what < 2:
		kind, t.Kills = kindPoison, 1+r.IntN(t.Steps)
	case what < 8:
		kind, t.Breaks, t.Final = kindBroken, 1+r.IntN(t.Steps), r.IntN(2) == 0
	case what < 24:
		kind = kindLimited
	case what < 70:
		kind = kindFrail
	case what < 80:
		t.Steps, t.Pace = 20+r.IntN(20), 20+r.IntN(60)
	case what < 90:
		t.Deaf = 4
	}
	if kind != kindBroken && r.IntN(5) == 0 {
		t.Flaky = 4
	}
	payload, err := json.Marshal(t)
	if err != nil {
		panic(err) // numbers alone
	}
	j := jobs.NewJob{ID: idNumber(seed, n), Kind: kind, Payload: payload, Filename: fmt.Sprintf("%d.job", n)}
	if r.IntN(5) == 0 {
		j.Priority = r.IntN(3) - 1
	}
	if r.IntN(3) == 0 {
		j.Owner = fmt.Sprintf("owner %d", r.IntN(4))
	}
	if r.IntN(10) == 0 {
		j.IdempotencyKey = fmt.Sprintf("key %d", n)
	}
	if r.IntN(20) == 0 {
		j.RunAt = time.Now().Add(time.Duration(r.IntN(500)) * time.Millisecond)
	}
	return j
}

func idNumber(seed uint64, n int) (id jobs.ID) {
	var in [16]byte
	binary.BigEndian.PutUint64(in[:8], seed)
	binary.BigEndian.PutUint64(in[8:], uint64(n))
	sum := sha256.Sum256(in[:])
	copy(id[:], sum[:])
	id[6] = id[6]&0x0f | 0x80 // version 8: of our own making
	id[8] = id[8]&0x3f | 0x80
	return id
}

// stepOf is a job's output: the same bytes whoever makes them.
func stepOf(id jobs.ID, seq int) jobs.Step {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", id, seq))
	text := strings.Repeat(hex.EncodeToString(sum[:]), 1+int(sum[0])%4)
	return jobs.Step{Seq: seq, Data: json.RawMessage(fmt.Sprintf(`{"seq": %d, "text": "%s"}`, seq, text))}
}

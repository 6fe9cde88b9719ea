package jobs

import "slices"

// Status is where a job stands: one of five words, no other.
type Status string

const (
	Pending     Status = "pending"     // waits to be claimed
	Processing  Status = "processing"  // its handler runs
	Completed   Status = "completed"   // done; nothing changes it any more
	Failed      Status = "failed"      // given up; its error says why
	Interrupted Status = "interrupted" // stopped before its end; its cause says by what
)

// Statuses returns the five, in the order of a job's life.
func Statuses() []Status { return []Status{Pending, Processing, Completed, Failed, Interrupted} }

// Cause is what interrupted a job.
type Cause string

const (
	CauseShutdown  Cause = "shutdown"   // its process was asked to stop
	CauseCrash     Cause = "crash"      // its process died
	CauseLeaseLost Cause = "lease_lost" // its instance was silent for longer than its lease
	CauseCancelled Cause = "cancelled"  // a person cancelled it: nothing but a person resumes it
	CauseOperator  Cause = "operator"   // a person took it from its instance
)

// Causes returns the five.
func Causes() []Cause {
	return []Cause{CauseShutdown, CauseCrash, CauseLeaseLost, CauseCancelled, CauseOperator}
}

// Reason is the sentence that stands in a job's error while it is interrupted.
func (c Cause) Reason() string {
	switch c {
	case CauseShutdown:
		return "Service shutdown or task cancellation"
	case CauseCrash:
		return "Service restart detected"
	case CauseLeaseLost:
		return "Lease lost"
	case CauseCancelled:
		return "Cancelled by request"
	case CauseOperator:
		return "Released by operator"
	}
	return string(c)
}

// Move is what a person may do to a job.
type Move string

const (
	Resume    Move = "resume"    // go on at the first step not recorded
	Restart   Move = "restart"   // forget the steps and begin again
	Cancel    Move = "cancel"    // stop it; nothing but a person resumes it
	Interrupt Move = "interrupt" // take it from an instance that hangs; recovery may go on with it
)

// Moves returns the four.
func Moves() []Move { return []Move{Resume, Restart, Cancel, Interrupt} }

// Transition is one legal change of a status, and what makes it.
type Transition struct {
	From, To Status
	By       string // a Move, or what the engine does: claim, finish, recover
}

// Transitions returns the table of all legal changes. Stores enforce it with
// guarded statements; a trigger made from it stands in every test database.
func Transitions() []Transition {
	return []Transition{
		{Pending, Processing, "claim"},
		{Pending, Interrupted, string(Cancel)},
		{Pending, Interrupted, "recover"}, // manual recovery, on an embedded store
		{Pending, Pending, string(Restart)},

		{Processing, Completed, "finish"},
		{Processing, Failed, "finish"},
		{Processing, Pending, "finish"}, // a failure that is tried again later
		{Processing, Interrupted, "finish"},
		{Processing, Interrupted, "recover"},
		{Processing, Interrupted, string(Cancel)},
		{Processing, Interrupted, string(Interrupt)},

		{Interrupted, Pending, string(Resume)},
		{Interrupted, Pending, string(Restart)},
		{Interrupted, Pending, "recover"},
		{Interrupted, Failed, "recover"}, // too many crashes in a row
		{Interrupted, Interrupted, string(Cancel)},

		{Failed, Pending, string(Resume)},
		{Failed, Pending, string(Restart)},
	}
}

// Allowed returns the moves that are legal in a status.
func Allowed(s Status) []Move {
	var moves []Move
	for _, m := range Moves() {
		if _, ok := m.Target(s); ok {
			moves = append(moves, m)
		}
	}
	return moves
}

// Target returns the status that the move leads to from another, and false
// where the move is not legal.
func (m Move) Target(from Status) (Status, bool) {
	table := Transitions()
	i := slices.IndexFunc(table, func(t Transition) bool { return t.From == from && t.By == string(m) })
	if i < 0 {
		return "", false
	}
	return table[i].To, true
}

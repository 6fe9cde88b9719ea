package faults

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// What a worker process writes into its journal before it goes on. Only what it
// was told by the store stands there, so that the journal and the store can be
// held against each other.
const (
	wroteUp       = "up"       // its worker has joined and recovered: how many ms after the process began
	wroteStart    = "start"    // an attempt began
	wroteRecord   = "record"   // a checkpoint was acknowledged: first and last step
	wroteLate     = "late"     // a write was refused because it came too late
	wroteLost     = "lost"     // the attempt was not its own any more
	wroteEnd      = "end"      // an outcome was acknowledged: status
	wroteKill     = "kill"     // the poison is taken
	wroteStopping = "stopping" // a renewal was acknowledged that says so: instance
	wroteGone     = "gone"     // its instance was declared dead: instance, and for how many ms it had not renewed its lease
	wroteOdd      = "odd"      // something that must never happen
)

// journal is the file of one worker process.
type journal struct{ file *os.File }

func openJournal(path string) (journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return journal{f}, err
}

// write is on the kernel's side when it returns: it survives the process.
func (j journal) write(what string, f jobs.Fence, rest ...any) {
	line := fmt.Sprintf("%d %s %s %d", time.Now().UnixNano(), what, orDash(f.Job), f.Attempt)
	if len(rest) > 0 {
		line += " " + strings.ReplaceAll(strings.TrimSuffix(fmt.Sprintln(rest...), "\n"), "\n", " | ")
	}
	if _, err := j.file.WriteString(line + "\n"); err != nil {
		panic(fmt.Sprintf("journal: %v", err)) // nothing this process says could be believed
	}
}

func orDash(id jobs.ID) string {
	if id.IsZero() {
		return "-"
	}
	return id.String()
}

// entry is one line of a journal.
type entry struct {
	at          time.Time
	what        string
	fence       jobs.Fence
	first, last int    // of a record
	text        string // of the others
}

// readJournal calls fn for each line, in order. The last line of a process that
// was killed is whole: it is written in one call.
func readJournal(path string, fn func(entry)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		e, err := parseEntry(lines.Text())
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		fn(e)
	}
	return lines.Err()
}

func parseEntry(line string) (e entry, err error) {
	parts := strings.SplitN(line, " ", 5)
	if len(parts) < 4 {
		return e, fmt.Errorf("journal line %q", line)
	}
	var at int64
	if _, err := fmt.Sscan(parts[0], &at); err != nil {
		return e, fmt.Errorf("journal line %q: %w", line, err)
	}
	e.at, e.what = time.Unix(0, at), parts[1]
	if parts[2] != "-" {
		if e.fence.Job, err = jobs.ParseID(parts[2]); err != nil {
			return e, err
		}
	}
	if _, err := fmt.Sscan(parts[3], &e.fence.Attempt); err != nil {
		return e, fmt.Errorf("journal line %q: %w", line, err)
	}
	if len(parts) == 5 {
		e.text = parts[4]
	}
	if e.what == wroteRecord {
		_, err = fmt.Sscan(e.text, &e.first, &e.last)
	}
	return e, err
}

package lifecycle

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/google/go-cmp/cmp"
)

// sent is what journald was given.
type sent struct {
	Message  string
	Priority journal.Priority
	Fields   map[string]string
}

func TestJournalFields(t *testing.T) {
	t.Parallel()
	var got []sent
	down := false
	var stderr buffer
	out := NewAsyncWriter(&stderr)
	log := slog.New(&journalHandler{out: out, send: func(message string, p journal.Priority, fields map[string]string) error {
		if down {
			return errors.New("no such socket")
		}
		got = append(got, sent{message, p, fields})
		return nil
	}})
	log.With("instance", "a3").Info("📋 BACKGROUND JOB STARTED: x", "job", "x", "attempt", 2)
	log.Warn("lease lost", "error", errors.New("no answer"), "data-dir", "/var/lib")
	log.Debug("not at this level")
	out.later(func() { down = true })
	log.Error("after journald has gone")
	out.Close(time.Minute)
	want := []sent{
		{"📋 BACKGROUND JOB STARTED: x", journal.PriInfo, map[string]string{"SYSLOG_IDENTIFIER": "mivaa", "MIVAA_INSTANCE": "a3", "MIVAA_JOB": "x", "MIVAA_ATTEMPT": "2"}},
		{`lease lost error="no answer" data-dir=/var/lib`, journal.PriWarning, map[string]string{"SYSLOG_IDENTIFIER": "mivaa", "MIVAA_ERROR": "no answer", "MIVAA_DATA_DIR": "/var/lib"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"<3>after journald has gone"}, stderr.lines()); diff != "" {
		t.Error(diff)
	}
}

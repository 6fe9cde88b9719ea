package lifecycle

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/journal"
)

// NewServiceLogger is NewLogger for a service. Where its output goes to journald,
// lines in text are sent to it with their fields beside them: MIVAA_JOB and the
// like.
func NewServiceLogger(out *AsyncWriter, format string, level slog.Level, terminal, color bool) *slog.Logger {
	if heard, err := journal.StderrIsJournalStream(); err == nil && heard && format == FormatText && !terminal {
		return slog.New(&journalHandler{out: out, level: level, send: journal.Send})
	}
	return NewLogger(out, format, level, terminal, color)
}

// journalHandler sends records to journald in its own protocol.
type journalHandler struct {
	out   *AsyncWriter
	level slog.Level
	attrs []slog.Attr
	send  func(message string, priority journal.Priority, fields map[string]string) error
}

func (h *journalHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }
func (h *journalHandler) WithGroup(string) slog.Handler                { return h }

func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	n := *h
	n.attrs = slices.Concat(h.attrs, attrs)
	return &n
}

func (h *journalHandler) Handle(_ context.Context, r slog.Record) error {
	fields := map[string]string{"SYSLOG_IDENTIFIER": "mivaa"}
	var rest bytes.Buffer
	add := func(a slog.Attr) bool {
		fields[fieldName(a.Key)] = a.Value.Resolve().String()
		appendAttr(&rest, a)
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	message := r.Message
	if !isNarration(message) {
		message += rest.String()
	}
	// Where journald does not take it, the line goes the way that it always has.
	h.out.later(func() {
		if h.send(message, journalPriority(r.Level), fields) != nil {
			h.out.put([]byte(priority(r.Level) + message + "\n"))
		}
	})
	return nil
}

// fieldName is a key as journald takes it.
func fieldName(key string) string {
	return "MIVAA_" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, key)
}

func journalPriority(l slog.Level) journal.Priority {
	switch {
	case l >= slog.LevelError:
		return journal.PriErr
	case l >= slog.LevelWarn:
		return journal.PriWarning
	case l >= slog.LevelInfo:
		return journal.PriInfo
	}
	return journal.PriDebug
}

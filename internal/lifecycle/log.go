package lifecycle

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/lmittmann/tint"
)

// Formats of the log.
const (
	FormatText = "text"
	FormatJSON = "json"
)

// NewLogger returns the program's logger. Text is for people: on a terminal
// with time and colour; under journald, which has its own time, with the
// priority it filters by; elsewhere the bare line. JSON has the same messages
// with their fields.
func NewLogger(w io.Writer, format string, level slog.Level, terminal, color bool) *slog.Logger {
	switch {
	case format == FormatJSON:
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
	case terminal:
		return slog.New(&textHandler{next: tint.NewTextHandler(w, &tint.Options{Level: level, TimeFormat: "15:04:05", NoColor: !color})})
	default:
		return slog.New(&lineHandler{w: w, level: level, journal: os.Getenv("JOURNAL_STREAM") != "", mu: &sync.Mutex{}})
	}
}

// textHandler leaves out the attributes of narration: its lines say them already.
type textHandler struct{ next slog.Handler }

func (h *textHandler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }
func (h *textHandler) WithGroup(string) slog.Handler                  { return h }

func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &textHandler{h.next.WithAttrs(attrs)}
}

func (h *textHandler) Handle(ctx context.Context, r slog.Record) error {
	if !isNarration(r.Message) {
		return h.next.Handle(ctx, r)
	}
	return h.next.Handle(ctx, slog.NewRecord(r.Time, r.Level, r.Message, r.PC))
}

// isNarration tells the guide's lines, which are complete, from other messages.
func isNarration(msg string) bool {
	return msg != "" && (msg[0] >= 0x80 || msg[0] == ' ' || msg[0] == '=')
}

// lineHandler writes "message key=value", one line a record.
type lineHandler struct {
	w       io.Writer
	level   slog.Level
	journal bool
	attrs   string
	mu      *sync.Mutex
}

func (h *lineHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }
func (h *lineHandler) WithGroup(string) slog.Handler                { return h }

func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	n := *h
	var b bytes.Buffer
	for _, a := range attrs {
		appendAttr(&b, a)
	}
	n.attrs += b.String()
	return &n
}

func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	var b bytes.Buffer
	if h.journal {
		b.WriteString(priority(r.Level))
	}
	b.WriteString(r.Message)
	if !isNarration(r.Message) {
		b.WriteString(h.attrs)
		r.Attrs(func(a slog.Attr) bool { appendAttr(&b, a); return true })
	}
	b.WriteByte('\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.w.Write(b.Bytes())
	return err
}

func appendAttr(b *bytes.Buffer, a slog.Attr) {
	v := a.Value.Resolve().String()
	if strings.ContainsAny(v, " \t\r\n\"=") {
		v = strconv.Quote(v)
	}
	b.WriteString(" " + a.Key + "=" + v)
}

// priority is the prefix by which journald learns a line's level.
func priority(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "<3>"
	case l >= slog.LevelWarn:
		return "<4>"
	case l >= slog.LevelInfo:
		return "<6>"
	}
	return "<7>"
}

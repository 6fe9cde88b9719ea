package sqlite

import (
	"fmt"
	"time"
)

// timeLayout is how times stand in the tables: UTC, what SQLite's own date
// functions write and compare.
const timeLayout = "2006-01-02 15:04:05.000"

// otherLayouts are what people may have written by hand.
var otherLayouts = [...]string{
	"2006-01-02 15:04:05.999999999",
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999 Z07:00",
	"2006-01-02T15:04:05.999999999",
	time.RFC3339Nano,
	"2006-01-02 15:04",
	"2006-01-02T15:04",
	"2006-01-02 15:04Z07:00",
	"2006-01-02T15:04Z07:00",
	time.DateOnly,
}

// FormatTime writes a time as it stands in the tables: "YYYY-MM-DD
// HH:MM:SS.sss", UTC, cut to the millisecond. Packages with tables of their own
// use it too, so that all times in a file compare.
func FormatTime(t time.Time) string {
	var b [len(timeLayout)]byte
	return string(t.UTC().AppendFormat(b[:0], timeLayout))
}

// ParseTime reads what FormatTime wrote, and the other forms that SQLite's date
// functions read. A time without a zone is UTC. Empty text is the zero time.
func ParseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(timeLayout, s)
	if err == nil {
		return t, nil
	}
	for _, layout := range otherLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("parse time %.40q: not of the form %q", s, timeLayout)
}

// formatOptional is FormatTime, with NULL for the zero time.
func formatOptional(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return FormatTime(t)
}

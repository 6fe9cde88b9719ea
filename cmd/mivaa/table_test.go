package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/client"
	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"report.pdf":               "report.pdf",
		"日本語 é.pdf":                "日本語 é.pdf",
		"two\nlines\tand\rmore":    "two lines and more",
		"\x1b[31mred":              "\uFFFD[31mred",
		"bell\a nul\x00 c1\u009b":  "bell\uFFFD nul\uFFFD c1\uFFFD",
		"evil\u202egnp.exe":        "evil\uFFFDgnp.exe",
		"no\u00a0break, bad\xffid": "no break, bad\uFFFDid",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	s := screen{mark: "…"}
	for _, test := range []struct {
		cut  func(screen, string, int) string
		in   string
		n    int
		want string
	}{
		{screen.cut, "short", 10, "short"},
		{screen.cut, "exactly10!", 10, "exactly10!"},
		{screen.cut, "longer than ten", 10, "longer th…"},
		{screen.cut, "longer than ten", 0, "longer than ten"},
		{screen.cut, "日本語日本語", 7, "日本語…"},
		{screen.cut, "日本語日本語", 8, "日本語…"},
		{screen.squeeze, "annual-report-2026.pdf", 13, "annual…26.pdf"},
		{screen.squeeze, "annual-report-2026.pdf", 14, "annual-…26.pdf"},
		{screen.squeeze, "日本語の名前です.pdf", 12, "日本語….pdf"},
		{screen.squeeze, "a.pdf", 12, "a.pdf"},
	} {
		got := test.cut(s, test.in, test.n)
		if got != test.want || test.n > 0 && cells(got) > test.n {
			t.Errorf("%q in %d columns is %q, want %q", test.in, test.n, got, test.want)
		}
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		in   string
		n    int
		want string
	}{
		{"one line", 0, "one line"},
		{"one line", 20, "one line"},
		{"the quick brown fox jumps", 10, "the quick|brown fox|jumps"},
		{"a-very-long-name-without-a-gap.pdf", 20, "a-very-long-name-wit|hout-a-gap.pdf"},
		{"see a-very-long-name-without-a-gap.pdf", 20, "see|a-very-long-name-wit|hout-a-gap.pdf"},
	} {
		if got := strings.Join(wrap(test.in, test.n), "|"); got != test.want {
			t.Errorf("wrap(%q, %d) = %q, want %q", test.in, test.n, got, test.want)
		}
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 59 * time.Second: "59s", time.Minute: "1m", 59*time.Minute + 59*time.Second: "59m",
		time.Hour: "1h", 23 * time.Hour: "23h", day: "1d", 13 * day: "13d", 14 * day: "2w", 364 * day: "52w", 800 * day: "2y",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestUniqueLength(t *testing.T) {
	t.Parallel()
	const a, b, c = "01a21441-71af-786a-b59f-001402da122b", "01a21441-716e-7072-8711-fd21da2ccc70", "01a21441-716e-7072-8711-fd21da2ccc71"
	for _, test := range []struct {
		shown, stored []string
		want          int
	}{
		{nil, []string{a, b}, 8},
		{[]string{a}, []string{a}, 8},
		{[]string{a}, []string{a, b}, 13},
		{[]string{a, b}, []string{a, b, c}, 36},
	} {
		got, err := uniqueLength(test.shown, func(prefix string) (n int, _ error) {
			for _, id := range test.stored {
				if strings.HasPrefix(id, prefix) {
					n++
				}
			}
			return n, nil
		})
		if err != nil || got != test.want {
			t.Errorf("%v of %v: %d, %v, want %d", test.shown, test.stored, got, err, test.want)
		}
	}
}

// screens are the ones that outputs are looked at on.
func screens(w *bytes.Buffer) map[string]screen {
	return map[string]screen{
		"60":     {w: w, tty: true, width: 60, icons: true, mark: "…"},
		"80":     {w: w, tty: true, width: 80, icons: true, mark: "…"},
		"120":    {w: w, tty: true, width: 120, icons: true, mark: "…"},
		"colour": {w: w, tty: true, width: 120, icons: true, colour: true, mark: "…"},
		"dumb":   {w: w, tty: true, width: 80, mark: "..."},
		"file":   {w: w, mark: "..."},
	}
}

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// sampleJobs are jobs in every state, with names and errors of every kind.
func sampleJobs() []jobs.Job {
	at := func(ago time.Duration) time.Time { return noon.Add(-ago) }
	id := func(n byte) jobs.ID { return jobs.ID{0x01, 0xa2, 0x14, 0x41, 0x71, n, 0x70, 0, 0x80, 15: n} }
	return []jobs.Job{
		{ID: id(1), Status: jobs.Processing, Filename: "report.pdf", StepsDone: 812, StepsTotal: 1321, Progress: 61, Attempt: 2, CreatedAt: at(3 * time.Minute)},
		{ID: id(2), Status: jobs.Pending, Filename: "waiting.pdf", CreatedAt: at(5 * time.Second)},
		{ID: id(3), Status: jobs.Pending, Filename: "again.pdf", Failures: 2, Attempt: 2, RunAt: noon.Add(34 * time.Second), CreatedAt: at(time.Hour)},
		{ID: id(4), Status: jobs.Completed, Filename: "日本語のとても長いファイル名です、本当に長いのです.pdf", StepsDone: 40, StepsTotal: 40, Progress: 100, Attempt: 1, CreatedAt: at(26 * time.Hour)},
		{ID: id(5), Status: jobs.Failed, Filename: "annual-report-2026-final-final (copy).pdf", StepsDone: 12, StepsTotal: 100, Progress: 12, Attempt: 4,
			ErrorCode: "damaged", Error: "the file ends in the middle of an object, and what stands before it is no cross-reference table", CreatedAt: at(40 * 24 * time.Hour)},
		{ID: id(6), Status: jobs.Failed, Filename: "secret.pdf", Attempt: 1, ErrorCode: "password_required", Error: "password_required: the document is encrypted", CreatedAt: at(400 * 24 * time.Hour)},
		{ID: id(7), Status: jobs.Interrupted, Filename: "evil\x1b[2J.pdf", StepsDone: 3, Progress: 3, Attempt: 1, Cause: jobs.CauseShutdown,
			Error: jobs.CauseShutdown.Reason(), CreatedAt: at(2 * time.Hour)},
		{ID: id(8), Status: jobs.Interrupted, StepsTotal: 7, Cause: jobs.CauseCancelled, Error: jobs.CauseCancelled.Reason(), CreatedAt: at(time.Minute)},
	}
}

func TestJobTable(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	list := sampleJobs()
	ids := make([]string, len(list))
	for name, s := range screens(&buf) {
		for i, j := range list {
			ids[i] = j.ID.String()
			if s.tty {
				ids[i] = ids[i][:13]
			}
		}
		buf.Reset()
		if err := jobTable(s, list, ids, noon).write(s); err != nil {
			t.Fatal(err)
		}
		golden(t, "jobs-list-"+name+".txt", buf.String())
		if s.width == 0 || s.colour {
			continue
		}
		for line := range strings.Lines(buf.String()) {
			if n := cells(strings.TrimSuffix(line, "\n")); n > s.width {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
		}
	}
}

func TestJobTableWithoutRemarks(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	s := screens(&buf)["file"]
	if err := jobTable(s, sampleJobs()[:2], []string{"a", "b"}, noon).write(s); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(buf.String(), "REMARK") {
		t.Errorf("a column with nothing in it:\n%s", &buf)
	}
}

func TestStatsTable(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	for name, s := range screens(&buf) {
		buf.Reset()
		counts := jobs.Statistics{Total: 1234587, Pending: 12, Processing: 2, Completed: 1234567, Failed: 5, Interrupted: 1}
		if err := statsTable(s, counts).write(s); err != nil {
			t.Fatal(err)
		}
		golden(t, "jobs-stats-"+name+".txt", buf.String())
	}
}

func TestJobDetail(t *testing.T) {
	t.Parallel()
	j := sampleJobs()[4]
	j.DocumentID, j.InstanceID, j.Owner, j.Failures, j.Crashes, j.Interruptions = jobs.ID{1}, "01a21441-70cd-715e-b0a1-958e6f8c335b", "alice", 1, 2, 3
	j.Recovery, j.Priority, j.Kind, j.Metadata = jobs.RecoveryAuto, 5, documents.Kind, []byte(`{"title":"Annual report"}`)
	event := func(n int, e jobs.Event) eventRow {
		e.ID, e.JobID, e.At, e.Instance = int64(n), j.ID, noon.Add(time.Duration(n)*7*time.Hour), j.InstanceID
		return eventRowOf(e)
	}
	d := jobDetail{
		jobRow:      rowOf(j),
		PagesFailed: []documents.FailedPage{{PageNumber: 3, Code: "page_timeout"}, {PageNumber: 7, Code: "out_of_memory"}},
		Story: storyRow{
			Summary:       "It failed in attempt 5, at page 13: the file ends in the middle of an object.",
			Interruptions: []client.Interruption{{Summary: "Attempt 1 on instance a3 (host b, pid 412) was killed: its lock was free. Noticed 0.4 s later."}},
		},
		Events: []eventRow{
			event(0, jobs.Event{Event: jobs.EventAccepted, To: jobs.Pending}),
			event(1, jobs.Event{Event: jobs.EventStarted, To: jobs.Processing, Attempt: 1}),
			event(2, jobs.Event{Event: jobs.EventInterrupted, To: jobs.Interrupted, Cause: jobs.CauseCrash, Attempt: 1, Detail: "its lock is free: the process is gone"}),
			event(3, jobs.Event{Event: jobs.EventResumed, To: jobs.Pending, Cause: jobs.CauseCrash, Attempt: 1}),
			event(4, jobs.Event{Event: jobs.EventStarted, To: jobs.Processing, Attempt: 2}),
			event(5, jobs.Event{Event: jobs.EventInterrupted, To: jobs.Interrupted, Cause: jobs.CauseCancelled, Attempt: 2, Detail: "cli:alice"}),
			event(6, jobs.Event{Event: jobs.EventResumed, To: jobs.Pending, Cause: jobs.CauseOperator, Attempt: 3, Detail: "cli:bob"}),
			event(7, jobs.Event{Event: jobs.EventRetrying, To: jobs.Pending, Attempt: 4, Detail: "read page 13:\nconnection reset"}),
			event(8, jobs.Event{Event: jobs.EventFailed, To: jobs.Failed, Attempt: 5, Detail: j.Error}),
		},
	}
	var buf bytes.Buffer
	for name, s := range screens(&buf) {
		buf.Reset()
		if err := d.write(s, noon); err != nil {
			t.Fatal(err)
		}
		golden(t, "jobs-show-"+name+".txt", buf.String())
	}
}

func TestMoveHints(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, j := range sampleJobs() {
		j.DocumentID = jobs.ID{1}
		fmt.Fprintf(&b, "%s %s\n", j.Status, j.Cause)
		for _, l := range moveHints(j) {
			fmt.Fprintf(&b, "  %s: %s\n", l[0], l[1])
		}
	}
	golden(t, "moves.txt", b.String())
}

func TestSpeed(t *testing.T) {
	t.Parallel()
	var s speed
	s.add(noon, 100)
	if got := s.rest(900); got != "" {
		t.Errorf("after one look: %q", got)
	}
	s.add(noon.Add(2*time.Second), 200)
	if got, want := s.rest(800), "  50 pages/s  16s left"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	s.add(noon.Add(20*time.Second), 1000)
	if got, want := s.rest(0), "  44 pages/s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

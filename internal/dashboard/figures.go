package dashboard

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

func (s *site) figureRoutes() {
	s.get("/figures", "figures.html", s.showFigures)
}

// stretch is a stretch of time that figures are shown of, in n spans.
type stretch struct {
	word, text, each string // in addresses, in sentences, and of one span
	every            time.Duration
	n                int
}

var stretches = []stretch{
	{"hour", "the last hour", "a minute", time.Minute, 60},
	{"day", "the last 24 hours", "half an hour", 30 * time.Minute, 48},
	{"week", "the last 7 days", "two hours", 2 * time.Hour, 84},
}

// figures is what the page shows.
type figures struct {
	Stretches []choice
	Text      string // of the stretch
	Each      string // of a span
	Sentences []string
	Waiting   int // jobs that are interrupted now: somebody may have to decide
	Failed    int // jobs that have failed: somebody has to
	Main      []chart
	Strips    []smallChart
	Rows      []figureRow // spans in which something happened, the latest first
}

type choice struct {
	Word, Link string
	Current    bool
}

// smallChart is a chart in a list of such, with its sum.
type smallChart struct {
	Name string
	Sum  int
	chart
}

// figureRow is a line of the table.
type figureRow struct {
	Span, Interrupted string
	jobs.Figure
}

func (s *site) showFigures(r *http.Request) (view, error) {
	word := cmp.Or(r.URL.Query().Get("span"), "day")
	i := slices.IndexFunc(stretches, func(st stretch) bool { return st.word == word })
	if i < 0 {
		return view{}, invalid("span is none of hour, day, week.")
	}
	st := stretches[i]
	from := s.now().UTC().Truncate(st.every).Add(-st.every * time.Duration(st.n-1))
	list, err := s.jobs.Figures(r.Context(), from, st.every, st.n)
	if err != nil {
		return view{}, fmt.Errorf("read figures: %w", err)
	}
	now, err := s.jobs.Statistics(r.Context())
	if err != nil {
		return view{}, fmt.Errorf("count jobs: %w", err)
	}
	d := figuresOf(st, from, list)
	d.Waiting, d.Failed = now.Interrupted, now.Failed
	for _, other := range stretches {
		d.Stretches = append(d.Stretches, choice{Word: capital(other.word), Link: "/figures?span=" + other.word, Current: other.word == st.word})
	}
	return view{Title: "Figures", Section: "figures", Styles: []string{"figures.css"}, Data: d}, nil
}

// figuresOf draws the figures and puts them into words.
func figuresOf(st stretch, from time.Time, list []jobs.Figure) figures {
	d := figures{Text: st.text, Each: st.each}
	of := func(value func(jobs.Figure) float64) []float64 {
		out := make([]float64, len(list))
		for i, f := range list {
			out[i] = value(f)
		}
		return out
	}
	draw := drawer{st, from, ticks(from, st.every, st.n)}
	pages := of(func(f jobs.Figure) float64 { return float64(f.Steps) })
	d.Main = append(d.Main, draw.bars("pages", "Pages read", "page", pages))
	when := func(value func(jobs.Figure) float64) []float64 {
		return of(func(f jobs.Figure) float64 {
			if f.Completed == 0 {
				return -1
			}
			return value(f)
		})
	}
	d.Main = append(d.Main,
		draw.times("wait", "Waiting", "How long jobs waited before they were read",
			when(func(f jobs.Figure) float64 { return f.WaitP50 }), when(func(f jobs.Figure) float64 { return f.WaitP95 })),
		draw.times("run", "Reading", "How long jobs were read",
			when(func(f jobs.Figure) float64 { return f.RunP50 }), when(func(f jobs.Figure) float64 { return f.RunP95 })))

	strips := []struct {
		id, name, noun string
		value          func(jobs.Figure) int
	}{
		{"accepted", "Accepted", "job", func(f jobs.Figure) int { return f.Accepted }},
		{"completed", "Completed", "job", func(f jobs.Figure) int { return f.Completed }},
		{"failed", "Failed", "job", func(f jobs.Figure) int { return f.Failed }},
		{"retried", "Tried again after an error", "job", func(f jobs.Figure) int { return f.Retried }},
		{"shutdown", causeWord(jobs.CauseShutdown), "job", interruptedBy(jobs.CauseShutdown)},
		{"crash", causeWord(jobs.CauseCrash), "job", interruptedBy(jobs.CauseCrash)},
		{"lost", causeWord(jobs.CauseLeaseLost), "job", interruptedBy(jobs.CauseLeaseLost)},
		{"operator", causeWord(jobs.CauseOperator), "job", interruptedBy(jobs.CauseOperator)},
		{"cancelled", causeWord(jobs.CauseCancelled), "job", interruptedBy(jobs.CauseCancelled)},
		{"starts", "Instances started", "start", func(f jobs.Figure) int { return f.Starts }},
	}
	for _, st := range strips {
		values := of(func(f jobs.Figure) float64 { return float64(st.value(f)) })
		d.Strips = append(d.Strips, smallChart{st.name, int(sum(values)), draw.bars(st.id, st.name, st.noun, values)})
	}
	d.Sentences = sentences(list)
	d.Rows = figureRows(st, list)
	return d
}

func interruptedBy(c jobs.Cause) func(jobs.Figure) int {
	return func(f jobs.Figure) int { return f.Interruptions[c] }
}

// drawer draws charts of one stretch.
type drawer struct {
	stretch
	from  time.Time
	ticks []string
}

func (d drawer) bars(id, title, noun string, values []float64) chart {
	most := largest(values)
	top := roundUp(most)
	c := chart{ID: id, Title: title, Top: thousands(int(top)), Width: d.n, Ticks: d.ticks, Empty: most == 0}
	c.Bars = bars(values, top, func(i int) string { return d.name(i) + ": " + plural(int(values[i]), noun) })
	c.Text = fmt.Sprintf("In %s %s; at most %s in %s.", d.text, plural(int(sum(values)), noun), thousands(int(most)), d.each)
	return c
}

func (d drawer) times(id, title, text string, half, most []float64) chart {
	top := roundUpTime(largest(half, most))
	c := chart{ID: id, Title: title, Top: strings.TrimSuffix(seconds(top), " 0 s"), Width: d.n, Ticks: d.ticks, Empty: largest(half, most) <= 0 && !slices.ContainsFunc(half, func(v float64) bool { return v >= 0 })}
	c.Lines = []line{{"most", "95 of 100", trace(most, top)}, {"half", "half of them", trace(half, top)}}
	c.Text = fmt.Sprintf("%s, for each %s: half of them at most so long, and 95 of 100. The longest of these are %s and %s.",
		text, strings.TrimPrefix(strings.TrimPrefix(d.each, "a "), "an "), seconds(largest(half)), seconds(largest(most)))
	return c
}

func (d drawer) name(i int) string {
	return spanName(d.from.Add(d.every*time.Duration(i)), d.every)
}

// sentences say what matters most in words.
func sentences(list []jobs.Figure) []string {
	var completed, failed, steps, starts, stopped int
	for _, f := range list {
		completed += f.Completed
		failed += f.Failed
		steps += f.Steps
		starts += f.Starts
		for cause, n := range f.Interruptions {
			if cause != jobs.CauseCancelled { // that was asked for
				stopped += n
			}
		}
	}
	out := []string{plural(completed, "document"), plural(steps, "page"), plural(starts, "start") + " of the service", plural(stopped, "interruption")}
	if failed > 0 {
		out = append(out, plural(failed, "failure"))
	}
	if wait, ok := typical(list, func(f jobs.Figure) float64 { return f.WaitP50 }); ok {
		run, _ := typical(list, func(f jobs.Figure) float64 { return f.RunP50 })
		out = append(out, "typically "+seconds(wait)+" waited and "+seconds(run)+" read")
	}
	return out
}

// typical is the median of the spans' medians, each weighed by its jobs.
func typical(list []jobs.Figure, value func(jobs.Figure) float64) (v float64, ok bool) {
	list = slices.DeleteFunc(slices.Clone(list), func(f jobs.Figure) bool { return f.Completed == 0 })
	slices.SortFunc(list, func(a, b jobs.Figure) int { return cmp.Compare(value(a), value(b)) })
	total := 0
	for _, f := range list {
		total += f.Completed
	}
	seen := 0
	for _, f := range list {
		if seen += f.Completed; 2*seen >= total {
			return value(f), true
		}
	}
	return 0, false
}

// figureRows are the spans in which anything happened, the latest first.
func figureRows(st stretch, list []jobs.Figure) []figureRow {
	var rows []figureRow
	for _, f := range slices.Backward(list) {
		n := 0
		var causes []string
		for _, c := range []jobs.Cause{jobs.CauseShutdown, jobs.CauseCrash, jobs.CauseLeaseLost, jobs.CauseOperator, jobs.CauseCancelled} {
			if k := f.Interruptions[c]; k > 0 {
				n += k
				causes = append(causes, fmt.Sprintf("%s %s", thousands(k), strings.ReplaceAll(string(c), "_", " ")))
			}
		}
		if f.Accepted+f.Completed+f.Failed+f.Retried+f.Starts+n == 0 {
			continue
		}
		rows = append(rows, figureRow{Span: spanName(f.At.UTC(), st.every), Interrupted: cmp.Or(strings.Join(causes, ", "), "0"), Figure: f})
	}
	return rows
}

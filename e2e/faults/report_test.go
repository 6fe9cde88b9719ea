//go:build unix

package faults

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// report is the figures of a run.
type report struct {
	Store     string         `json:"store"`
	Seed      uint64         `json:"seed"`
	Seconds   float64        `json:"seconds"`
	Faults    map[string]int `json:"faults"`
	Total     int            `json:"faults_total"`
	Poisoned  int            `json:"deaths_by_poison"`
	Processes int            `json:"processes"`
	Moves     map[string]int `json:"moves"`
	Jobs      map[string]int `json:"jobs"` // by status and error_code
	Accepted  int            `json:"jobs_accepted"`
	Repeats   int            `json:"inserts_repeated"`
	Steps     int            `json:"steps"`
	Redone    int            `json:"steps_recorded_again"` // after a restart by a person
	Attempts  int64          `json:"attempts"`
	Deaths    int            `json:"deaths_charged"`
	Recovered int            `json:"recoveries"`
	P50       float64        `json:"recovery_p50_ms"`
	P99       float64        `json:"recovery_p99_ms"`
	Calm      int            `json:"recoveries_without_outage"` // of the store meanwhile
	CalmP50   float64        `json:"recovery_without_outage_p50_ms"`
	CalmP99   float64        `json:"recovery_without_outage_p99_ms"`
	Refused   int            `json:"late_writes_refused"`
	Accepts   int            `json:"late_writes_accepted"`
	AtOnce    int            `json:"limited_at_once"`
	Gone      int            `json:"instances_fenced"`     // that lived and learned that they were succeeded
	Mistaken  int            `json:"living_declared_dead"` // those of them that had not let their lease run out
	Problems  int            `json:"problems"`
}

func (r *run) report(took time.Duration) {
	if r.records == nil {
		return
	}
	out := report{
		Store: r.name, Seed: r.options.seed, Seconds: took.Round(time.Second).Seconds(), Faults: r.counts, Total: r.total(), Poisoned: r.poisoned,
		Moves: map[string]int{}, Jobs: map[string]int{}, Accepted: r.jobs, Repeats: r.repeats, Refused: r.refused, AtOnce: r.mostAtOnce, Gone: r.gone, Mistaken: len(r.mistaken), Problems: len(r.problems),
	}
	for m, n := range r.moves {
		out.Moves[string(m)] = n
	}
	for _, n := range r.nodes {
		out.Processes += len(n.journals)
	}
	for _, rec := range r.records.jobs {
		out.Jobs[strings.TrimSpace(string(rec.job.Status)+" "+rec.job.ErrorCode)]++
		out.Steps += len(rec.data)
		out.Redone += len(rec.written) - len(rec.data)
		out.Attempts += int64(len(rec.history.starts))
		out.Deaths += rec.history.charged
	}
	for _, p := range r.problems {
		if strings.Contains(p, "LATE WRITE ACCEPTED") {
			out.Accepts++
		}
	}
	gaps, calm, err := r.recoveries()
	if err != nil {
		r.t.Error(err)
	}
	out.Recovered = len(gaps)
	out.P50, out.P99 = quantile(gaps, 0.5), quantile(gaps, 0.99)
	out.Calm, out.CalmP50, out.CalmP99 = len(calm), quantile(calm, 0.5), quantile(calm, 0.99)
	r.t.Log(out.table())
	if r.options.report == "" {
		return
	}
	if err := out.write(r.options.report); err != nil {
		r.t.Error(err)
	}
}

// recoveries returns how long it took, from each death, until the next step of
// each job that ran in the process: in milliseconds, sorted; and those in which
// the store was not broken meanwhile.
func (r *run) recoveries() (gaps, calm []float64, err error) {
	type recorded struct {
		at      time.Time
		journal string
	}
	steps := map[jobs.ID][]recorded{} // sorted by time
	running := map[string][]death{}
	hit := map[death][]jobs.ID{}
	for _, d := range r.deaths {
		running[d.journal] = append(running[d.journal], d)
	}
	for _, n := range r.nodes {
		for _, path := range n.journals {
			deaths := running[path]
			active := map[jobs.ID]bool{}
			err := readJournal(path, func(e entry) {
				for len(deaths) > 0 && e.at.After(deaths[0].at) {
					hit[deaths[0]], deaths = keys(active), deaths[1:]
				}
				switch e.what {
				case wroteStart:
					active[e.fence.Job] = true
				case wroteEnd, wroteLost:
					delete(active, e.fence.Job)
				case wroteRecord:
					steps[e.fence.Job] = append(steps[e.fence.Job], recorded{e.at, path})
				}
			})
			if err != nil {
				return nil, nil, err
			}
			for _, d := range deaths {
				hit[d] = keys(active)
			}
		}
	}
	for d, ids := range hit {
		for _, id := range ids {
			next := time.Time{}
			for _, s := range steps[id] {
				if s.journal != d.journal && s.at.After(d.at) && (next.IsZero() || s.at.Before(next)) {
					next = s.at
				}
			}
			if !next.IsZero() {
				gap := float64(next.Sub(d.at)) / 1e6
				gaps = append(gaps, gap)
				if !r.hadOutage(d.at, next) {
					calm = append(calm, gap)
				}
			}
		}
	}
	slices.Sort(gaps)
	slices.Sort(calm)
	return gaps, calm, nil
}

func keys(m map[jobs.ID]bool) []jobs.ID {
	var ids []jobs.ID
	for id := range m {
		ids = append(ids, id)
	}
	return ids
}

func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func (r report) table() string {
	var b strings.Builder
	line := func(name string, value any) { fmt.Fprintf(&b, "  %-34s %v\n", name, value) }
	group := func(name string, m map[string]int) {
		for _, k := range sortedKeys(m) {
			line(name+": "+k, m[k])
		}
	}
	fmt.Fprintf(&b, "\n%s, seed %d, %.0f s\n", r.Store, r.Seed, r.Seconds)
	line("faults", r.Total)
	group("  fault", r.Faults)
	line("faults a second", fmt.Sprintf("%.1f", float64(r.Total)/max(1, r.Seconds)))
	line("deaths by poison", r.Poisoned)
	line("processes", r.Processes)
	group("move", r.Moves)
	line("jobs accepted", r.Accepted)
	group("  job", r.Jobs)
	line("inserts given again", r.Repeats)
	line("steps", r.Steps)
	line("steps recorded again after a restart", r.Redone)
	line("attempts", r.Attempts)
	line("deaths that may have been charged", r.Deaths)
	line("recoveries", r.Recovered)
	line("  from death to next step, p50", fmt.Sprintf("%.0f ms", r.P50))
	line("  from death to next step, p99", fmt.Sprintf("%.0f ms", r.P99))
	line("recoveries without an outage", r.Calm)
	line("  from death to next step, p50", fmt.Sprintf("%.0f ms", r.CalmP50))
	line("  from death to next step, p99", fmt.Sprintf("%.0f ms", r.CalmP99))
	line("limited kind, most at once", r.AtOnce)
	line("instances succeeded while alive", r.Gone)
	line("  within their lease", r.Mistaken)
	line("late writes refused", r.Refused)
	line("late writes accepted", r.Accepts)
	line("problems", r.Problems)
	return b.String()
}

func sortedKeys(m map[string]int) []string {
	var names []string
	for k := range m {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

// write adds the figures to a file: one JSON object a line, one a store.
func (r report) write(path string) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(append(text, '\n')); err != nil {
		return err
	}
	return f.Close()
}

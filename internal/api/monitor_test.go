package api

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/mivaa/mivaa/internal/extract"
)

const (
	dashboardFile = "../../deploy/grafana/mivaa.json"
	alertsFile    = "../../deploy/prometheus/alerts.yml"
	runbookFile   = "../../docs/monitoring.md"
)

// exported are the metrics of a service and their labels, by name as a query
// has it.
func exported(t *testing.T) map[string][]string {
	t.Helper()
	m := NewMetrics()
	e := newEnv(t, func(c *Config) { c.Metrics = m })
	m.Extraction(&extract.Stats{})
	known := func() (int64, bool) { return 1 << 30, true }
	m.Memory(Memory{Readers: 2, Limit: known, Available: known, Wait: func() (bool, time.Duration) { return false, 0 }})
	m.job.failed.WithLabelValues("damaged")
	e.get("/health/live") // so that requests are counted
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(e.scrape()))
	e.ok(err)
	names := map[string][]string{"up": nil}
	for name, family := range families {
		var labels []string
		for _, metric := range family.GetMetric() {
			for _, l := range metric.GetLabel() {
				labels = append(labels, l.GetName())
			}
		}
		if family.GetType().String() != "HISTOGRAM" {
			names[name] = labels
			continue
		}
		for _, end := range []string{"_bucket", "_sum", "_count"} {
			names[name+end] = append(slices.Clone(labels), "le")
		}
	}
	return names
}

// query checks an expression of PromQL as far as that can be done without its
// parser: what is opened is closed, every word is known, and every label is one
// that its metric has.
func query(expr string, metrics map[string][]string) error {
	words := []string{"and", "or", "unless", "by", "on", "without", "sum", "max", "min", "avg", "count", "rate", "increase", "delta", "changes", "histogram_quantile"}
	given := []string{"instance", "job"} // Prometheus adds them
	token := regexp.MustCompile(`^(?:\s+|"[^"]*"|\$\w+|[a-zA-Z_:][a-zA-Z0-9_:]*|\d+(?:\.\d+)?[smhd]?|=~|!~|!=|==|>=|<=|[-+*/<>=(){}\[\],])`)
	closing := map[string]string{"(": ")", "{": "}", "[": "]"}
	var open []string
	var labels []string // of the metrics of the expression so far
	var last, group string
	for rest := expr; rest != ""; {
		tok := token.FindString(rest)
		if tok == "" {
			return fmt.Errorf("cannot read %.20q", rest)
		}
		rest = rest[len(tok):]
		within := ""
		if len(open) > 0 {
			within = open[len(open)-1]
		}
		switch {
		case strings.TrimSpace(tok) == "":
			continue
		case closing[tok] != "":
			if tok == "(" && slices.Contains([]string{"by", "on", "without"}, last) {
				group = ")"
			}
			open = append(open, closing[tok])
		case tok == ")" || tok == "}" || tok == "]":
			if within != tok {
				return fmt.Errorf("%q closes nothing", tok)
			}
			open, group = open[:len(open)-1], ""
		case regexp.MustCompile(`^[a-zA-Z_]`).MatchString(tok):
			known, isMetric := metrics[tok]
			switch {
			case within == "}" || group != "":
				if !slices.Contains(given, tok) && !slices.Contains(allLabels(metrics), tok) || within == "}" && !slices.Contains(given, tok) && !slices.Contains(labels, tok) {
					return fmt.Errorf("no metric has the label %s", tok)
				}
			case isMetric:
				labels = known
			case !slices.Contains(words, tok):
				return fmt.Errorf("%s is neither exported nor a function", tok)
			}
		}
		last = tok
	}
	if len(open) > 0 {
		return fmt.Errorf("%q is missing", open)
	}
	return nil
}

func allLabels(metrics map[string][]string) (all []string) {
	for _, labels := range metrics {
		all = append(all, labels...)
	}
	return all
}

func TestQueryIsChecked(t *testing.T) {
	t.Parallel()
	metrics := map[string][]string{"mivaa_jobs": {"status"}, "mivaa_x_bucket": {"le"}}
	for expr, ok := range map[string]bool{
		`max(mivaa_jobs{status="pending",instance=~"$i"}) > 0`:            true,
		`sum by (status) (rate(mivaa_jobs[$__rate_interval]))`:            true,
		`histogram_quantile(0.5, sum by (le) (rate(mivaa_x_bucket[5m])))`: true,
		`max(mivaa_jobs{state="pending"})`:                                false,
		`max(mivaa_jobs{le="1"})`:                                         false,
		`sum by (kind) (mivaa_jobs)`:                                      false,
		`mivaa_job`:                                                       false,
		`max(mivaa_jobs`:                                                  false,
		`max mivaa_jobs)`:                                                 false,
		`frobnicate(mivaa_jobs)`:                                          false,
		`mivaa_jobs ; drop`:                                               false,
	} {
		if err := query(expr, metrics); (err == nil) != ok {
			t.Errorf("%s: %v", expr, err)
		}
	}
}

// The dashboard shows what is exported, and nothing that is not.
func TestDashboardFile(t *testing.T) {
	t.Parallel()
	metrics := exported(t)
	type rect struct{ X, Y, W, H int }
	var dashboard struct {
		Title  string
		UID    string
		Panels []struct {
			ID          int
			Type, Title string
			Description string
			GridPos     rect
			Targets     []struct{ Expr, RefID string }
		}
		Annotations struct{ List []struct{ Expr string } }
		Templating  struct {
			List []struct{ Name, Definition string }
		}
	}
	readFile(t, dashboardFile, func(data []byte) error { return json.Unmarshal(data, &dashboard) })
	if dashboard.Title == "" || dashboard.UID == "" || len(dashboard.Panels) < 10 {
		t.Fatalf("dashboard: %+v", dashboard)
	}
	ids, used := map[int]bool{}, ""
	for i, p := range dashboard.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		if p.Type != "row" && (len(p.Targets) == 0 || p.Description == "") {
			t.Errorf("panel %q shows nothing, or does not say what", p.Title)
		}
		if g := p.GridPos; g.X < 0 || g.W < 1 || g.H < 1 || g.X+g.W > 24 {
			t.Errorf("panel %q stands at %+v", p.Title, g)
		}
		for _, o := range dashboard.Panels[:i] {
			a, b := p.GridPos, o.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("panels %q and %q overlap", p.Title, o.Title)
			}
		}
		for _, target := range p.Targets {
			used += target.Expr + "\n"
			if err := query(target.Expr, metrics); err != nil {
				t.Errorf("panel %q: %s: %v", p.Title, target.Expr, err)
			}
		}
	}
	for _, a := range dashboard.Annotations.List {
		if err := query(a.Expr, metrics); err != nil {
			t.Errorf("annotation: %s: %v", a.Expr, err)
		}
	}
	for _, name := range []string{"jobs_finished", "job_wait", "recovery_detect", "recovery_resume", "crashes", "late_writes_refused", "pages", "store_up", "jobs_interrupted_at_startup"} {
		if !strings.Contains(used, "mivaa_"+name) {
			t.Errorf("nothing shows mivaa_%s", name)
		}
	}
}

// Alerts ask for what is exported, and the operator's handbook says what to do
// about each.
func TestAlertsFile(t *testing.T) {
	t.Parallel()
	metrics := exported(t)
	var alerts struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	readFile(t, alertsFile, func(data []byte) error { return yaml.Unmarshal(data, &alerts) })
	var runbook string
	readFile(t, runbookFile, func(data []byte) error { runbook = string(data); return nil })
	n := 0
	for _, g := range alerts.Groups {
		for _, r := range g.Rules {
			n++
			if err := query(r.Expr, metrics); err != nil {
				t.Errorf("%s: %s: %v", r.Alert, r.Expr, err)
			}
			if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["runbook"] == "" {
				t.Errorf("%s says too little: %+v", r.Alert, r)
			}
			if r.For != "" && !regexp.MustCompile(`^\d+[smh]$`).MatchString(r.For) {
				t.Errorf("%s: for %q", r.Alert, r.For)
			}
			if !strings.Contains(runbook, "| "+r.Alert+" |") {
				t.Errorf("%s does not say what to do about %s", runbookFile, r.Alert)
			}
		}
	}
	if n < 10 {
		t.Errorf("%d alerts", n)
	}
	// What the handbook lists is there, and what is there it lists.
	listed := runbook[strings.Index(runbook, "## Metrics"):strings.Index(runbook, "### Alerts")]
	for name := range metrics {
		for _, end := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, end)
		}
		if strings.HasPrefix(name, "mivaa_") && !strings.Contains(listed, "`"+name) {
			t.Errorf("%s does not list %s", runbookFile, name)
		}
	}
	for _, name := range regexp.MustCompile(`\bmivaa_[a-z_]+`).FindAllString(runbook[strings.Index(runbook, "## Metrics"):strings.Index(runbook, "## Traces")], -1) {
		if _, ok := metrics[name]; !ok && metrics[name+"_count"] == nil {
			t.Errorf("%s lists %s, which is not exported", runbookFile, name)
		}
	}
}

func readFile(t *testing.T, name string, decode func([]byte) error) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err == nil {
		err = decode(data)
	}
	if err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
}

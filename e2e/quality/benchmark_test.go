package quality

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
)

// benchmark is where the documents, their true Markdown, the scorer and what
// other tools reach are.
const benchmark = "../../../shared/quality"

// scored is how documents are written for the benchmark. Its truth keeps what
// stands on the page: running headers, hyphens at line ends; it has no emphasis,
// and compares tables as HTML.
var scored = layout.Style{Furniture: true, HTMLTables: true, Plain: true, KeepHyphens: true}

// metrics are the benchmark's, in the order of the report: all of it, reading
// order, tables, headings.
var metrics = [...]string{"overall", "nid", "teds", "mhs"}

// floors are a little under what the metrics were when they were last looked at:
// a change that falls below one reads documents worse.
var floors = map[string]float64{"overall": 0.922, "nid": 0.944, "teds": 0.970, "mhs": 0.868}

// scores are what one tool reached, by metric and document.
type scores map[string]map[string]float64

func (s scores) set(metric, doc string, v float64) {
	if s[metric] == nil {
		s[metric] = map[string]float64{}
	}
	s[metric][doc] = v
}

// mean is over the documents that have what the metric looks at.
func (s scores) mean(metric string) float64 {
	if len(s[metric]) == 0 {
		return 0
	}
	docs := make([]string, 0, len(s[metric]))
	for doc := range s[metric] {
		docs = append(docs, doc)
	}
	slices.Sort(docs) // sums of fractions depend on their order
	sum := 0.0
	for _, doc := range docs {
		sum += s[metric][doc]
	}
	return sum / float64(len(docs))
}

// TestBenchmark reads the documents of the benchmark and has them scored.
func TestBenchmark(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(benchmark, "pdfs", "*.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("SKIPPED: no documents in %s: how well they are read is not known", benchmark)
	}
	need(t, "python3")
	dir := cmp.Or(*out, t.TempDir())
	pool := newPool(t)
	for _, file := range files {
		writeMarkdown(t, pool, file, dir)
	}
	got := score(t, dir)
	if docs := len(got["overall"]); docs != len(files) {
		t.Errorf("%d documents are scored of %d", docs, len(files))
	}
	for _, metric := range metrics {
		mean := got.mean(metric)
		t.Logf("%-8s %.4f", metric, mean)
		if mean < floors[metric] {
			t.Errorf("%s is %.4f, below %.4f", metric, mean, floors[metric])
		}
	}
	others, tools := baselines(t)
	writeSection(t, "scores", scoreTable(got, others, tools))
}

// writeMarkdown writes what the scorer reads of a file.
func writeMarkdown(t *testing.T, pool *pdf.Pool, file, dir string) {
	t.Helper()
	pages, err := readPages(t.Context(), pool, file, maxPages)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	name := strings.TrimSuffix(filepath.Base(file), ".pdf") + ".md"
	if err := os.WriteFile(filepath.Join(dir, name), []byte(markdown(pages, scored)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// markdown is the document as it is read: pages under the profile of them all.
func markdown(pages []layout.Page, style layout.Style) string {
	var profiler layout.Profiler
	for _, p := range pages {
		profiler.Add(p)
	}
	b := layout.Binder{Profile: profiler.Profile(), Style: style}
	var md strings.Builder
	for _, p := range pages {
		md.WriteString(b.Add(p))
	}
	return md.String() + b.End()
}

// score runs the benchmark's scorer on a directory of Markdown.
func score(t *testing.T, dir string) scores {
	t.Helper()
	file := filepath.Join(t.TempDir(), "scores.csv")
	cmd := exec.CommandContext(t.Context(), "python3", filepath.Join(benchmark, "score.py"), "-j", "2", "--csv", file,
		filepath.Join(benchmark, "truth"), dir)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("score.py: %v\n%s", err, text)
	}
	rows := readCSV(t, file)
	out := scores{}
	for _, row := range rows[1:] {
		for _, metric := range metrics {
			if v := row[slices.Index(rows[0], metric)]; v != "" {
				out.set(metric, row[0], number(t, v))
			}
		}
	}
	return out
}

// baselines returns what others reach, and their names in the file's order.
func baselines(t *testing.T) (map[string]scores, []string) {
	t.Helper()
	rows := readCSV(t, filepath.Join(benchmark, "baselines.csv"))
	tools := rows[0][2:]
	out := map[string]scores{}
	for _, tool := range tools {
		out[tool] = scores{}
	}
	for _, row := range rows[1:] {
		for i, v := range row[2:] {
			if v != "" {
				out[tools[i]].set(row[1], row[0], number(t, v))
			}
		}
	}
	return out, tools
}

func readCSV(t *testing.T, file string) [][]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err == nil && len(rows) < 2 {
		err = errors.New("there are no rows")
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return rows
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// models are the tools that use trained models; the others go by rules.
var models = []string{"docling", "marker", "mineru", "opendataloader-hybrid"}

// scoreTable is the report's table of all tools, the best first, and how often
// each is better and worse than ours.
func scoreTable(own scores, others map[string]scores, tools []string) string {
	const us = "**mivaa**"
	all := map[string]scores{us: own}
	names := []string{us}
	for _, tool := range tools {
		names = append(names, tool)
		all[tool] = others[tool]
	}
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(all[b].mean("overall"), all[a].mean("overall"))
	})
	rows := [][]string{{"tool", "goes by", "overall", "NID", "TEDS", "MHS", "better than ours", "worse"}}
	for _, name := range names {
		row := []string{name, "rules"}
		if slices.Contains(models, name) {
			row[1] = "models"
		}
		for _, metric := range metrics {
			row = append(row, fmt.Sprintf("%.4f", all[name].mean(metric)))
		}
		better, worse := compare(all[name]["overall"], own["overall"])
		if name == us {
			row = append(row, "", "")
		} else {
			row = append(row, strconv.Itoa(better), strconv.Itoa(worse))
		}
		rows = append(rows, row)
	}
	return fmt.Sprintf("%d documents, of which %d have tables and %d headings.\n\n%s",
		len(own["overall"]), len(own["teds"]), len(own["mhs"]), table(rows, 2))
}

// compare counts the documents that one tool reads clearly better and worse
// than another.
func compare(a, b map[string]float64) (better, worse int) {
	const clearly = 0.02
	for doc, v := range b {
		switch {
		case a[doc] > v+clearly:
			better++
		case a[doc] < v-clearly:
			worse++
		}
	}
	return better, worse
}

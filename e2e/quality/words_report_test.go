package quality

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// wordsReport is the report's section on words: all files together, the worst
// ten, and each file.
func wordsReport(files []fileTally, left []string) string {
	var sb strings.Builder
	total := fileTally{name: fmt.Sprintf("all %d files", len(files))}
	for _, f := range files {
		total.pages += f.pages
		for tool := range total.tools {
			total.tools[tool].add(f.tools[tool])
		}
	}
	sb.WriteString(wordTable([]fileTally{total}))
	worst := slices.Clone(files)
	slices.SortStableFunc(worst, func(a, b fileTally) int { return cmp.Compare(b.excess(), a.excess()) })
	worst = worst[:min(10, len(worst))]
	sb.WriteString("\nThe ten where ours does worst beside the better of the two others:\n\n")
	sb.WriteString(wordTable(worst))
	sb.WriteString("\n<details><summary>Each file</summary>\n\n")
	sb.WriteString(wordTable(files))
	sb.WriteString("\n</details>\n")
	if len(left) > 0 {
		sb.WriteString("\nLeft out, since one of the three does not read them:\n\n- " + strings.Join(left, "\n- ") + "\n")
	}
	return sb.String()
}

// wordTable has a row for each file; in its cells ours, pdftotext's and mutool's
// figure.
func wordTable(files []fileTally) string {
	rows := [][]string{{"file", "pages", "words", "found", "in order", "glued", "split"}}
	for _, f := range files {
		row := []string{f.name, strconv.Itoa(f.pages), strconv.Itoa(f.tools[ours].words)}
		for _, figure := range []func(tally) string{
			func(t tally) string { return percent(t.foundShare()) },
			func(t tally) string { return percent(t.orderShare()) },
			func(t tally) string { return strconv.Itoa(t.glued) },
			func(t tally) string { return strconv.Itoa(t.split) },
		} {
			cells := make([]string, 0, toolCount)
			for _, t := range f.tools {
				cells = append(cells, figure(t))
			}
			row = append(row, strings.Join(cells, " / "))
		}
		rows = append(rows, row)
	}
	return table(rows, 1)
}

func percent(v float64) string { return strconv.FormatFloat(100*v, 'f', 1, 64) }

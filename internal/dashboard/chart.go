package dashboard

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// chart is a drawing of numbers over time: bars, or lines, on a field that is
// one wide for each span and 100 high, stretched to whatever room there is.
// What it says in words stands beside it, so that nothing in it has to be read
// off a colour or a length.
type chart struct {
	ID, Title, Text string // Text: what it shows, for those who do not see it
	Top             string // the number at its upper edge
	Width           int
	Bars            []bar
	Lines           []line
	Ticks           []string // along its lower edge, evenly apart
	Empty           bool     // there is nothing to draw
}

type bar struct {
	X, Y, Width, Height string
	Text                string // of the bar alone
}

// line is drawn through the spans that have a value; where one has none it is
// interrupted.
type line struct{ Class, Word, Path string }

const chartHeight = 100

// bars makes a bar of each value.
func bars(values []float64, top float64, text func(i int) string) []bar {
	out := make([]bar, 0, len(values))
	for i, v := range values {
		if v <= 0 || top <= 0 {
			continue
		}
		h := max(v/top*chartHeight, 1.5) // one among thousands is still to be seen
		out = append(out, bar{X: coordinate(float64(i) + 0.12), Y: coordinate(chartHeight - h), Width: "0.76", Height: coordinate(h), Text: text(i)})
	}
	return out
}

// trace draws a line through values; negative ones are not there.
func trace(values []float64, top float64) string {
	var sb strings.Builder
	pen := false
	for i, v := range values {
		if v < 0 || top <= 0 {
			pen = false
			continue
		}
		x, y := coordinate(float64(i)+0.5), coordinate(chartHeight-v/top*chartHeight)
		alone := !pen && (i+1 == len(values) || values[i+1] < 0)
		switch {
		case alone: // a dash as wide as its span
			sb.WriteString("M" + coordinate(float64(i)+0.2) + " " + y + "h0.6")
		case pen:
			sb.WriteString("L" + x + " " + y)
		default:
			sb.WriteString("M" + x + " " + y)
		}
		pen = !alone
	}
	return sb.String()
}

func coordinate(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }

// roundUp returns the next of 1, 2, 5, 10, 20, ... that is not less.
func roundUp(f float64) float64 {
	for step := 1.0; ; step *= 10 {
		for _, n := range []float64{1, 2, 5} {
			if n*step >= f {
				return n * step
			}
		}
	}
}

// roundUpTime does the same with what people count time in. f is in seconds.
func roundUpTime(f float64) float64 {
	for _, s := range []float64{0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 6 * 3600, 12 * 3600, 86400} {
		if s >= f {
			return s
		}
	}
	return 86400 * roundUp(f/86400)
}

func largest(lists ...[]float64) (most float64) {
	for _, list := range lists {
		for _, v := range list {
			most = max(most, v)
		}
	}
	return most
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}

// ticks are the times at the edges and in the middle of a chart.
func ticks(from time.Time, every time.Duration, n int) []string {
	whole := every * time.Duration(n)
	form := "15:04"
	if whole > 48*time.Hour {
		form = "Mon 2 Jan"
	}
	return []string{from.Format(form), from.Add(whole / 2).Format(form), "now"}
}

// span names one of a chart's spans.
func spanName(from time.Time, every time.Duration) string {
	to := from.Add(every)
	if every >= time.Hour {
		return fmt.Sprintf("%s to %s", from.Format("Mon 2 Jan 15:04"), to.Format("15:04"))
	}
	return fmt.Sprintf("%s to %s", from.Format("15:04"), to.Format("15:04"))
}

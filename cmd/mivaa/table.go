package main

import (
	"io"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"

	"github.com/mivaa/mivaa/jobs"
)

// screen is where a result for people goes: a terminal, with its width, or a
// file, in which nothing is cut, coloured or drawn.
type screen struct {
	w      io.Writer
	tty    bool
	width  int // in columns; 0: as wide as it gets
	colour bool
	icons  bool
	mark   string // what stands for the rest of a text that was cut
}

// screen returns what is known about a writer.
func (c *console) screen(w io.Writer) screen {
	s := screen{w: w, tty: isTerminal(w), mark: "..."}
	if !s.tty {
		return s
	}
	dumb := c.environ("TERM") == "dumb"
	s.colour = !dumb && c.environ("NO_COLOR") == ""
	s.icons = !dumb
	if s.icons {
		s.mark = "…"
	}
	s.width = 80
	if f, ok := w.(*os.File); ok {
		if cols, _, err := term.GetSize(int(f.Fd())); err == nil && cols > 0 {
			s.width = max(cols, 40)
		}
	}
	return s
}

// style is an ANSI graphic rendition.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
)

func (s screen) paint(st style, text string) string {
	if !s.colour || st == plain || text == "" {
		return text
	}
	return "\x1b[" + string(st) + "m" + text + "\x1b[0m"
}

// status is a status as people see it: never by colour alone.
func (s screen) status(status jobs.Status) cell {
	icon, st := "", plain
	switch status {
	case jobs.Pending:
		icon, st = "○", plain
	case jobs.Processing:
		icon, st = "●", cyan
	case jobs.Completed:
		icon, st = "✓", green
	case jobs.Failed:
		icon, st = "✗", red
	case jobs.Interrupted:
		icon, st = "◐", yellow
	}
	if !s.icons {
		return cell{text: string(status), style: st}
	}
	return cell{text: icon + " " + string(status), style: st}
}

// paintStatus is status in a line of text.
func (s screen) paintStatus(status jobs.Status) string {
	c := s.status(status)
	return s.paint(c.style, c.text)
}

// clean makes a text from outside harmless on a terminal and one line: control
// characters, invisible ones and those that turn the direction of writing are
// replaced.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsPrint(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return unicode.ReplacementChar
	}, text)
}

// cells returns how many columns a clean text takes on a terminal.
func cells(text string) int {
	n := 0
	for _, r := range text {
		n += runewidth.RuneWidth(r)
	}
	return n
}

// cut shortens a text to n columns at its end.
func (s screen) cut(text string, n int) string {
	if n <= 0 || cells(text) <= n {
		return text
	}
	return head(text, n-cells(s.mark)) + s.mark
}

// squeeze shortens a text to n columns in its middle: of a file name, the
// beginning and the extension tell the most.
func (s screen) squeeze(text string, n int) string {
	if n <= 0 || cells(text) <= n {
		return text
	}
	room := n - cells(s.mark)
	right := room / 2
	return head(text, room-right) + s.mark + tail(text, right)
}

func head(text string, n int) string {
	for i, r := range text {
		if n -= runewidth.RuneWidth(r); n < 0 {
			return text[:i]
		}
	}
	return text
}

func tail(text string, n int) string {
	runes := []rune(text)
	i := len(runes)
	for i > 0 && n >= runewidth.RuneWidth(runes[i-1]) {
		i--
		n -= runewidth.RuneWidth(runes[i])
	}
	return string(runes[i:])
}

// cell is one field of a table.
type cell struct {
	text  string
	style style
}

func text(s string) cell { return cell{text: s} }

// column is how a field stands in its table.
type column struct {
	head   string
	right  bool                             // aligned to the right
	shrink func(screen, string, int) string // how it is cut to fit the screen; nil: never
	spare  int                              // left out on a screen too narrow for all, the highest first; 0: never
}

// table is rows for people.
type table struct {
	columns []column
	rows    [][]cell
	below   []string // lines of their own under the rows, or nil
}

const gap = "  "

func (t *table) add(row ...cell) { t.rows = append(t.rows, row) }

// leastRemark is how narrow the column becomes that fold may take away.
const leastRemark = 30

// fold takes the last column away: under the rows where too little room would be
// left for it, and for good where nothing stands in it.
func (t *table) fold(s screen) {
	last := len(t.columns) - 1
	empty := true
	for _, row := range t.rows {
		empty = empty && row[last].text == ""
	}
	w := t.widths(0)
	if !empty && (s.width == 0 || t.atLeast(w)-min(w[last], least)+min(w[last], leastRemark) <= s.width) {
		return
	}
	t.below = make([]string, len(t.rows))
	for i, row := range t.rows {
		t.below[i] = row[last].text
	}
	t.remove(last)
}

// fit leaves out what can be spared until the rest fits the screen.
func (t *table) fit(s screen) {
	for s.width > 0 && t.atLeast(t.widths(0)) > s.width {
		least := 0
		for i, c := range t.columns {
			if c.spare > t.columns[least].spare {
				least = i
			}
		}
		if t.columns[least].spare == 0 {
			return
		}
		t.remove(least)
	}
}

// remove takes a column away.
func (t *table) remove(i int) {
	t.columns = slices.Delete(slices.Clone(t.columns), i, i+1)
	for n, row := range t.rows {
		t.rows[n] = slices.Delete(slices.Clone(row), i, i+1)
	}
}

// atLeast is how wide the table is with all that may shrink as narrow as it
// gets.
func (t *table) atLeast(widths []int) int {
	total := len(gap) * (len(widths) - 1)
	for i, w := range widths {
		if t.columns[i].shrink != nil {
			w = min(w, least)
		}
		total += w
	}
	return total
}

// write writes the table. Without a terminal nothing is cut.
func (t *table) write(s screen) error {
	t.fit(s)
	widths := t.widths(s.width)
	heads := make([]cell, len(t.columns))
	for i, c := range t.columns {
		heads[i] = cell{c.head, dim}
	}
	var b strings.Builder
	t.line(&b, s, widths, heads)
	for i, row := range t.rows {
		t.line(&b, s, widths, row)
		if i < len(t.below) && t.below[i] != "" {
			indent := strings.Repeat(" ", widths[0]) + gap
			b.WriteString(indent + s.paint(dim, s.cut(t.below[i], max(0, s.width-len(indent)))) + "\n")
		}
	}
	_, err := io.WriteString(s.w, b.String())
	return err
}

func (t *table) line(b *strings.Builder, s screen, widths []int, row []cell) {
	var line strings.Builder
	for i, c := range row {
		text := c.text
		if shrink := t.columns[i].shrink; shrink != nil {
			text = shrink(s, text, widths[i])
		}
		pad := strings.Repeat(" ", max(0, widths[i]-cells(text)))
		if i > 0 {
			line.WriteString(gap)
		}
		switch {
		case t.columns[i].right:
			line.WriteString(pad + s.paint(c.style, text))
		case i == len(row)-1:
			line.WriteString(s.paint(c.style, text))
		default:
			line.WriteString(s.paint(c.style, text) + pad)
		}
	}
	b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

// least is how narrow a column that may shrink becomes.
const least = 12

// widths returns the width of each column in a line of most columns; 0: of any
// length.
func (t *table) widths(most int) []int {
	w := make([]int, len(t.columns))
	total := len(gap) * (len(w) - 1)
	for i, c := range t.columns {
		w[i] = cells(c.head)
		for _, row := range t.rows {
			w[i] = max(w[i], cells(row[i].text))
		}
		total += w[i]
	}
	for most > 0 && total > most {
		widest := -1
		for i, c := range t.columns {
			if c.shrink != nil && w[i] > least && (widest < 0 || w[i] > w[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		w[widest]--
		total--
	}
	return w
}

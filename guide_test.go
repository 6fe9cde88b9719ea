package mivaa_test

import (
	"path"
	"regexp"
	"strings"
	"testing"
)

// sentence is a line of the guide, or the first of a paragraph of a block, and
// the heading that it stands under.
type sentence struct{ heading, text string }

// TestGuideIsCovered holds docs/guide-coverage.md against the guide, sentence by
// sentence and in order, and against the tests that it names.
func TestGuideIsCovered(t *testing.T) {
	t.Parallel()
	want := sentencesOfGuide(read(t, "e2e/testdata/guide.txt"))
	if len(want) < 90 {
		t.Fatalf("%d sentences in the guide: it is not read as it is written", len(want))
	}
	rows := coverage(t, read(t, "docs/guide-coverage.md"))
	for i, s := range want {
		if i >= len(rows) || rows[i].sentence != s {
			t.Fatalf("row %d of the page is not that of %q under %q", i+1, s.text, s.heading)
		}
	}
	if len(rows) > len(want) {
		t.Errorf("the page has more than the guide: %q", rows[len(want)].text)
	}
	for _, r := range rows {
		if len(r.tests) == 0 && r.note == "" {
			t.Errorf("no test and no reason: %q", r.text)
		}
		for _, name := range r.tests {
			testExists(t, name)
		}
	}
}

var (
	drawing = regexp.MustCompile(`[\x{2500}-\x{257f}\x{25b2}-\x{25ff}|*` + "`" + `]`)
	blanks  = regexp.MustCompile(`\s+`)
	bullet  = regexp.MustCompile(`^\s*(- |\d+\. )`)
	label   = regexp.MustCompile(`^\*\*[^*]+\*\*:?$`)
	rule    = regexp.MustCompile(`^\|[-| ]+\|$|^-{3}`)
	letter  = regexp.MustCompile(`[A-Za-z]`)
)

// sentencesOfGuide leaves out what says nothing: rules, heads of tables, labels of
// what follows. Of a paragraph of a block it takes the first line with a word.
func sentencesOfGuide(text string) (all []sentence) {
	lines := strings.Split(text, "\n")
	heading, block, named := "", false, false
	add := func(line string) {
		line = strings.NewReplacer("*", "", "`", "").Replace(line)
		all = append(all, sentence{heading, strings.TrimSpace(blanks.ReplaceAllString(drawing.ReplaceAllString(line, " "), " "))})
	}
	for i, line := range lines {
		switch {
		case strings.HasPrefix(line, "```"):
			block, named = !block, false
		case block:
			if line == "" {
				named = false
			} else if !named && letter.MatchString(line) {
				add(line)
				named = true
			}
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimLeft(line, "# ")
		case line == "" || rule.MatchString(line) || label.MatchString(line):
		case strings.HasPrefix(line, "|") && rule.MatchString(lines[i+1]):
		default:
			add(bullet.ReplaceAllString(line, ""))
		}
	}
	return all
}

// covered is a row of the page.
type covered struct {
	sentence
	tests []string // as "package Test", one with subtests as "package Test/Sub"
	note  string
}

func coverage(t *testing.T, page string) (rows []covered) {
	t.Helper()
	heading := ""
	for line := range strings.SplitSeq(page, "\n") {
		if rest, ok := strings.CutPrefix(line, "## "); ok {
			heading = rest
		}
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| the guide ") {
			continue
		}
		if len(cells) != 3 {
			t.Fatalf("%d cells: %s", len(cells), line)
		}
		r := covered{sentence: sentence{heading, strings.ReplaceAll(strings.TrimPrefix(cells[0], "| "), `\`, "")}, note: strings.Trim(cells[2], " |")}
		for _, m := range span.FindAllStringSubmatch(cells[1], -1) {
			r.tests = append(r.tests, m[1])
		}
		rows = append(rows, r)
	}
	return rows
}

// testExists looks for a test and its parts in the files of its package.
func testExists(t *testing.T, name string) {
	t.Helper()
	folder, test, _ := strings.Cut(name, " ")
	parts := strings.Split(test, "/")
	var source strings.Builder
	for _, file := range files(t, "_test.go") {
		if path.Dir(file) == folder {
			source.WriteString(read(t, file))
		}
	}
	if !strings.Contains(source.String(), "\nfunc "+parts[0]+"(") {
		t.Errorf("there is no test %s", name)
	}
	for _, part := range parts[1:] {
		if !strings.Contains(source.String(), `"`+part+`"`) {
			t.Errorf("%s: there is no part %q", name, part)
		}
	}
}

package quality

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// A section of the report stands between two comments, which stay.
const (
	sectionBegin = "<!-- %s: written by make quality -->\n"
	sectionEnd   = "<!-- end -->"
)

// write puts a section into the report, where one is asked for.
func writeSection(t *testing.T, name, body string) {
	t.Helper()
	if *report == "" {
		return
	}
	old, err := os.ReadFile(*report)
	if err != nil {
		t.Fatal(err)
	}
	text, err := withSection(string(old), name, body)
	if err != nil {
		t.Fatalf("%s: %v", *report, err)
	}
	if err := os.WriteFile(*report, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// withSection returns the text with the section's body replaced.
func withSection(text, name, body string) (string, error) {
	begin := fmt.Sprintf(sectionBegin, name)
	before, rest, ok := strings.Cut(text, begin)
	if !ok {
		return "", fmt.Errorf("there is no line %q", begin)
	}
	_, after, ok := strings.Cut(rest, sectionEnd)
	if !ok {
		return "", fmt.Errorf("the section %s does not end", name)
	}
	return before + begin + "\n" + strings.TrimSpace(body) + "\n\n" + sectionEnd + after, nil
}

// table is a Markdown table, the first row its head. All columns but the first
// few are of figures, which stand to the right.
func table(rows [][]string, names int) string {
	var sb strings.Builder
	for i, row := range rows {
		sb.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			sb.WriteString(strings.Repeat("|---", names) + strings.Repeat("|--:", len(row)-names) + "|\n")
		}
	}
	return sb.String()
}

func TestWithSection(t *testing.T) {
	const doc = "a\n<!-- x: written by make quality -->\n\nold\n\n<!-- end -->\nb\n<!-- y: written by make quality -->\nkept\n<!-- end -->\n"
	got, err := withSection(doc, "x", "new\n")
	if want := strings.Replace(doc, "old", "new", 1); err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if _, err := withSection(doc, "z", "new"); err == nil {
		t.Error("a section that is not there was written")
	}
}

package mivaa_test

import (
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	fence   = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	span    = regexp.MustCompile("`([^`\n]+)`")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	target  = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
	word    = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)
	plain   = regexp.MustCompile(`^[A-Za-z0-9_.*()-]+$`)
)

// TestMapIsTrue holds what stands in code type in the pages that a contributor
// reads first against the repository: a path exists, a make target exists, and
// a name on the map is still a word of the source.
func TestMapIsTrue(t *testing.T) {
	t.Parallel()
	source := words(t)
	targets := map[string]bool{}
	for _, m := range target.FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets[m[1]] = true
	}
	for _, doc := range []string{"ARCHITECTURE.md", "CONTRIBUTING.md"} {
		for _, m := range span.FindAllStringSubmatch(fence.ReplaceAllString(read(t, doc), ""), -1) {
			code := m[1]
			if rest, ok := strings.CutPrefix(code, "make "); ok {
				if name := strings.Fields(rest)[0]; !targets[name] {
					t.Errorf("%s: `%s`: the Makefile has no target %s", doc, code, name)
				}
				continue
			}
			for field := range strings.FieldsSeq(code) {
				switch {
				case exists(field):
				case isPath(field):
					t.Errorf("%s: `%s`: no such file or folder: %s", doc, code, field)
				case doc == "ARCHITECTURE.md" && plain.MatchString(code):
					for _, w := range word.FindAllString(code, -1) {
						if !source[w] {
							t.Errorf("%s: `%s`: the source has no such name: %s", doc, code, w)
						}
					}
				}
			}
		}
	}
}

// TestLinks follows every link of every page to a file of this repository, and
// to a heading in it.
func TestLinks(t *testing.T) {
	t.Parallel()
	for _, doc := range files(t, ".md") {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(read(t, doc), ""), -1) {
			if strings.Contains(m[1], ":") {
				continue // on the web, or mail
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			to := doc
			if file != "" {
				to = path.Join(path.Dir(doc), file)
			}
			if !exists(to) {
				t.Errorf("%s links to %s, which does not exist", doc, m[1])
				continue
			}
			if anchor != "" && strings.HasSuffix(to, ".md") && !slices.Contains(anchors(read(t, to)), anchor) {
				t.Errorf("%s links to %s: no such heading", doc, m[1])
			}
		}
	}
}

// isPath reports whether s names a file or folder of this repository, as far as
// its beginning tells: its first part is there. A route, a media type, an import
// path and a file in the data folder are not.
func isPath(s string) bool {
	first, _, nested := strings.Cut(strings.TrimPrefix(s, "./"), "/")
	return (nested || strings.HasPrefix(s, "./")) && first != "" && exists(first) ||
		strings.HasSuffix(s, ".md") || strings.HasSuffix(s, ".go")
}

func exists(name string) bool {
	name = strings.TrimSuffix(strings.TrimPrefix(name, "./"), "/...")
	_, err := os.Stat(name)
	return err == nil
}

// words returns every word of the source: what code type on a page may name.
func words(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, name := range files(t, ".go", ".sql", ".service", "Makefile", "go.mod") {
		for _, w := range word.FindAllString(read(t, name), -1) {
			all[w] = true
		}
	}
	return all
}

// anchors returns the headings of a page as GitHub names them in links.
func anchors(page string) []string {
	var all []string
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		all = append(all, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', r >= 'a' && r <= 'z', r >= '0' && r <= '9', r > 127:
				return r
			}
			return -1
		}, strings.ToLower(m[1])))
	}
	return all
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("read documentation: %v", err)
	}
	return string(b)
}

// Package mivaa_test holds the tests of the repository itself: who may import
// whom, and whether the documentation still tells the truth.
package mivaa_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/mivaa/mivaa"

// layers, from the bottom up: a package imports, of ours, only what stands in a
// line above its own. Two packages on one line never import each other. Tests
// are free: a store's test runs the suite that knows no store.
var layers = [][]string{
	{"jobs", "client", "deploy", "internal/child", "internal/host", "internal/layout", "internal/pgtest", "internal/faultproxy", "examples"},
	{"jobs/internal/watch"}, // what both stores do for who watches them
	{"jobs/sqlite", "jobs/postgres", "jobs/storetest", "jobs/crashtest", "internal/pdf"},
	{"internal/blob", "internal/ocr"},
	{"internal/documents"}, // a document names its source as blob does
	{"internal/extract", "internal/webhook"},
	{"internal/api", "internal/lifecycle", "internal/tracing"},
	{"internal/dashboard"}, // its pages show what the API answers
	{"cmd/mivaa", "examples/sample"},
	{"e2e", "e2e/faults", "e2e/browser", "e2e/quality"},
}

// apart are packages that import, of ours, even less than their layer allows.
var apart = map[string][]string{
	"client":       {},                                                    // speaks HTTP, shares no code with the server
	"internal/ocr": {"internal/child", "internal/layout", "internal/pdf"}, // knows no job either
	"internal/pdf": {"internal/child", "internal/layout"},                 // is handed one file, gives back pages; knows no job
}

// confined are packages of others that may be imported in a few places only:
// folders, or files by a pattern. Tests included.
var confined = []struct {
	imports []string // an import path, or the beginning of one ending in "/"
	in      []string
	why     string
}{{
	imports: []string{"net/http"},
	in:      []string{"internal/api/*", "internal/dashboard/*", "internal/webhook/*", "internal/blob/s3*", "client/*", "cmd/mivaa/*", "e2e/*", "e2e/browser/*"},
	why:     "what lies below the API works without a server",
}, {
	imports: []string{"database/sql", "database/sql/", "modernc.org/sqlite", "modernc.org/sqlite/", "github.com/jackc/pgx/"},
	in:      []string{"jobs/sqlite/*", "jobs/postgres/*", "internal/documents/*", "internal/blob/*", "internal/pgtest/*", "bench/*", "e2e/*", "e2e/faults/*"},
	why:     "what lies above a store asks the store",
}}

// pkg is what we need of go list's answer.
type pkg struct {
	ImportPath string
	Standard   bool
	Imports    []string // of the files that are not tests
}

// list asks go list about our packages; with flag -deps also about all that
// they depend on.
func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Standard,Imports"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}

// ours returns an import path as a folder of this repository.
func ours(importPath string) (dir string, ok bool) {
	return strings.CutPrefix(importPath, module+"/")
}

func TestLayers(t *testing.T) {
	t.Parallel()
	height := map[string]int{}
	for i, layer := range layers {
		for _, dir := range layer {
			height[dir] = i
		}
	}
	for _, p := range list(t, "./...") {
		dir, ok := ours(p.ImportPath)
		if !ok {
			continue // the folder of this test
		}
		if _, ok := height[dir]; !ok {
			t.Errorf("%s has no layer: a new package needs a second consumer or a wall worth having, and a place in arch_test.go", dir)
			continue
		}
		for _, imp := range p.Imports {
			low, ok := ours(imp)
			if !ok {
				continue
			}
			if height[low] >= height[dir] {
				t.Errorf("%s imports %s, which is not below it", dir, low)
			}
			if allowed, ok := apart[dir]; ok && !slices.Contains(allowed, low) {
				t.Errorf("%s imports %s; of ours it may import only %q", dir, low, allowed)
			}
		}
	}
}

// TestStandardLibraryOnly looks at everything that a package brings along: a
// program that embeds jobs gets jobs.
func TestStandardLibraryOnly(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"jobs", "internal/layout"} {
		for _, p := range list(t, "-deps", "./"+dir) {
			if !p.Standard && p.ImportPath != module+"/"+dir {
				t.Errorf("%s depends on %s; it may use the standard library only", dir, p.ImportPath)
			}
		}
	}
}

// TestConfinedImports reads the files themselves, those of other platforms
// included.
func TestConfinedImports(t *testing.T) {
	t.Parallel()
	for _, file := range files(t, ".go") {
		syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Errorf("read imports: %v", err)
			continue
		}
		for _, spec := range syntax.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			for _, rule := range confined {
				if slices.ContainsFunc(rule.imports, func(s string) bool {
					return imp == s || strings.HasSuffix(s, "/") && strings.HasPrefix(imp, s)
				}) && !matches(rule.in, file) {
					t.Errorf("%s imports %s: %s (allowed in %s)", file, imp, rule.why, strings.Join(rule.in, ", "))
				}
			}
		}
	}
}

func TestPackageNames(t *testing.T) {
	t.Parallel()
	drawers := []string{"base", "common", "core", "helper", "helpers", "lib", "misc", "models", "shared", "types", "util", "utils"}
	for _, p := range list(t, "./...") {
		dir, ok := ours(p.ImportPath)
		if !ok {
			continue
		}
		if slices.Contains(drawers, path.Base(dir)) {
			t.Errorf("%s: a name that says what is in it, please", dir)
		}
		if strings.Count(dir, "/") > 2 {
			t.Errorf("%s lies deeper than two levels below its top folder", dir)
		}
	}
}

// matches reports whether one of the patterns matches the file.
func matches(patterns []string, file string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, file)
		return ok && err == nil
	})
}

// files returns the repository's files with one of the endings, with forward
// slashes, without hidden folders, test data and what running leaves behind.
func files(t *testing.T, endings ...string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(base, ".") || slices.Contains([]string{"testdata", "data", "bin", "node_modules"}, base)) {
				return filepath.SkipDir
			}
			return nil
		}
		if slices.ContainsFunc(endings, func(end string) bool { return strings.HasSuffix(base, end) }) {
			found = append(found, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatalf("list files: %v", err)
	}
	return found
}

package main

import (
	"archive/zip"
	"path/filepath"
	"slices"
	"testing"
)

func TestExportForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.complete("report.pdf", 3).Document.ID.String()
	export := func(args ...string) answer { return w.run(append([]string{"documents", "export", id}, args...)...) }

	file := filepath.Join(t.TempDir(), "report.zip")
	export("--format", "zip", "-o", file).exits(exitOK).silent()
	r, err := zip.OpenReader(file)
	w.ok(err)
	defer func() { w.ok(r.Close()) }()
	var names []string
	for _, f := range r.File {
		names = append(names, f.Name)
	}
	if want := []string{"document.md", "document.txt", "document.json"}; !slices.Equal(names, want) {
		t.Errorf("files %q, want %q", names, want)
	}
	export("--format", "zip", "--json").exits(exitUsage).warns("name a file for it with -o")

	if a := export("--format", "csv").exits(exitOK).silent(); a.out != "" {
		t.Errorf("a document without tables: %q", a.out)
	}
	export("--format", "csv", "--table", "p1t1").exits(exitNotFound).warns("no such table")
	export("--table", "p1t1").exits(exitUsage).warns("one table is asked for as csv")

	plain := export().exits(exitOK).out
	for _, args := range [][]string{{"--tables", "html"}, {"--emphasis", "off"}, {"--hyphens", "keep"}, {"--furniture", "all"}} {
		if a := export(args...).exits(exitOK).silent(); a.out != plain {
			t.Errorf("%v changes what it has nothing to do with: %q", args, a.out)
		}
		export(args[0], "x").exits(exitUsage).warns(args[0])
	}

	export("--format", "chunks", "--chunk-size", "10", "--chunk-unit", "tokens").exits(exitOK).silent().says(`"token_count":6`)
	export("--format", "chunks", "--chunk-size", "3").exits(exitUsage).warns("chunk_size is 3 characters")
	export("--format", "chunks", "--chunk-overlap", "900").exits(exitUsage).warns("half of chunk_size")
}

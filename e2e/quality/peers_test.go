package quality

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/pdf"
)

// corpus is a collection of ordinary PDFs beside the project.
const corpus = "../../../shared/corpus/mixed"

// What is wanted of our words on all files together: a little worse than it was
// when it was last looked at.
const (
	leastFound = 0.99
	leastOrder = 0.88
	mostWrong  = 0.001
)

// maxPages is how many pages of a file are compared.
const maxPages = 40

// fileTally is what was counted on the pages of one file.
type fileTally struct {
	name  string
	pages int
	tools [toolCount]tally
}

// excess is how much more is wrong with ours than with the better of the others.
func (f fileTally) excess() float64 {
	return f.tools[ours].loss() - min(f.tools[pdftotext].loss(), f.tools[mutool].loss())
}

// compareCorpus compares the tools on every file that all three can open.
func compareCorpus(ctx context.Context, t testing.TB, pool *pdf.Pool) (files []fileTally, left []string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(corpus, "*.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		f, err := compareFile(ctx, pool, name)
		if err != nil {
			left = append(left, fmt.Sprintf("%s: %v", filepath.Base(name), err))
			continue
		}
		files = append(files, f)
	}
	return files, left
}

func compareFile(ctx context.Context, pool *pdf.Pool, name string) (fileTally, error) {
	out := fileTally{name: strings.TrimSuffix(filepath.Base(name), ".pdf")}
	texts, err := readTools(ctx, pool, name)
	if err != nil {
		return out, err
	}
	out.pages = len(texts)
	for _, page := range texts {
		for tool, tally := range comparePage(page) {
			out.tools[tool].add(tally)
		}
	}
	return out, nil
}

// readTools reads the first pages of a file with each tool.
func readTools(ctx context.Context, pool *pdf.Pool, name string) ([][toolCount]string, error) {
	pages, err := readPages(ctx, pool, name, maxPages)
	if err != nil {
		return nil, err
	}
	out := make([][toolCount]string, len(pages))
	for i, p := range pages {
		out[i][ours] = p.Text
	}
	last := fmt.Sprint(len(pages))
	text, err := run(ctx, "pdftotext", "-enc", "UTF-8", "-l", last, name, "-")
	if err != nil {
		return nil, err
	}
	parts := strings.Split(strings.TrimSuffix(text, "\f"), "\f")
	if len(parts) != len(pages) {
		return nil, fmt.Errorf("pdftotext gives %d pages of %d", len(parts), len(pages))
	}
	dir, err := os.MkdirTemp("", "mivaa-words-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if _, err := run(ctx, "mutool", "draw", "-q", "-F", "txt", "-o", filepath.Join(dir, "%d"), name, "1-"+last); err != nil {
		return nil, err
	}
	for i := range out {
		text, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(i+1)))
		if err != nil {
			return nil, err
		}
		out[i][pdftotext], out[i][mutool] = parts[i], strings.ToValidUTF8(string(text), "")
	}
	return out, nil
}

// toolTime is how long a tool may take for a file: some never end.
const toolTime = 30 * time.Second

func run(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, toolTime)
	defer cancel()
	var out, problems bytes.Buffer
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		line, _, _ := strings.Cut(problems.String(), "\n")
		return "", fmt.Errorf("%s: %w: %s", args[0], err, line)
	}
	return strings.ToValidUTF8(out.String(), ""), nil
}

// TestWords compares the words we read with those that others read.
func TestWords(t *testing.T) {
	if _, err := os.Stat(corpus); errors.Is(err, os.ErrNotExist) {
		t.Skipf("SKIPPED: no documents in %s", corpus)
	}
	need(t, "pdftotext", "mutool")
	files, left := compareCorpus(t.Context(), t, newPool(t))
	for _, l := range left {
		t.Logf("left out: %s", l)
	}
	if len(left) > len(files)/10 {
		t.Errorf("%d files are left out, %d compared", len(left), len(files))
	}
	var total tally
	for _, f := range files {
		total.add(f.tools[ours])
	}
	wrong := share(total.glued+total.split, total.words)
	t.Logf("%d words: %.4f found, %.4f in order, %.4f glued or split", total.words, total.foundShare(), total.orderShare(), wrong)
	if total.foundShare() < leastFound || total.orderShare() < leastOrder || wrong > mostWrong {
		t.Errorf("of %d words %.4f are found, %.4f in order, %.4f glued or split; at least %v and %v, at most %v are wanted",
			total.words, total.foundShare(), total.orderShare(), wrong, leastFound, leastOrder, mostWrong)
	}
	writeSection(t, "words", wordsReport(files, left))
}

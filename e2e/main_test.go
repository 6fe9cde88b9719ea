package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mivaa/mivaa/internal/pgtest"
)

// binary is the program under test; template is a data dir whose compiled PDF
// engine the tests start from, as a machine has after its first start.
var binary, template string

func TestMain(m *testing.M) {
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "mivaa-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // some tests run the binary as another user
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binary, template = filepath.Join(dir, "mivaa"), filepath.Join(dir, "template")
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return pgtest.Main(m)
}

// build makes the binary as `make build` does, and the template by reading one page.
func build() error {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "../cmd/mivaa")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build mivaa: %w\n%s", err, out)
	}
	page := filepath.Join(filepath.Dir(binary), "one.pdf")
	if err := os.WriteFile(page, textPDF(1, "warm"), 0o644); err != nil {
		return err
	}
	cmd = exec.CommandContext(context.Background(), binary, "extract", "--data-dir", template, page)
	cmd.Env = cleanEnv()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("first extract: %w\n%s", err, out)
	}
	return nil
}

package browser

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

var given = flag.String("binary", "", "the program to test; else it is built")

// What the tests share, from the first that needs it to the end.
var (
	binary   string          // the program under test
	template string          // a data dir whose PDF engine is compiled already
	axe      string          // the source of axe-core
	chromium context.Context // the one browser; chromedp hands it around as a context
	atEnd    []func()
)

func TestMain(m *testing.M) {
	code := m.Run()
	for _, end := range slices.Backward(atEnd) {
		end()
	}
	os.Exit(code)
}

// missingError says what is not on this machine.
type missingError struct{ what string }

func (e *missingError) Error() string { return e.what }

// ready prepares what the tests share, once.
var ready = sync.OnceValue(func() error {
	if _, err := exec.LookPath("chromium"); err != nil {
		return &missingError{"chromium is not installed (on Debian: chromium)"}
	}
	var err error
	if axe, err = readAxe(); err != nil {
		return err
	}
	if err := prepare(); err != nil {
		return err
	}
	return startBrowser()
})

// needs ends a test that cannot run here: skipped on a developer's machine,
// failed in CI.
func needs(t testing.TB) {
	t.Helper()
	err := ready()
	if missing, ok := errors.AsType[*missingError](err); ok && os.Getenv("CI") == "" {
		t.Skip("SKIPPED: " + missing.what)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// readAxe reads axe-core, and installs what package-lock.json names first.
func readAxe() (string, error) {
	const file = "node_modules/axe-core/axe.min.js"
	source, err := os.ReadFile(file)
	if err == nil {
		return string(source), nil
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return "", &missingError{"npm is not installed (on Debian: npm)"}
	}
	out, err := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	source, err = os.ReadFile(file)
	return string(source), err
}

// prepare makes the binary, and the template by reading the sample.
func prepare() error {
	dir, err := os.MkdirTemp("", "mivaa-browser-")
	if err != nil {
		return err
	}
	atEnd = append(atEnd, func() { os.RemoveAll(dir) })
	binary, template = cmp.Or(*given, filepath.Join(dir, "mivaa")), filepath.Join(dir, "template")
	if *given == "" {
		cmd := exec.Command("go", "build", "-o", binary, "../../cmd/mivaa")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build mivaa: %w\n%s", err, out)
		}
	}
	cmd := exec.Command(binary, "extract", "--quiet", "--data-dir", template, sample)
	cmd.Env = cleanEnv()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("first extract: %w\n%s", err, out)
	}
	return nil
}

// startBrowser starts Chromium. It knows no name but the service's address, so
// that what a page asked of another host would come to nothing.
func startBrowser() error {
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"),
		chromedp.NoSandbox, // CI is root in a container
		chromedp.DisableGPU,
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"),
	)
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), flags...)
	ctx, stop := chromedp.NewContext(allocator)
	atEnd = append(atEnd, cancel, stop)
	if err := chromedp.Do(ctx); err != nil {
		return fmt.Errorf("start chromium: %w", err)
	}
	chromium = ctx
	return nil
}

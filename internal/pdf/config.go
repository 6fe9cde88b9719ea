package pdf

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Config says how a Pool reads. Its zero value works.
type Config struct {
	Readers     int           // reader processes; 0: one a CPU that may be used
	PageTimeout time.Duration // for one page, or for opening a document; 0: 60 s
	PageMemory  int64         // resident bytes a reader may have; 0: 512 MiB. PDFium's own memory is limited to half of it
	MaxPages    int           // a document may have; 0: 20,000

	// Available returns how many bytes of memory can be had before the kernel begins
	// to end processes; not ok: nobody knows. A reader begins to work only where
	// all that work may come to have PageMemory; else whoever needs it waits. Nil:
	// nobody waits.
	Available func() (bytes int64, ok bool)

	// CacheDir keeps PDFium's compiled code, 22 MB of it, which takes seconds to
	// make. Whoever can write there can run code as us: it is made 0700. Empty:
	// a directory of the Pool's own, gone when it is closed.
	CacheDir string

	// Command starts a reader; what a reader needs is added as one more
	// argument. Empty: this executable with the argument ReaderCommand, which has
	// to call ReaderMain.
	Command []string

	Logger *slog.Logger // nil: none

	// PageRead is told of each page that a reader was given: how long it took,
	// and the code of its failure, "" where it was read. Nil: nobody is told.
	PageRead func(took time.Duration, code string)
}

// smallestMemory is what a reader needs to be of any use: PDFium's compiled
// code alone takes 40 MiB.
const smallestMemory = 96 << 20

func (c Config) withDefaults() (Config, error) {
	if c.Readers == 0 {
		c.Readers = runtime.GOMAXPROCS(0)
	}
	if c.PageTimeout == 0 {
		c.PageTimeout = time.Minute
	}
	if c.PageMemory == 0 {
		c.PageMemory = 512 << 20
	}
	if c.MaxPages == 0 {
		c.MaxPages = 20_000
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	var problems []error
	if c.Readers < 0 {
		problems = append(problems, fmt.Errorf("readers: %d is negative", c.Readers))
	}
	if c.PageTimeout < 0 {
		problems = append(problems, fmt.Errorf("page timeout: %v is negative", c.PageTimeout))
	}
	if c.PageMemory < smallestMemory {
		problems = append(problems, fmt.Errorf("page memory: %d bytes are less than %d MiB", c.PageMemory, smallestMemory>>20))
	}
	if c.PageMemory > 4<<30 {
		problems = append(problems, fmt.Errorf("page memory: %d bytes are more than 4 GiB, and PDFium can use no more than 2", c.PageMemory))
	}
	if c.MaxPages < 0 {
		problems = append(problems, fmt.Errorf("most pages: %d is negative", c.MaxPages))
	}
	if len(c.Command) == 0 {
		self, err := executable()
		if err != nil {
			problems = append(problems, fmt.Errorf("find this executable: %w", err))
		}
		c.Command = []string{self, ReaderCommand}
	}
	return c, errors.Join(problems...)
}

// engineVersion names the compiled code's directory: code of an older version
// is never looked at.
const engineVersion = "go-pdfium-v1.21.4"

// prepareCache makes the directory of compiled code. own says that it is the
// pool's to remove.
func prepareCache(dir string) (path string, own bool, err error) {
	if dir == "" {
		path, err = os.MkdirTemp("", "mivaa-pdf-")
		return path, true, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", false, err
	}
	path = filepath.Join(dir, engineVersion)
	for _, d := range []string{dir, path} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return "", false, err
		}
	}
	// What runs as native code must not be anyone else's to write.
	return path, false, os.Chmod(path, 0o700)
}

// cold says whether the directory has no compiled code yet.
func cold(cache string) bool {
	files, err := filepath.Glob(filepath.Join(cache, "wazero-*-"+runtime.GOARCH+"-"+runtime.GOOS, "*"))
	return err != nil || len(files) == 0
}

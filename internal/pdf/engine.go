package pdf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	pdfium "github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// engine is PDFium in its sandbox: one instance at a time, which sees one
// document in its life. It belongs to one goroutine: closing an instance while
// another goroutine is in a call kills the whole process.
//
// go-pdfium supplies the WebAssembly module, what it imports, and the callback
// for reading the document. Its own API is not used for the calls: every handle
// there is a string in a map, and a character takes a handful of calls. The
// module's functions are called directly, at a tenth of the cost.
//
// A trap (PDFium aborted, ran off its memory or its stack) is a panic with a
// trap as its value; whoever answers the service recovers it and gives the
// process up.
type engine struct {
	ctx     context.Context //nolint:containedctx // never cancelled: how wazero is given the allocator and the listener
	pool    pdfium.Pool
	memory  *sandbox
	catcher *moduleCatcher

	inst    pdfium.Pdfium
	mod     api.Module
	mem     api.Memory
	fns     [fnCount]api.Function
	stack   [16]uint64
	source  *source
	access  uint32 // FPDF_FILEACCESS, through which PDFium reads source
	scratch uint32 // scratchSize bytes for results
	form    uint64 // of formDoc; 0: it has none
	formDoc uint64
}

const scratchSize = 4096

// trap is what a failed call panics with.
type trap struct{ err error }

// newEngine compiles PDFium, or loads its compiled code from cacheDir, and makes
// the first instance. limit is the most bytes an instance's memory may have.
func newEngine(cacheDir string, limit int64, src *source) (*engine, error) {
	config := wazero.NewRuntimeConfigCompiler().
		WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
		WithDebugInfoEnabled(false)
	if cacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(cacheDir)
		if err != nil {
			return nil, fmt.Errorf("open cache of compiled code: %w", err)
		}
		config = config.WithCompilationCache(cache)
	}
	e := &engine{memory: &sandbox{limit: uint64(limit)}, catcher: &moduleCatcher{}, source: src}
	e.ctx = experimental.WithMemoryAllocator(context.Background(), e.memory)
	e.ctx = experimental.WithFunctionListenerFactory(e.ctx, e.catcher)
	pool, err := webassembly.Init(webassembly.Config{
		Context:       e.ctx,
		MaxTotal:      1,
		FSConfig:      wazero.NewFSConfig(), // nothing mounted; the default is the host's whole file system
		RuntimeConfig: config,
		Stdout:        io.Discard,
		Stderr:        os.Stderr,
	})
	if err != nil {
		return nil, fmt.Errorf("compile PDFium: %w", err)
	}
	e.pool = pool
	if err := e.renew(); err != nil {
		return nil, err
	}
	return e, nil
}

// renew replaces the instance: some milliseconds, and all its memory is given
// back. Memory of WebAssembly only grows, so this is the only way to shrink it,
// and nothing of one document is left for the next to find.
func (e *engine) renew() error {
	if e.inst != nil {
		if err := e.inst.Close(); err != nil {
			return fmt.Errorf("close PDFium: %w", err)
		}
		e.inst, e.mod = nil, nil
		e.form, e.formDoc = 0, 0
	}
	inst, err := e.pool.GetInstance(time.Minute)
	if err != nil {
		return fmt.Errorf("start PDFium: %w", err)
	}
	e.inst, e.mod = inst, e.catcher.take()
	if e.mod == nil {
		return errors.New("start PDFium: its module was not seen")
	}
	e.mem = e.mod.Memory()
	for i, name := range fnNames {
		if e.fns[i] = e.mod.ExportedFunction(name); e.fns[i] == nil {
			return fmt.Errorf("start PDFium: it does not export %s", name)
		}
	}
	files, ok := inst.GetImplementation().(interface {
		CreateFileAccessReader(int64, io.ReadSeeker) (*uint64, *uint32, error)
	})
	if !ok {
		return errors.New("start PDFium: go-pdfium does not let us supply a reader")
	}
	const anySize = 1 // written for each document
	access, _, err := files.CreateFileAccessReader(anySize, e.source)
	if err != nil {
		return fmt.Errorf("start PDFium: %w", err)
	}
	e.access = uint32(*access)
	if got, _ := e.mem.ReadUint32Le(e.access); got != anySize {
		return errors.New("start PDFium: the file's length is not where it should be")
	}
	e.scratch = uint32(e.call(fnMalloc, scratchSize))
	if e.scratch == 0 {
		return errors.New("start PDFium: no memory")
	}
	return nil
}

// call calls a function of PDFium.
func (e *engine) call(f fn, args ...uint64) uint64 {
	copy(e.stack[:], args)
	if err := e.fns[f].CallWithStack(e.ctx, e.stack[:]); err != nil {
		panic(trap{err})
	}
	return e.stack[0]
}

// ok calls a function that returns a truth value.
func (e *engine) ok(f fn, args ...uint64) bool { return uint32(e.call(f, args...)) != 0 }

// count calls a function that returns a signed number, -1 for a failure.
func (e *engine) count(f fn, args ...uint64) int { return int(int32(e.call(f, args...))) }

// result is the first n bytes of the scratch memory, valid until the next call.
func (e *engine) result(n uint32) []byte {
	b, ok := e.mem.Read(e.scratch, n)
	if !ok {
		panic(trap{errors.New("scratch memory is out of range")})
	}
	return b
}

// arg is the address of the scratch memory from offset on, as an argument.
func (e *engine) arg(offset uint32) uint64 { return uint64(e.scratch + offset) }

func (e *engine) float32(offset uint32) float64 {
	v, _ := e.mem.ReadFloat32Le(e.scratch + offset)
	return float64(v)
}

func asFloat32(v uint64) float64 { return float64(math.Float32frombits(uint32(v))) }

// cString puts a string into PDFium's memory; free it.
func (e *engine) cString(s string) uint64 {
	p := e.call(fnMalloc, uint64(len(s)+1))
	if p == 0 || !e.mem.Write(uint32(p), append([]byte(s), 0)) {
		panic(trap{errors.New("no memory for a string")})
	}
	return p
}

// longestText is the most bytes of a title, a URI, a name: more is cut to none.
const longestText = 64 << 10

// text reads what a function writes into a buffer it is given: fill is called
// with the buffer's address and size and returns the bytes it needs.
func (e *engine) text(fill func(buf, size uint64) uint64) []byte {
	n := uint32(fill(e.arg(0), scratchSize))
	if n == 0 || n > longestText {
		return nil
	}
	if n <= scratchSize {
		return e.result(n)
	}
	p := e.call(fnMalloc, uint64(n))
	if p == 0 {
		return nil
	}
	defer e.call(fnFree, p)
	fill(p, uint64(n))
	b, ok := e.mem.Read(uint32(p), n)
	if !ok {
		return nil
	}
	return append([]byte(nil), b...)
}

// utf16 is text in UTF-16 with a 0 at its end, what most functions write.
func (e *engine) utf16(fill func(buf, size uint64) uint64) string {
	b := e.text(fill)
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		u := uint16(b[0]) | uint16(b[1])<<8
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return fromUTF16(units)
}

func fromUTF16(units []uint16) string { return string(utf16.Decode(units)) }

// bytes8 is text in bytes with a 0 at its end; what is no UTF-8 is taken for Latin-1.
func (e *engine) bytes8(fill func(buf, size uint64) uint64) string {
	s, _, _ := strings.Cut(string(e.text(fill)), "\x00")
	return fromBytes(s)
}

// moduleCatcher gets hold of the module that go-pdfium instantiates and keeps
// to itself: it listens to the one call of FPDF_InitLibrary that every instance
// begins with.
type moduleCatcher struct{ mod api.Module }

func (c *moduleCatcher) NewFunctionListener(def api.FunctionDefinition) experimental.FunctionListener {
	if slices.Contains(def.ExportNames(), "FPDF_InitLibrary") {
		return c
	}
	return nil
}

func (c *moduleCatcher) Before(_ context.Context, mod api.Module, _ api.FunctionDefinition, _ []uint64, _ experimental.StackIterator) {
	c.mod = mod
}

func (c *moduleCatcher) After(context.Context, api.Module, api.FunctionDefinition, []uint64) {}

func (c *moduleCatcher) Abort(context.Context, api.Module, api.FunctionDefinition, error) {}

func (c *moduleCatcher) take() api.Module {
	mod := c.mod
	c.mod = nil
	return mod
}

package pdf

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"

	"github.com/mivaa/mivaa/internal/layout"
)

// ReaderCommand is the first argument of an executable that is to run as a
// reader: it then does nothing but os.Exit(ReaderMain(os.Args[2:])).
const ReaderCommand = "pdf-reader"

// Exit codes of a reader, for the log.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitOrphan = 3
)

// ReaderMain is a reader: it answers the service on standard input and output
// until its input ends, and then ends the process, whatever it is doing. args
// are the arguments after ReaderCommand. It is not for people to call.
func ReaderMain(args []string) int {
	var s settings
	if len(args) != 1 || json.Unmarshal([]byte(args[0]), &s) != nil {
		fmt.Fprintln(os.Stderr, "this command is how the service starts its PDF readers; it is of no use by itself")
		return exitUsage
	}
	// When to stop is the service's decision alone: Ctrl-C reaches the whole terminal.
	signal.Ignore(stopSignals...)
	if !guardedBy(s.Parent) {
		return exitOrphan
	}
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0))) // one for the watch over stdin

	w := &readerMain{in: make(chan frame), out: os.Stdout}
	os.Stdout = os.Stderr // nobody else may write between two frames
	go w.listen(os.Stdin) // ends with the process
	if err := w.start(s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	if err := w.serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	return exitDone
}

type readerMain struct {
	in     chan frame
	out    *os.File
	engine *engine

	request openRequest   // of the document that is open, or to be opened again
	has     bool          // there is a request
	doc     uint64        // 0: not open
	raster  *raster       // the document, if it is a picture
	glyphs  layout.Glyphs // of the latest page, and its record: memory to use again
	record  []byte
	gc      collector
}

// listen owns standard input. It must never wait for PDFium: when the service is
// gone, this is what ends a reader in mid-page.
func (w *readerMain) listen(stdin io.Reader) {
	in := bufio.NewReaderSize(stdin, 64<<10)
	// One buffer for all: the service sends nothing more before it was asked to,
	// and by then the last frame has been used. Garbage would stay until the call ends.
	var buf []byte
	for {
		f, err := readFrame(in, buf)
		if err != nil {
			os.Exit(exitDone) //nolint:forbidigo // there is nothing to clean up, and no time
		}
		w.in <- f
		buf = f.payload
	}
}

// start warms the engine up and says so.
func (w *readerMain) start(s settings) error {
	src := &source{fetch: w.fetch}
	e, err := newEngine(s.Cache, s.Sandbox, src)
	if err != nil {
		// Code that was cut off when the power went stays so: make it anew. Code that
		// cannot be kept (the disk is full) is made for this process alone.
		fmt.Fprintln(os.Stderr, "the compiled code is not usable:", err)
		if err = os.RemoveAll(s.Cache); err == nil {
			e, err = newEngine(s.Cache, s.Sandbox, src)
		}
		if err != nil {
			e, err = newEngine("", s.Sandbox, src)
		}
		if err != nil {
			return err
		}
	}
	w.engine = e
	dropPrivileges()
	// From here on a collection happens between requests only: code of
	// WebAssembly cannot be interrupted, so a collection that begins in a call
	// would stop everything, the watch over stdin too, until the call returns.
	w.gc.off()
	return writeFrame(w.out, frameHello, nil)
}

// fetch asks the service for a part of the document.
func (w *readerMain) fetch(offset int64, length int) ([]byte, error) {
	if err := writeFrame(w.out, frameRead, encodeRead(offset, length)); err != nil {
		return nil, err
	}
	f := <-w.in
	if f.kind != frameData || len(f.payload) != length {
		return nil, errSourceRead
	}
	return f.payload, nil
}

// serve answers requests; it returns after a failure that this process cannot
// go on from.
func (w *readerMain) serve() error {
	for f := range w.in {
		kind, payload, broken := w.answer(f)
		if kind != 0 {
			if err := writeFrame(w.out, kind, payload); err != nil {
				return err
			}
		}
		if broken != nil {
			return broken
		}
		w.gc.collect()
	}
	return nil
}

// answer answers one request. A trap in PDFium is an answer too, and the last.
func (w *readerMain) answer(f frame) (kind byte, payload []byte, broken error) {
	defer func() {
		switch t := recover().(type) {
		case nil:
		case trap:
			broken = t.err
			kind, payload = frameFailed, encodeFailure(w.trapped(t), true)
		default:
			panic(t)
		}
	}()
	var err error
	switch f.kind {
	case frameOpen:
		kind, payload, err = w.open(f.payload)
	case framePage:
		kind, payload, err = w.page(f.payload)
	case frameOutline:
		kind, payload, err = w.outline()
	case frameRender:
		kind, payload, err = w.render(f.payload)
	case frameImages:
		kind, payload, err = w.images(f.payload)
	case frameImage:
		kind, payload, err = w.image(f.payload)
	case frameAttachments:
		kind, payload, err = w.attachments()
	case frameAttachment:
		kind, payload, err = w.attachment(f.payload)
	case frameForget:
		w.forget()
		err = w.engine.renew()
		broken = err
		return 0, nil, broken
	case framePing:
		return framePong, nil, nil
	default:
		err = fmt.Errorf("frame of unknown kind %q", f.kind)
	}
	if w.engine.memory.refused {
		// PDFium may go on without what it did not get: text would be missing, or
		// the page would seem damaged.
		err = fail(CodeOutOfMemory, "PDFium needs more than %d MiB of memory", w.engine.memory.limit>>20)
		return frameFailed, encodeFailure(err, true), err
	}
	if err != nil {
		e, ok := errors.AsType[*Error](err)
		if !ok {
			return frameFailed, encodeFailure(&Error{Code: CodeInternal, Err: err}, true), err
		}
		return frameFailed, encodeFailure(e, false), nil
	}
	return kind, payload, nil
}

func encodeFailure(err error, broken bool) []byte {
	b, jsonErr := json.Marshal(failure{Code: codeOf(err), Error: err.Error(), Broken: broken})
	if jsonErr != nil {
		panic(jsonErr) // strings and a bool
	}
	return b
}

// trapped names the reason of a trap: PDFium aborts when it is refused memory.
func (w *readerMain) trapped(t trap) *Error {
	if w.engine.memory.refused {
		return fail(CodeOutOfMemory, "PDFium needs more than %d MiB of memory", w.engine.memory.limit>>20)
	}
	first, _, _ := strings.Cut(t.err.Error(), "\n") // a stack trace follows
	return fail(CodeReaderCrashed, "PDFium crashed: %s", first)
}

func (w *readerMain) forget() { w.request, w.has, w.doc, w.raster = openRequest{}, false, 0, nil }

func (w *readerMain) open(payload []byte) (byte, []byte, error) {
	var request openRequest
	if err := json.Unmarshal(payload, &request); err != nil {
		return 0, nil, fmt.Errorf("decode request: %w", err)
	}
	if w.has {
		w.forget()
		if err := w.engine.renew(); err != nil {
			return 0, nil, err
		}
	}
	w.request, w.has = request, true
	if err := w.reopen(); err != nil {
		return 0, nil, err
	}
	if !request.Describe {
		return frameInfo, nil, nil
	}
	info, err := json.Marshal(w.describe())
	return frameInfo, info, err
}

func (w *readerMain) describe() description {
	if w.raster != nil {
		return w.raster.describe()
	}
	return w.engine.describe(w.doc)
}

func (w *readerMain) reopen() error {
	if w.request.Media != PDF {
		return w.openRaster()
	}
	doc, err := w.engine.open(w.request.Size, string(w.request.Password))
	w.doc = doc
	return err
}

// ready sees to it that the document is open.
func (w *readerMain) ready() error {
	switch {
	case !w.has:
		return errors.New("request without a document")
	case w.doc == 0 && w.raster == nil:
		return w.reopen()
	}
	return nil
}

func (w *readerMain) outline() (byte, []byte, error) {
	if err := w.ready(); err != nil {
		return 0, nil, err
	}
	if w.raster != nil { // nobody asks: it says that it has none
		return frameBookmarks, []byte("[]"), nil
	}
	items, err := json.Marshal(w.engine.outline(w.doc))
	return frameBookmarks, items, err
}

func (w *readerMain) page(payload []byte) (byte, []byte, error) {
	number, err := decodePage(payload)
	if err != nil {
		return 0, nil, err
	}
	if err := w.ready(); err != nil {
		return 0, nil, err
	}
	if w.raster != nil {
		return w.rasterPage(number)
	}
	if !w.engine.readPage(w.doc, number, &w.glyphs) {
		return 0, nil, fail(CodeDamaged, "damaged: PDFium cannot load it")
	}
	page := layout.Read(w.glyphs)
	if size := weight(&page); size > maxRecord {
		return 0, nil, fail(CodeOutOfMemory, "too large: its record has %d MiB, more than %d", size>>20, maxRecord>>20)
	}
	w.record = encodeRecord(w.record[:0], &page)
	return framePageRecord, w.record, w.shrink(w.engine.memory.limit / 2)
}

// shrink begins again where PDFium has more than so many bytes: it keeps every
// stream of every page until the document is closed, and its memory never shrinks.
func (w *readerMain) shrink(most uint64) error {
	if w.engine.memory.refused || uint64(w.engine.mem.Size()) <= most {
		return nil
	}
	w.doc = 0
	return w.engine.renew()
}

// collector runs the garbage collector by hand.
type collector struct {
	sample []metrics.Sample
	last   uint64
}

// garbage is how many bytes are allocated between two collections.
const garbage = 32 << 20

func (c *collector) off() {
	debug.SetGCPercent(-1)
	debug.FreeOSMemory() // what compiling left
	c.sample = []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(c.sample)
	c.last = c.sample[0].Value.Uint64()
}

func (c *collector) collect() {
	metrics.Read(c.sample)
	if now := c.sample[0].Value.Uint64(); now-c.last > garbage {
		runtime.GC()
		c.last = now
	}
}

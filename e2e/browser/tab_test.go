package browser

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// look is how a page is looked at.
type look struct {
	name          string
	width, height int64
	phone, dark   bool
	noScript      bool
}

var (
	light = look{name: "light", width: 1280, height: 860}
	dark  = look{name: "dark", width: 1280, height: 860, dark: true}
	phone = look{name: "phone", width: 360, height: 740, phone: true}
)

// tab is a page in a browser of its own: its own cookies, cache and storage.
// Everything that the tests know of chromedp is in this file.
type tab struct {
	t   testing.TB
	ctx context.Context // chromedp's handle of the tab

	mu       sync.Mutex
	asked    []string // every address that was asked for
	mistakes []string // what the page did wrong: exceptions, refusals by the policy
}

// open opens an empty tab. It is closed at the end of the test.
func open(t testing.TB, l look) *tab {
	t.Helper()
	needs(t)
	ctx, cancel := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatal(err)
	}
	b.do(call(network.Enable, network.EnableParams{}), call(cdplog.Enable, cdp.Empty{}))
	b.see(l)
	return b
}

// see changes how the tab is looked at.
func (b *tab) see(l look) {
	b.t.Helper()
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	var as []chromedp.EmulateViewportOption
	if l.phone {
		as = append(as, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	b.do(
		chromedp.EmulateViewport(l.width, l.height, as...),
		call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}}),
		call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: l.noScript}),
	)
}

// note is called in the loop that reads the browser's messages.
func (b *tab) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.asked = append(b.asked, e.Request.URL)
	case *runtime.EventExceptionThrown:
		b.mistakes = append(b.mistakes, exception(e.ExceptionDetails))
	case *cdplog.EventEntryAdded:
		if e.Entry.Source == "security" || strings.Contains(e.Entry.Text, "Content Security Policy") {
			b.mistakes = append(b.mistakes, e.Entry.Text)
		}
	}
}

func exception(d *runtime.ExceptionDetails) string {
	if d.Exception != nil && d.Exception.Description != "" {
		return d.Exception.Description
	}
	return d.Text
}

// visit goes to an address and waits until the page is loaded.
func (b *tab) visit(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
}

// click clicks, as a mouse does, the first element that a selector finds.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.until("there is a "+selector, "!!document.querySelector("+quote(selector)+")")
	b.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

const arrowLeft, arrowRight = kb.ArrowLeft, kb.ArrowRight

// press types keys.
func (b *tab) press(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// choose gives a file to an input.
func (b *tab) choose(selector, file string) {
	b.t.Helper()
	b.do(chromedp.SetUploadFiles(chromedp.CSS(selector), []string{file}, chromedp.NodeReady))
}

// until waits until an expression is true, whatever page is there by then.
func (b *tab) until(what, expression string) {
	b.t.Helper()
	eventually(b.t, what, func() bool {
		met, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		return err == nil && met // an error: the page is just being replaced
	})
}

// ask returns what an expression, or the promise it gives, comes to.
func ask[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%.200s: %v", expression, err)
	}
	return v
}

// text is what a person reads of the page.
func (b *tab) text() string {
	b.t.Helper()
	return ask[string](b, "document.body.innerText")
}

// requests returns the addresses asked for so far.
func (b *tab) requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.asked...)
}

// noMistakes fails if a page threw an exception or its policy refused something.
func (b *tab) noMistakes() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.mistakes {
		b.t.Errorf("the page: %s", m)
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// call is an action that sends a command of the protocol.
func call[P, R any](cmd cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, cmd, params)
		return err
	})
}

func quote(s string) string {
	data, _ := json.Marshal(s) // a string always can be
	return string(data)
}

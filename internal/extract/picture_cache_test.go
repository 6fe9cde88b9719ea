package extract

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mivaa/mivaa/internal/pdf"
)

// value makes v of so many bytes and counts how often.
func value(v any, size int64, count *atomic.Int64) makeFunc {
	return func(context.Context) (any, int64, error) {
		count.Add(1)
		return v, size, nil
	}
}

// However many want the same, it is made once, and kept.
func TestCacheMakesOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCache(2, 1<<20)
		defer c.close()
		var made atomic.Int64
		going := make(chan struct{})
		slow := func(context.Context) (any, int64, error) {
			made.Add(1)
			<-going
			return "picture", 10, nil
		}
		var all sync.WaitGroup
		for range mostWaiting {
			all.Go(func() {
				if v, err := c.get(t.Context(), pictureKey{page: 1}, slow); v != "picture" || err != nil {
					t.Errorf("%v, %v", v, err)
				}
			})
		}
		synctest.Wait()
		close(going)
		all.Wait()
		if v, err := c.get(t.Context(), pictureKey{page: 1}, slow); v != "picture" || err != nil || made.Load() != 1 {
			t.Errorf("%v, %v, made %d times", v, err, made.Load())
		}
	})
}

func TestCacheMakesFewAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCache(2, 1<<20)
		defer c.close()
		var now, most atomic.Int64
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				_, err := c.get(t.Context(), pictureKey{page: i}, func(context.Context) (any, int64, error) {
					if n := now.Add(1); n > most.Load() {
						most.Store(n)
					}
					<-time.After(time.Second) // of the bubble's clock
					now.Add(-1)
					return nil, 0, nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if most.Load() != 2 {
			t.Errorf("%d at once, want 2", most.Load())
		}
	})
}

// When nobody waits any more the making ends; who comes then begins anew.
func TestCacheEndsWhatNobodyWants(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCache(2, 1<<20)
		defer c.close()
		ended := make(chan struct{})
		hang := func(ctx context.Context) (any, int64, error) {
			<-ctx.Done()
			close(ended)
			return nil, 0, context.Cause(ctx)
		}
		first, goFirst := context.WithCancel(t.Context())
		second, goSecond := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		for _, ctx := range []context.Context{first, second} {
			go func() {
				_, err := c.get(ctx, pictureKey{}, hang)
				errs <- err
			}()
		}
		synctest.Wait()
		goFirst()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		synctest.Wait()
		select {
		case <-ended:
			t.Fatal("the making ended while somebody waited")
		default:
		}
		goSecond()
		<-ended
		if err := <-errs; err != nil {
			t.Logf("the others: %v", err)
		}
		var made atomic.Int64
		if v, err := c.get(t.Context(), pictureKey{}, value(1, 0, &made)); v != 1 || err != nil {
			t.Errorf("afterwards: %v, %v", v, err)
		}
	})
}

// What is kept never takes more than there is room for; what was used last stays.
func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	const most = 100_000
	c := newCache(2, most)
	defer c.close()
	var made atomic.Int64
	get := func(page int, size int64) {
		if _, err := c.get(t.Context(), pictureKey{page: page}, value(page, size, &made)); err != nil {
			t.Fatal(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.size > most || len(c.kept) != c.recent.Len() {
			t.Fatalf("%d bytes kept in %d entries (%d)", c.size, len(c.kept), c.recent.Len())
		}
	}
	for page := range 1000 {
		get(page, 1000)
		get(0, 1000)
	}
	if made.Load() != 1000 {
		t.Errorf("made %d times: the one used most was not kept", made.Load())
	}
	get(5000, 2*most) // too large to keep, and given all the same
	get(0, 1000)
	if made.Load() != 1001 {
		t.Error("something too large drove out the rest")
	}
	for page := range 1000 {
		get(10_000+page, 0) // what takes nothing takes its entry
	}
}

// A failure of the document is remembered for a minute, one of ours is not.
func TestCacheRemembersBlame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCache(2, 1<<20)
		defer c.close()
		for i, test := range []struct {
			err  error
			want int64 // makes in two calls
		}{
			{&pdf.Error{Code: pdf.CodePageTimeout, Err: errors.New("not done")}, 1},
			{fmt.Errorf("draw: %w", &pdf.Error{Code: pdf.CodeReaderCrashed, Err: errors.New("crashed")}), 1},
			{&pdf.Error{Code: pdf.CodeInternal, Err: errors.New("disk")}, 2},
			{errors.New("store away"), 2},
		} {
			var made atomic.Int64
			dpi := 0
			get := func() {
				dpi++ // however it is asked for
				_, err := c.get(t.Context(), pictureKey{page: i + 1, dpi: dpi}, func(context.Context) (any, int64, error) {
					made.Add(1)
					return nil, 0, test.err
				})
				if !errors.Is(err, test.err) {
					t.Errorf("%v in place of %v", err, test.err)
				}
			}
			get()
			get()
			if made.Load() != test.want {
				t.Errorf("%v: made %d times, want %d", test.err, made.Load(), test.want)
			}
			<-time.After(blameFor + time.Second) // of the bubble's clock
			get()
			if made.Load() != test.want+1 {
				t.Errorf("%v: made %d times after a minute", test.err, made.Load())
			}
		}
	})
}

func TestCacheCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCache(1, 1<<20)
		errs := make(chan error, 3)
		for page := range 3 { // one is made, two wait for a slot
			go func() {
				_, err := c.get(t.Context(), pictureKey{page: page}, func(ctx context.Context) (any, int64, error) {
					<-ctx.Done()
					return nil, 0, context.Cause(ctx)
				})
				errs <- err
			}()
		}
		synctest.Wait()
		c.close()
		for range 3 {
			if err := <-errs; !errors.Is(err, pdf.ErrClosed) {
				t.Error(err)
			}
		}
		if _, err := c.get(t.Context(), pictureKey{}, nil); !errors.Is(err, pdf.ErrClosed) {
			t.Errorf("after close: %v", err)
		}
	})
}

// A page that fails costs one attempt, though it was asked for in many ways
// before it failed; other pages, and other sources, are not blamed, and what was
// made before is still given.
func TestCacheBlamesThePage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCache(1, 1<<20)
		defer c.close()
		var made atomic.Int64
		before := pictureKey{page: 1, list: true}
		if _, err := c.get(t.Context(), before, value("list", 0, &made)); err != nil {
			t.Fatal(err)
		}
		bad := &pdf.Error{Code: pdf.CodePageTimeout, Err: errors.New("not done")}
		var tried atomic.Int64
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				_, err := c.get(t.Context(), pictureKey{page: 1, dpi: 18 + i, image: i % 2}, func(context.Context) (any, int64, error) {
					tried.Add(1)
					pass(10 * time.Second)
					return nil, 0, bad
				})
				if !errors.Is(err, bad) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if tried.Load() != 1 {
			t.Errorf("the page was tried %d times", tried.Load())
		}
		pass(blameFor - time.Second)
		if _, err := c.get(t.Context(), pictureKey{page: 1, dpi: 500}, nil); !errors.Is(err, bad) {
			t.Error(err)
		}
		for _, key := range []pictureKey{before, {page: 2, dpi: 18}, {src: sourceKey{sha256: "b"}, page: 1}, {src: sourceKey{mark: [32]byte{1}}, page: 1}} {
			if _, err := c.get(t.Context(), key, value("ok", 0, &made)); err != nil {
				t.Errorf("%+v: %v", key, err)
			}
		}
	})
}

// A bounded number of requests wait, and none longer for its turn than is
// reasonable: nobody who asks for many pictures makes everybody wait.
func TestCacheIsBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCache(1, 1<<20)
		defer c.close()
		slow := func(context.Context) (any, int64, error) {
			pass(2 * mostWait)
			return "picture", 0, nil
		}
		began := time.Now()
		errs := make(chan error, mostWaiting)
		ask := func(page int) {
			_, err := c.get(t.Context(), pictureKey{page: page}, slow)
			errs <- err
		}
		go ask(0)
		synctest.Wait() // it is its turn
		for page := 1; page < mostWaiting; page++ {
			go ask(page)
		}
		synctest.Wait()
		if _, err := c.get(t.Context(), pictureKey{page: 99}, slow); !errors.Is(err, ErrBusy) {
			t.Errorf("one more than may wait: %v", err)
		}
		for range mostWaiting - 1 {
			if err := <-errs; !errors.Is(err, ErrBusy) || time.Since(began) != mostWait {
				t.Fatalf("%v after %v", err, time.Since(began))
			}
		}
		if err := <-errs; err != nil || time.Since(began) != 2*mostWait {
			t.Errorf("the one whose turn it was: %v after %v", err, time.Since(began))
		}
		var made atomic.Int64
		if v, err := c.get(t.Context(), pictureKey{page: 99}, value(1, 0, &made)); v != 1 || err != nil {
			t.Errorf("afterwards: %v, %v", v, err)
		}
	})
}

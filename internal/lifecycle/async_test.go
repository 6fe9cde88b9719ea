package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// gate is a writer whose reader can be stopped.
type gate struct {
	open chan struct{}
	buffer
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	return g.buffer.Write(p)
}

// A reader that stands still holds nobody up; once it goes on it is told how
// much it missed.
func TestAsyncWriterNeverBlocks(t *testing.T) {
	t.Parallel()
	g := &gate{open: make(chan struct{})}
	a := NewAsyncWriter(g)
	for i := range lineLimit + 100 {
		fmt.Fprintf(a, "line %d\n", i)
	}
	close(g.open)
	a.Close(time.Minute)
	got := g.lines()
	told := slices.ContainsFunc(got, func(l string) bool { return strings.Contains(l, "lines of the log were dropped") })
	if !slices.Contains(got, "line 0") || !told {
		t.Errorf("%d lines, the drop told: %t", len(got), told)
	}
	fmt.Fprintln(a, "too late")
	a.Close(time.Minute)
}

func TestAsyncWriterGivesUp(t *testing.T) {
	t.Parallel()
	g := &gate{open: make(chan struct{})}
	a := NewAsyncWriter(g)
	fmt.Fprintln(a, "a line that nobody reads")
	a.Close(time.Millisecond)
	close(g.open)
	a.Close(time.Minute)
}

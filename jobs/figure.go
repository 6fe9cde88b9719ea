package jobs

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"
)

// Spans remembers the figures of spans that are over, for the Figures of a
// Console. The zero value is ready; it holds some thousands of spans.
type Spans struct {
	mu    sync.Mutex
	known map[span]Figure
}

type span struct {
	at    int64 // seconds since 1970
	every time.Duration
}

const (
	mostSpans   = 400  // of one answer
	mostKnown   = 4096 // that are remembered
	settledSpan = time.Minute
)

// Figures answers as Console.Figures does: it has what is not remembered counted
// and remembers what is over by now, a minute ago or more, since a transaction
// may write a time that lies behind. count is given consecutive spans to fill
// in, with their At and an empty map set; all it finds lies within them.
func (s *Spans) Figures(from time.Time, every time.Duration, n int, now time.Time, count func(figures []Figure) error) ([]Figure, error) {
	if err := checkSpans(every, n); err != nil {
		return nil, err
	}
	figures := make([]Figure, n)
	missing := n
	s.mu.Lock()
	for i := range figures {
		at := from.UTC().Truncate(every).Add(time.Duration(i) * every)
		f, known := s.known[span{at.Unix(), every}]
		if !known {
			f = Figure{At: at}
			missing = min(missing, i)
		}
		if f.Interruptions = maps.Clone(f.Interruptions); f.Interruptions == nil {
			f.Interruptions = map[Cause]int{}
		}
		figures[i] = f
	}
	s.mu.Unlock()
	if missing == n {
		return figures, nil
	}
	for i := missing; i < n; i++ { // one behind may be known: all is counted anew
		figures[i] = Figure{At: figures[i].At, Interruptions: map[Cause]int{}}
	}
	if err := count(figures[missing:]); err != nil {
		return nil, err
	}
	s.keep(figures[missing:], every, now)
	return figures, nil
}

func checkSpans(every time.Duration, n int) error {
	var errs []error
	if every < time.Second || every%time.Second != 0 {
		errs = append(errs, fmt.Errorf("a span of %v is not one of whole seconds", every))
	}
	if n < 1 || n > mostSpans {
		errs = append(errs, fmt.Errorf("%d spans are not between 1 and %d", n, mostSpans))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("count figures: %w", err)
	}
	return nil
}

func (s *Spans) keep(figures []Figure, every time.Duration, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known)+len(figures) > mostKnown {
		s.known = map[span]Figure{}
	}
	for _, f := range figures {
		if f.At.Add(every + settledSpan).After(now) {
			return
		}
		f.Interruptions = maps.Clone(f.Interruptions)
		s.known[span{f.At.Unix(), every}] = f
	}
}

package extract

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/mivaa/mivaa/jobs"
)

// A page that is ready waits for those behind it, but not for long, and not
// when there are enough or nothing more comes.
func TestWindowLingers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		pages int
		over  bool
		want  time.Duration
	}{
		{"one", 1, false, linger},
		{"enough", enough, false, 0},
		{"the last", 1, true, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWindow()
			began := time.Now()
			go func() {
				for seq := range tt.pages {
					w.put(t.Context(), recorded{Step: jobs.Step{Seq: seq + 1}})
				}
				if tt.over {
					w.end(nil)
				}
			}()
			got, over, err := w.take(t.Context())
			if len(got) != tt.pages || over || err != nil {
				t.Errorf("%s: %d pages, %v, %v", tt.name, len(got), over, err)
			}
			if took := time.Since(began); took != tt.want {
				t.Errorf("%s: after %v, want %v", tt.name, took, tt.want)
			}
		})
	}
}

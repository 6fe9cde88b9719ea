package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mivaa/mivaa/jobs"
)

// Bulk is a move of everything that a filter selects.
type Bulk struct {
	_      struct{}  `additionalProperties:"false"` // as in JobFilter
	Move   string    `json:"move" enum:"resume,retry,restart,cancel"`
	Filter JobFilter `json:"filter" doc:"{} selects everything that the move is legal for"`
	DryRun bool      `json:"dry_run,omitempty" doc:"Only count"`
	Cursor string    `json:"cursor,omitempty" maxLength:"500" doc:"next_cursor of the answer before: go on there"`
}

// BulkDone is what a slice of a bulk move did. What was moved stays moved
// whatever happens to the next slice.
type BulkDone struct {
	Matched    int     `json:"matched" doc:"Jobs that the filter selects and the move is legal for, counted to 10000, where no cursor was given"`
	Moved      int     `json:"moved" doc:"In this slice"`
	Refused    int     `json:"refused" doc:"In this slice: their status changed meanwhile, or forbids it"`
	NextCursor *string `json:"next_cursor" doc:"There are more: send the request again with this cursor; null: that was all"`
}

type (
	bulkInput  struct{ Body Bulk }
	bulkOutput struct{ Body BulkDone }
)

func (a *API) bulkRoutes(h huma.API) {
	register(a, h, huma.Operation{
		OperationID: "bulk-move", Method: http.MethodPost, Path: "/api/rag/jobs/bulk", Tags: []string{tagJobs},
		Summary: "Move everything that a filter selects",
		Description: "In slices of at most 1000 jobs or about five seconds: send it again with next_cursor until that is null. " +
			"Only jobs that the move is legal for are selected. A slice that failed may be sent again. dry_run tells how many there are.",
	}, func(ctx context.Context, in *bulkInput) (*bulkOutput, error) {
		done, err := a.Bulk(ctx, in.Body, "api")
		return &bulkOutput{Body: done}, err
	})
}

const (
	mostBulk    = 1000            // jobs in a slice
	longestBulk = 5 * time.Second // of a slice
	bulkPage    = 200             // jobs read at once
	bulkAtOnce  = 16              // moves under way
)

// Bulk moves a slice of what a filter selects: at most 1,000 jobs or for about
// five seconds. by says for the history who asked.
func (a *API) Bulk(ctx context.Context, b Bulk, by string) (BulkDone, error) {
	run, err := a.newBulkRun(b, by)
	if err != nil {
		return BulkDone{}, err
	}
	if b.Cursor == "" {
		if run.done.Matched, err = run.count(ctx); err != nil {
			return BulkDone{}, err
		}
	}
	if b.DryRun {
		return run.done, nil
	}
	err = run.slice(ctx)
	return run.done, err
}

// bulkRun is one slice under way. It goes through the statuses one after the
// other, and through each from the oldest job to the newest: a job that was
// moved leaves the list, and the place in it stays right.
type bulkRun struct {
	jobs     Store
	move     jobs.Move
	by       string
	selected jobs.Filter
	statuses []jobs.Status
	at       bulkCursor
	until    time.Time

	mu   sync.Mutex
	done BulkDone
}

// bulkCursor is a place: behind a job in the list of a status; with a zero id,
// at its beginning.
type bulkCursor struct {
	Move   jobs.Move   `json:"m"`
	Status jobs.Status `json:"s"`
	At     time.Time   `json:"t,omitzero"`
	ID     jobs.ID     `json:"i,omitzero"`
}

func (a *API) newBulkRun(b Bulk, by string) (*bulkRun, error) {
	if !slices.Contains(moveWords(), b.Move) {
		return nil, invalid("body.move", "%q is not a move: resume, retry, restart or cancel", b.Move)
	}
	selected, err := b.Filter.selection("body.filter")
	if err != nil {
		return nil, err
	}
	run := &bulkRun{jobs: a.jobs, move: moveOf(b.Move), by: by, selected: selected, until: a.now().Add(longestBulk)}
	if run.statuses, err = movable(run.move, b.Move, selected); err != nil {
		return nil, err
	}
	run.at = bulkCursor{Move: run.move, Status: run.statuses[0]}
	if b.Cursor == "" {
		return run, nil
	}
	if run.at, err = decodeBulkCursor(b.Cursor); err != nil || run.at.Move != run.move || !slices.Contains(run.statuses, run.at.Status) {
		return nil, invalid("body.cursor", "not one that this service gave for this move and filter")
	}
	return run, nil
}

// movable are the statuses that a move is legal in, of those that are selected.
// A filter that names another is a mistake, and is told so.
func movable(m jobs.Move, word string, f jobs.Filter) ([]jobs.Status, error) {
	var legal []jobs.Status
	for _, s := range jobs.Statuses() {
		if _, ok := m.Target(s); ok {
			legal = append(legal, s)
		}
	}
	if f.Status == "" {
		return legal, nil
	}
	if !slices.Contains(legal, f.Status) {
		return nil, invalid("body.filter.status", "%s is not allowed for jobs that are %s", word, f.Status)
	}
	return []jobs.Status{f.Status}, nil
}

// count counts what there is to move, up to where counting ends.
func (r *bulkRun) count(ctx context.Context) (int, error) {
	total := 0
	for _, s := range r.statuses {
		f := r.selected
		f.Status = s
		n, err := r.jobs.Count(ctx, f, mostCounted)
		if err != nil {
			return 0, err
		}
		// Those that are cancelled already are left alone.
		if r.skipsCancelled() && s == jobs.Interrupted && n < mostCounted {
			f.Cause = jobs.CauseCancelled
			if r.selected.Cause != "" && r.selected.Cause != f.Cause {
				total += n
				continue
			}
			cancelled, err := r.jobs.Count(ctx, f, mostCounted)
			if err != nil {
				return 0, err
			}
			n = max(0, n-cancelled)
		}
		total += n
	}
	return min(total, mostCounted), nil
}

func (r *bulkRun) skipsCancelled() bool { return r.move == jobs.Cancel }

// slice moves jobs until there are no more, or enough for one answer.
func (r *bulkRun) slice(ctx context.Context) error {
	for seen := 0; ; {
		if seen >= mostBulk || !time.Now().Before(r.until) {
			r.done.NextCursor = text(r.at.encode())
			return nil
		}
		n, err := r.page(ctx)
		if err != nil {
			return err
		}
		if seen += n; n == bulkPage {
			continue
		}
		next := slices.Index(r.statuses, r.at.Status) + 1
		if next == len(r.statuses) {
			return nil
		}
		r.at = bulkCursor{Move: r.move, Status: r.statuses[next]}
	}
}

// page moves the jobs of one page of the list, and returns how many it held.
func (r *bulkRun) page(ctx context.Context) (int, error) {
	f := r.selected
	f.Status, f.Order, f.Limit = r.at.Status, jobs.OldestFirst, bulkPage
	if !r.at.ID.IsZero() {
		f.After = &jobs.Job{ID: r.at.ID, CreatedAt: r.at.At}
	}
	found, err := r.jobs.List(ctx, f)
	if err != nil {
		return 0, err
	}
	if err := r.moveAll(ctx, found); err != nil {
		return 0, err
	}
	if n := len(found); n > 0 {
		r.at.ID, r.at.At = found[n-1].ID, found[n-1].CreatedAt.UTC()
	}
	return len(found), nil
}

// moveAll moves some at a time, so that a store can commit them together.
func (r *bulkRun) moveAll(ctx context.Context, found []jobs.Job) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var movers sync.WaitGroup
	slots := make(chan struct{}, bulkAtOnce)
	for _, j := range found {
		if r.skipsCancelled() && j.Cause == jobs.CauseCancelled {
			continue
		}
		slots <- struct{}{}
		movers.Go(func() {
			defer func() { <-slots }()
			if ctx.Err() != nil {
				return
			}
			if err := r.one(ctx, j.ID); err != nil {
				cancel(err)
			}
		})
	}
	movers.Wait()
	return context.Cause(ctx)
}

func (r *bulkRun) one(ctx context.Context, id jobs.ID) error {
	_, err := r.jobs.Move(ctx, id, r.move, r.by)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch _, refused := errors.AsType[*jobs.MoveError](err); {
	case err == nil:
		r.done.Moved++
	case refused, errors.Is(err, jobs.ErrNotFound):
		r.done.Refused++
	default:
		return err
	}
	return nil
}

func (c bulkCursor) encode() string {
	data, _ := json.Marshal(c) // words, a time of the store, an id
	return base64.RawURLEncoding.EncodeToString(data)
}

func decodeBulkCursor(s string) (c bulkCursor, err error) {
	data, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	return c, err
}

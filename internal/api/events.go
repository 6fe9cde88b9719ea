package api

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/mivaa/mivaa/jobs"
)

// FollowParams say where in the history a stream goes on.
type FollowParams struct {
	After       int64  `query:"after" minimum:"-1" default:"-1" doc:"Go on behind this event's id"`
	LastEventID string `header:"Last-Event-ID" maxLength:"20" doc:"The same, as browsers send it when they come back; it wins over after"`
}

type jobEventsInput struct {
	IDParam
	FollowParams
	StepsAfter int `query:"steps_after" minimum:"-1" default:"-1" doc:"First the pages recorded behind this seq, at most the last 500; -1: only those recorded from now on"`
}

type eventsOutput struct{ Body func(huma.Context) }

func (a *API) eventRoutes(h huma.API) {
	const rest = " The first event is hello, with the id behind which it goes on; the last one is bye, with the reason. " +
		"A comment every 15 seconds shows that the connection lives. A client that reads too slowly is cut off: it comes back with the last id it saw."
	stream := func() map[string]*huma.Response {
		return map[string]*huma.Response{"200": {Description: "Events until the client goes or the service stops", Content: map[string]*huma.MediaType{
			"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}},
		}}}
	}
	registerOpen(a, h, huma.Operation{
		OperationID: "follow-job", Method: http.MethodGet, Path: "/api/rag/documents/job/{id}/events", Tags: []string{tagJobs},
		Summary:     "Follow a job",
		Description: "Its history, then what happens: status events have the ids of job_events, progress and step events have none." + rest,
		Responses:   stream(),
	}, a.followJob)
	registerOpen(a, h, huma.Operation{
		OperationID: "follow-jobs", Method: http.MethodGet, Path: "/api/rag/jobs/events", Tags: []string{tagJobs},
		Summary:     "Follow all jobs",
		Description: "Status and progress events of all jobs, from now on or behind an id." + rest,
		Responses:   stream(),
	}, a.followJobs)
}

// after returns the id to go on behind; -1: none was given.
func (in FollowParams) after() (int64, error) {
	if in.LastEventID == "" {
		return in.After, nil
	}
	id, err := strconv.ParseInt(in.LastEventID, 10, 64)
	if err != nil || id < 0 {
		return 0, invalid("header.Last-Event-ID", "%q is not the id of an event", in.LastEventID)
	}
	return id, nil
}

func (a *API) followJob(ctx context.Context, in *jobEventsInput) (*eventsOutput, error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	j, err := a.job(ctx, in.id())
	if err != nil {
		return nil, err
	}
	if after >= 0 {
		known, err := a.knownPlace(ctx, after)
		if err != nil {
			return nil, err
		}
		if known < after { // a job's whole history is short: none of it is missed
			after = 0
		}
	}
	return a.follow(ctx, j.ID, func(ctx context.Context, s *eventStream, _ *subscription) error {
		if err := s.begin(max(after, 0)); err != nil {
			return err
		}
		return a.sendHistory(ctx, s, j.ID)
	}, func(ctx context.Context, s *eventStream) error { return a.sendSteps(ctx, s, j.ID, in.StepsAfter) })
}

func (a *API) followJobs(ctx context.Context, in *FollowParams) (*eventsOutput, error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	if after >= 0 {
		if after, err = a.knownPlace(ctx, after); err != nil {
			return nil, err
		}
	}
	return a.follow(ctx, jobs.ID{}, func(ctx context.Context, s *eventStream, sub *subscription) error {
		if after < 0 {
			return s.begin(sub.from)
		}
		if err := s.begin(after); err != nil {
			return err
		}
		return a.sendHistoryOfAll(ctx, s, sub.from)
	}, func(context.Context, *eventStream) error { return nil })
}

// knownPlace returns where to go on behind an id. One that was never given is of
// another database, or of this one before a backup was restored, whose page is
// still open: there, what comes is behind the last id, which is less. Another process may be a moment ahead of what is settled here.
func (a *API) knownPlace(ctx context.Context, id int64) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	settling, settled := context.WithTimeout(ctx, time.Second)
	defer settled()
	hints := a.jobs.Watch(settling)
	for {
		last, err := a.jobs.LastEvent(ctx)
		if err != nil || id <= last {
			return id, err
		}
		if !pause(settling, hints, restBetween) {
			return last, context.Cause(ctx)
		}
	}
}

type (
	beginFunc   func(context.Context, *eventStream, *subscription) error
	greetedFunc func(context.Context, *eventStream) error
)

// follow takes a client in, and answers with a stream: first what begin sends,
// then what the feed brings; and what greeted sends, once the feed has looked at
// the job and tells everything that comes after that look.
func (a *API) follow(ctx context.Context, job jobs.ID, begin beginFunc, greeted greetedFunc) (*eventsOutput, error) {
	if a.isStopping() {
		return nil, stopping()
	}
	entering, cancel := a.untilStop(ctx)
	defer cancel()
	sub, err := a.hub.subscribe(entering, job)
	if err != nil {
		return nil, err
	}
	return &eventsOutput{Body: func(hc huma.Context) {
		defer a.hub.leave(sub)
		r, w := humachi.Unwrap(hc)
		s := newEventStream(w)
		if r.Method == http.MethodHead {
			return
		}
		defer s.settle()
		ctx, cancel := a.untilStop(r.Context())
		defer cancel()
		err := begin(ctx, s, sub)
		if err == nil {
			err = a.relay(ctx, s, sub, greeted)
		}
		switch {
		case a.isStopping():
			_ = s.write(byeFrame(byeStopping)) // who has gone misses nothing
		case err != nil && !s.gone && ctx.Err() == nil:
			_ = a.Explain(ctx, err) // for the log; the client comes back
			_ = s.write(byeFrame(problemOf(err).Code))
		}
	}}, nil
}

// sendHistory sends what happened to a job behind the stream's place, in pages.
func (a *API) sendHistory(ctx context.Context, s *eventStream, job jobs.ID) error {
	for {
		events, err := a.jobs.Events(ctx, job, s.last, eventPage)
		if err != nil {
			return err
		}
		if err := a.sendEvents(ctx, s, events); err != nil {
			return err
		}
		if len(events) < eventPage {
			return nil
		}
	}
}

// sendHistoryOfAll sends what happened to all jobs behind the stream's place, up
// to where the feed began.
func (a *API) sendHistoryOfAll(ctx context.Context, s *eventStream, upTo int64) error {
	for s.last < upTo {
		// Asked before the page is read: one that is not full is then the end.
		settled, err := a.jobs.LastEvent(ctx)
		if err != nil {
			return err
		}
		events, err := a.jobs.Events(ctx, jobs.ID{}, s.last, eventPage)
		if err != nil {
			return err
		}
		within := events
		if i := slices.IndexFunc(events, func(e jobs.Event) bool { return e.ID > upTo }); i >= 0 {
			within = events[:i]
		}
		if err := a.sendEvents(ctx, s, within); err != nil {
			return err
		}
		if len(within) < len(events) || len(events) < eventPage && settled >= upTo {
			return nil
		}
	}
	return nil
}

func (a *API) sendEvents(ctx context.Context, s *eventStream, events []jobs.Event) error {
	rows, err := a.rowsOf(ctx, events)
	if err != nil {
		return err
	}
	frames := make([]frame, len(events))
	for i, e := range events {
		frames[i] = statusFrame(e, rows[e.JobID])
	}
	return s.send(frames)
}

func (a *API) rowsOf(ctx context.Context, events []jobs.Event) (map[jobs.ID]jobs.Job, error) {
	rows := map[jobs.ID]jobs.Job{}
	var ids []jobs.ID
	for _, e := range events {
		if _, asked := rows[e.JobID]; !asked {
			rows[e.JobID], ids = jobs.Job{}, append(ids, e.JobID)
		}
	}
	if len(ids) == 0 {
		return rows, nil
	}
	found, err := a.jobs.List(ctx, jobs.Filter{IDs: ids, Limit: len(ids)})
	for _, j := range found {
		rows[j.ID] = j
	}
	return rows, err
}

// mostOldSteps is how many steps are told that were recorded before a client
// came: it has the others with its page.
const mostOldSteps = 500

// sendSteps sends the steps that were recorded behind one. The feed may send
// some of them again: a step that is told twice is the same step.
func (a *API) sendSteps(ctx context.Context, s *eventStream, job jobs.ID, after int) error {
	if after < 0 {
		return nil
	}
	j, err := a.job(ctx, job)
	if err != nil {
		return err
	}
	after = max(after, j.StepsDone-mostOldSteps)
	for after < j.StepsDone {
		found, err := a.jobs.Steps(ctx, job, after, min(stepPage, j.StepsDone-after))
		if err != nil || len(found) == 0 {
			return err
		}
		var frames []frame
		for _, step := range found {
			frames, after = append(frames, stepFrame(job, step)), step.Seq
		}
		if err := s.send(frames); err != nil {
			return err
		}
	}
	return nil
}

// relay sends what the feed brings, until the client or the feed has enough.
func (a *API) relay(ctx context.Context, s *eventStream, sub *subscription, greeted greetedFunc) error {
	beat := time.NewTicker(a.hub.beat)
	defer beat.Stop()
	greeting := sub.greeted
	for {
		select {
		case <-greeting:
			greeting = nil
			if err := greeted(ctx, s); err != nil {
				return err
			}
		case frames := <-sub.frames:
			if err := s.send(frames); err != nil {
				return err
			}
		case <-beat.C:
			if err := s.write([]byte(":\n\n")); err != nil {
				return err
			}
		case <-sub.cut:
			_ = s.write(byeFrame(sub.why)) // who has gone misses nothing
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// patienceWithListener is how long a client may take nothing of what it is sent.
const patienceWithListener = 10 * time.Second

// eventStream is the answer to one client.
type eventStream struct {
	w    http.ResponseWriter
	conn *http.ResponseController
	last int64 // the id that it was sent last; nothing up to it is sent again
	gone bool
	buf  bytes.Buffer
}

func newEventStream(w http.ResponseWriter) *eventStream {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx passes on what comes, as it comes
	w.WriteHeader(http.StatusOK)
	s := &eventStream{w: w, conn: http.NewResponseController(w)}
	_ = s.conn.SetReadDeadline(time.Time{}) // a recorder in a test has none
	return s
}

// begin tells the client how soon to come back, and where it stands.
func (s *eventStream) begin(after int64) error {
	s.last = after
	return s.write(append([]byte("retry: 2000\n\n"), helloFrame(after)...))
}

// send sends frames, without those that the client has.
func (s *eventStream) send(frames []frame) error {
	s.buf.Reset()
	for _, f := range frames {
		if f.id != 0 && f.id <= s.last {
			continue
		}
		s.buf.Write(f.data)
		s.last = max(s.last, f.id)
	}
	if s.buf.Len() == 0 {
		return nil
	}
	return s.write(s.buf.Bytes())
}

// write sends at once, in pieces that each have their time.
func (s *eventStream) write(p []byte) error {
	for len(p) > 0 {
		n := min(len(p), piece)
		_ = s.conn.SetWriteDeadline(time.Now().Add(patienceWithListener)) // as above
		_, err := s.w.Write(p[:n])
		if err == nil {
			err = s.conn.Flush()
		}
		if err != nil {
			s.gone = true
			return err
		}
		p = p[n:]
	}
	return nil
}

// settle takes the deadline back, for the next answer on this connection.
func (s *eventStream) settle() {
	_ = s.conn.SetWriteDeadline(time.Time{}) // as above
}

package dashboard

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/jobs"
)

func (s *site) jobRoutes() {
	s.get("/jobs/{id}", "job.html", s.showJob)
	s.get("/jobs/{id}/delete", "job_delete.html", s.askToDeleteJob)
	s.post("/jobs/{id}/delete", s.deleteJob)
	for _, word := range moves {
		s.post("/jobs/{id}/"+word.Name, s.moveJob(word))
	}
}

// jobPage is what job.html shows.
type jobPage struct {
	Job      api.JobStatus
	Title    string // the submitter's
	Summary  string
	Done     string
	Advice   string
	Waits    []string // why it does not run
	Pace     *pace
	Strip    strip
	Remarks  []remark // on the pages that are its document's content
	Timeline []entry
	Cut      int // entries that are left out of the timeline
	Buttons  []moveButton
	Delete   moveButton
	Metadata []pair
	Raw      string
}

// moveButton is a move that the job's status allows, or the reason why not.
type moveButton struct {
	moveWord
	Refused string
}

func (s *site) showJob(r *http.Request) (view, error) {
	id, err := pathID(r)
	if err != nil {
		return view{}, err
	}
	story, err := s.api.Story(r.Context(), id)
	if err != nil {
		return view{}, err
	}
	j := story.Job
	d := jobPage{
		Job: j, Title: titleOf(j.Metadata), Summary: story.Summary, Done: jobDone(r.URL.Query().Get("done")), Pace: s.paceOf(story),
		Buttons: buttons(j), Delete: deleteButton(j), Metadata: metadata(j.Metadata),
	}
	if j.Error != nil || j.Cause != nil {
		d.Advice = adviceFor(str(j.ErrorCode), jobs.Cause(str(j.Cause)))
	}
	if d.Raw, err = raw(j.JobRow); err != nil {
		return view{}, err
	}
	if d.Waits, err = s.waits(r.Context(), j); err != nil {
		return view{}, err
	}
	if d.Strip, err = s.strip(r.Context(), story); err != nil {
		return view{}, err
	}
	if d.Remarks, err = s.remarksOfJob(r.Context(), j); err != nil {
		return view{}, err
	}
	d.Timeline, d.Cut = timeline(story)
	return view{Title: j.Filename, Section: "jobs", Events: "/api/rag/documents/job/" + j.ID + "/events", Data: d}, nil
}

func jobDone(word string) string {
	switch word {
	case "accepted":
		return "Accepted. It is stored, and read as soon as an instance has room."
	case "known":
		return "These bytes were submitted before, in the same way: this is their first job. Nothing new was made."
	case "untold":
		return "These bytes were submitted before, in the same way: this is their first job. Nothing new was made, and nothing will be sent to the callback URL: the job is over, or tells another address."
	case "resume", "retry":
		return "Put back into the queue. It goes on at the first page that is not recorded."
	case "restart":
		return "Put back into the queue. It begins again at its first page."
	case "cancel":
		return "Cancelled. Nothing but a person resumes it."
	}
	return ""
}

// pace is how fast a running job reads, and when it will be done.
type pace struct{ Rate, Left string }

func (s *site) paceOf(story api.Story) *pace {
	j := story.Job
	if j.Status != string(jobs.Processing) || j.StartedAt == nil || len(story.Attempts) == 0 {
		return nil
	}
	read := j.StepsDone - story.Attempts[len(story.Attempts)-1].FirstStep + 1
	since := s.now().Sub(*j.StartedAt)
	if read <= 0 || since <= 0 {
		return nil
	}
	each := since / time.Duration(read)
	p := &pace{Rate: rate(float64(read) / since.Seconds())}
	if left := j.StepsTotal - j.StepsDone; left > 0 {
		p.Left = took(each * time.Duration(left))
	}
	return p
}

func rate(each float64) string {
	switch {
	case each >= 10:
		return fmt.Sprintf("%.0f pages a second", each)
	case each >= 1:
		return fmt.Sprintf("%.1f pages a second", each)
	}
	return fmt.Sprintf("%.1f pages a minute", each*60)
}

// waits says why a job does not run now.
func (s *site) waits(ctx context.Context, j api.JobStatus) ([]string, error) {
	switch jobs.Status(j.Status) {
	case jobs.Pending:
		return s.queued(ctx, j)
	case jobs.Interrupted:
		switch {
		case str(j.Cause) == string(jobs.CauseCancelled):
			return []string{"It was cancelled, and waits for a person to resume it."}, nil
		case str(j.Recovery) == string(jobs.RecoveryManual):
			return []string{"It waits for a person: it was accepted with recovery by hand."}, nil
		}
		return []string{"It goes on by itself as soon as an instance has room."}, nil
	case jobs.Processing, jobs.Completed, jobs.Failed:
	}
	return nil, nil
}

func (s *site) queued(ctx context.Context, j api.JobStatus) ([]string, error) {
	var why []string
	if ahead := j.RunAt.Sub(s.now()); ahead > 0 {
		why = append(why, "It is tried again in "+took(ahead)+".")
	} else if j.QueuePosition != nil {
		place := thousands(*j.QueuePosition)
		if *j.QueuePosition > mostCounted {
			place = "behind " + thousands(mostCounted)
		}
		why = append(why, "Its place in the queue: "+place+".")
	}
	found, err := s.jobs.Instances(ctx, 1000)
	if err != nil {
		return nil, err
	}
	return append(why, room(found)...), nil
}

// room says why no instance takes what is next in the queue.
func room(found []jobs.InstanceState) []string {
	living, draining, slots, running := 0, 0, 0, 0
	for _, in := range found {
		if in.State != jobs.InstanceLive {
			continue
		}
		living++
		if !in.DrainingSince.IsZero() {
			draining++
			continue
		}
		slots, running = slots+in.Slots, running+len(in.Running)
	}
	switch {
	case living == 0:
		return []string{"No instance that runs jobs is alive: start one with mivaa serve."}
	case draining == living:
		return []string{"Every instance is told to take nothing new (paused for a deploy). Resume on the page Instances."}
	case slots > 0 && running >= slots:
		return []string{fmt.Sprintf("Every place is taken: %s at once.", plural(slots, "job"))}
	}
	return nil
}

// buttons are the moves of a job, the ones that its status forbids with the
// reason.
func buttons(j api.JobStatus) []moveButton {
	status := jobs.Status(j.Status)
	var all []moveButton
	for _, m := range moves {
		if m.Name == "retry" && status != jobs.Failed || m.Name == "resume" && status == jobs.Failed {
			continue // one move, called by the word that fits
		}
		b := moveButton{moveWord: m}
		switch {
		case m.Name == "cancel" && str(j.Cause) == string(jobs.CauseCancelled):
			b.Refused = "It is cancelled already."
		case !m.fits(status):
			b.Refused = notNow(m, status)
		}
		all = append(all, b)
	}
	return all
}

func notNow(m moveWord, s jobs.Status) string {
	switch {
	case s == jobs.Completed && m.Name == "cancel":
		return "It is completed: there is nothing to stop."
	case s == jobs.Completed:
		return "It is completed: read the document again instead."
	case s == jobs.Pending:
		return "It waits for its turn already."
	case s == jobs.Processing:
		return "It is running: cancel it first."
	case s == jobs.Failed && m.Name == "cancel":
		return "It has failed: there is nothing to stop."
	}
	return "Not while it is " + string(s) + "."
}

func deleteButton(j api.JobStatus) moveButton {
	b := moveButton{moveWord: moveWord{Name: "delete", Word: "Delete", Icon: "delete"}}
	if j.Status == string(jobs.Processing) {
		b.Refused = "It is running: cancel it first."
	}
	return b
}

// metadata is the submitter's object as names and values.
func metadata(object json.RawMessage) []pair {
	var m map[string]any
	if json.Unmarshal(object, &m) != nil {
		return nil // by hand: the raw row shows what it is
	}
	var all []pair
	for name, v := range m {
		if text, ok := v.(string); ok {
			all = append(all, pair{name, text})
		} else if data, err := json.Marshal(v); err == nil {
			all = append(all, pair{name, string(data)})
		}
	}
	slices.SortFunc(all, func(a, b pair) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// raw is the row as JSON, without what is not a column.
func raw(row api.JobRow) (string, error) {
	row.Links = nil
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(row); err != nil {
		return "", fmt.Errorf("write row: %w", err)
	}
	return strings.TrimSpace(buf.String()), nil
}

func (s *site) askToDeleteJob(r *http.Request) (view, error) {
	id, err := pathID(r)
	if err != nil {
		return view{}, err
	}
	j, err := jobs.Get(r.Context(), s.jobs, id)
	if err != nil {
		return view{}, err
	}
	return view{Title: "Delete " + j.Filename, Section: "jobs", Data: j}, nil
}

func (s *site) deleteJob(_ http.ResponseWriter, r *http.Request) (string, error) {
	id, err := pathID(r)
	if err != nil {
		return "", err
	}
	if err := s.api.DeleteJob(r.Context(), id); err != nil {
		return "", err
	}
	return "/?done=deleted", nil
}

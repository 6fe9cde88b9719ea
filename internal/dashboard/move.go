package dashboard

import (
	"net/http"
	"slices"

	"github.com/mivaa/mivaa/internal/api"
	"github.com/mivaa/mivaa/jobs"
)

// by is who makes the moves of these pages, for the history.
const by = "dashboard"

// moveWord is a move as buttons call it. Retry is what people call a resume of
// something that failed.
type moveWord struct {
	Name, Word, Icon string
	Move             jobs.Move
	Means            string // what it does, for who is about to do it
}

var moves = []moveWord{
	{"resume", "Resume", "resume", jobs.Resume, "They go on at the first page that is not recorded. Recorded pages are kept."},
	{"retry", "Retry", "resume", jobs.Resume, "They are tried again from the first page that is not recorded. Recorded pages are kept."},
	{"restart", "Restart", "restart", jobs.Restart, "They forget their recorded pages and begin again at page 1."},
	{"cancel", "Cancel", "cancel", jobs.Cancel, "They stop, and nothing but a person resumes them. Recorded pages are kept."},
}

func moveNamed(name string) moveWord {
	i := slices.IndexFunc(moves, func(m moveWord) bool { return m.Name == name })
	if i < 0 {
		return moveWord{}
	}
	return moves[i]
}

// known returns a move by the name that a form sent.
func known(name string) (moveWord, error) {
	if m := moveNamed(name); m.Name != "" {
		return m, nil
	}
	return moveWord{}, invalid("%.40q is not a move: resume, retry, restart or cancel", name)
}

// fits reports whether a move is one for jobs in a status: legal, of use, and of
// resume and retry the one that reads better.
func (m moveWord) fits(s jobs.Status) bool {
	_, legal := m.Move.Target(s)
	switch m.Name {
	case "retry":
		return legal && s == jobs.Failed
	case "resume":
		return legal && s != jobs.Failed
	case "restart":
		return legal && s != jobs.Pending
	}
	return legal
}

// movesFor returns the moves for a list of jobs in a status; "" is any.
func movesFor(status string) []moveWord {
	var fit []moveWord
	for _, m := range moves {
		if status == "" || m.fits(jobs.Status(status)) {
			fit = append(fit, m)
		}
	}
	return fit
}

// moveJob makes a move of one job.
func (s *site) moveJob(word moveWord) func(http.ResponseWriter, *http.Request) (string, error) {
	return func(_ http.ResponseWriter, r *http.Request) (string, error) {
		id, err := pathID(r)
		if err != nil {
			return "", err
		}
		if _, err := s.api.MoveJob(r.Context(), id, word.Name, by); err != nil {
			return "", err
		}
		if back := r.PostFormValue("back"); back != "" {
			return api.OwnPath(back), nil
		}
		return "/jobs/" + id.String() + "?done=" + word.Name, nil
	}
}

// pathID reads the {id} of an address.
func pathID(r *http.Request) (jobs.ID, error) {
	id, err := jobs.ParseID(r.PathValue("id"))
	if err != nil {
		return id, problem(http.StatusNotFound, "not_found", "%.100q is not an id: ids are UUIDs.", r.PathValue("id"))
	}
	return id, nil
}

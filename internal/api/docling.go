package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mivaa/mivaa/internal/documents"
	"github.com/mivaa/mivaa/jobs"
)

// The routes of docling-serve, for the programs that know how to call it: its
// conversions are our jobs. What it can and this service cannot is refused by
// name, never left out in silence.

const (
	tagDocling = "docling"

	convertPath       = "/v1/convert/file"
	convertSourcePath = "/v1/convert/source"
	pollPath          = "/v1/status/poll/{task}"
	conversionPath    = "/v1/result/{task}"
)

// patienceWithConversion is how long a conversion is waited for, as docling-serve
// does.
const patienceWithConversion = 2 * time.Minute

// TaskStatus is how a conversion stands, in docling's words.
type TaskStatus struct {
	TaskID       string   `json:"task_id"`
	TaskType     string   `json:"task_type" enum:"convert"`
	TaskStatus   string   `json:"task_status" enum:"pending,started,success,failure"`
	TaskPosition *int     `json:"task_position" doc:"In the queue, from 1, while it waits there"`
	TaskMeta     TaskMeta `json:"task_meta"`
	ErrorMessage *string  `json:"error_message" doc:"With failure: what is wrong"`
}

// TaskMeta counts the documents of a conversion: there is one.
type TaskMeta struct {
	NumDocs      int `json:"num_docs"`
	NumProcessed int `json:"num_processed"`
	NumSucceeded int `json:"num_succeeded"`
	NumFailed    int `json:"num_failed"`
}

type taskStatusOutput struct{ Body TaskStatus }

type pollInput struct {
	Task string  `path:"task" maxLength:"100" doc:"The task_id"`
	Wait float64 `query:"wait" minimum:"0" default:"0" doc:"Seconds to wait for its end; at most 60"`
}

type resultInput struct {
	Task string `path:"task" maxLength:"100" doc:"The task_id"`
}

func (a *API) doclingRoutes(h huma.API) {
	result := &huma.Response{Description: "The document", Content: map[string]*huma.MediaType{"application/json": {Schema: h.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Converted](), true, "")}}}
	const refused = " What docling-serve can and this service cannot is refused with 400 and the name of the field."
	registerOpen(a, h, huma.Operation{
		OperationID: "docling-convert", Method: http.MethodPost, Path: convertPath, Tags: []string{tagDocling},
		Summary: "Convert a PDF, as docling-serve does",
		Description: "Waits up to two minutes, then answers 504 with the task_id: the conversion goes on. 409 or 400 when it failed." + refused +
			" The same file again is answered from the store.",
		Responses: map[string]*huma.Response{"200": result},
	}, a.convert)
	registerOpen(a, h, huma.Operation{
		OperationID: "docling-convert-async", Method: http.MethodPost, Path: convertPath + "/async", Tags: []string{tagDocling},
		Summary: "Begin to convert a PDF, as docling-serve does", Description: "Answers at once with a task to poll." + refused,
	}, a.convertAsync)
	for id, path := range map[string]string{"docling-convert-source": convertSourcePath, "docling-convert-source-async": convertSourcePath + "/async"} {
		register(a, h, huma.Operation{
			OperationID: id, Method: http.MethodPost, Path: path, Tags: []string{tagDocling},
			Summary: "Not done here: convert what lies at an address", Description: "Answers 501: this service fetches nothing. Send the file.",
		}, func(context.Context, *struct{}) (*taskStatusOutput, error) {
			return nil, problem(http.StatusNotImplemented, codeNotAvailable,
				"This service fetches no addresses. Send the file itself to %s.", strings.Replace(path, convertSourcePath, convertPath, 1))
		})
	}
	registerOpen(a, h, huma.Operation{
		OperationID: "docling-poll", Method: http.MethodGet, Path: pollPath, Tags: []string{tagDocling},
		Summary: "Show how a conversion stands, as docling-serve does", Description: "An interrupted job that goes on by itself is pending; one that waits for a person is a failure.",
	}, a.pollConversion)
	registerOpen(a, h, huma.Operation{
		OperationID: "docling-result", Method: http.MethodGet, Path: conversionPath, Tags: []string{tagDocling},
		Summary: "Read what a conversion made, as docling-serve does", Description: "404 not_ready before its end; 409 or 400 when it failed.",
		Responses: map[string]*huma.Response{"200": result},
	}, func(ctx context.Context, in *resultInput) (*contentOutput, error) {
		c, err := a.findConversion(ctx, in.Task)
		if err != nil {
			return nil, err
		}
		return a.converted(ctx, c)
	})
	for _, path := range []string{convertPath, convertPath + "/async"} {
		h.OpenAPI().Paths[path].Post.RequestBody = convertBody() // as with uploads
	}
}

// conversion is what docling calls a task: a job, and what is wanted of it.
type conversion struct {
	job      jobs.Job // zero: it is no longer kept, and the document is complete
	document jobs.ID
	formats  []string
}

// id is the task's: the job's or, without one, the document's. What is wanted
// stands in it, because docling's clients say it once and ask for it later.
func (c conversion) id() string {
	id := c.job.ID
	if id.IsZero() {
		id = c.document
	}
	if slices.Equal(c.formats, []string{formatMarkdown}) {
		return id.String()
	}
	return strings.Join(append([]string{id.String()}, c.formats...), ".")
}

// findConversion reads the task of an id.
func (a *API) findConversion(ctx context.Context, task string) (conversion, error) {
	parts := strings.Split(task, ".")
	c := conversion{formats: parts[1:]}
	if len(parts) == 1 {
		c.formats = []string{formatMarkdown}
	}
	id, err := jobs.ParseID(parts[0])
	for i, f := range c.formats {
		if !slices.Contains(formatsMade(), f) || slices.Contains(c.formats[:i], f) {
			err = errors.New("no such format")
		}
	}
	if err != nil {
		return c, problem(http.StatusNotFound, codeNotFound, "No task has this id.")
	}
	c.job, err = a.job(ctx, id)
	if p, ok := errors.AsType[*Problem](err); ok && (p.Status == http.StatusNotFound || p.Status == http.StatusGone) {
		err = a.findDocument(ctx, &c, id, p)
		return c, err
	}
	c.document = c.job.DocumentID
	return c, err
}

// findDocument takes the id for a document's, and gives back missing where it is
// none.
func (a *API) findDocument(ctx context.Context, c *conversion, id jobs.ID, missing error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	content, err := a.documents.Content(ctx, id)
	switch {
	case errors.Is(err, documents.ErrNotFound), errors.Is(err, documents.ErrNoContent), err == nil && !content.Complete:
		return missing
	case err != nil:
		return err
	}
	c.document = id
	return nil
}

func (a *API) convert(ctx context.Context, in *uploadInput) (*contentOutput, error) {
	c, err := a.acceptConversion(ctx, in)
	if err != nil {
		return nil, err
	}
	if c.job, err = a.awaitEnd(ctx, c.job, a.convertWait); err != nil {
		return nil, err
	}
	if !c.ended() {
		p := problem(http.StatusGatewayTimeout, codeTimeout,
			"The conversion takes longer than %v and goes on. Ask for it at /v1/status/poll/%s.", a.convertWait, c.id())
		if a.isStopping() {
			p = stopping()
		}
		p.TaskID = c.id()
		return nil, p
	}
	return a.converted(ctx, c)
}

func (a *API) convertAsync(ctx context.Context, in *uploadInput) (*taskStatusOutput, error) {
	c, err := a.acceptConversion(ctx, in)
	if err != nil {
		return nil, err
	}
	return a.taskStatus(ctx, c)
}

func (a *API) acceptConversion(ctx context.Context, in *uploadInput) (conversion, error) {
	var form convertForm
	done, err := a.accept(ctx, in.w, func() (documents.Submission, error) { return a.receiveConversion(ctx, in.w, in.r, &form) })
	return conversion{job: done.Job, document: done.Document.ID, formats: form.wanted()}, err
}

func (a *API) pollConversion(ctx context.Context, in *pollInput) (*taskStatusOutput, error) {
	c, err := a.findConversion(ctx, in.Task)
	if err != nil {
		return nil, err
	}
	if c.job, err = a.awaitEnd(ctx, c.job, min(time.Duration(in.Wait*float64(time.Second)), mostWait)); err != nil {
		return nil, err
	}
	return a.taskStatus(ctx, c)
}

func (c conversion) ended() bool { return c.job.ID.IsZero() || c.job.Ended() }

// awaitEnd returns the job at its end, or as it is when the time is over or the
// service stops.
func (a *API) awaitEnd(ctx context.Context, j jobs.Job, wait time.Duration) (jobs.Job, error) {
	until := time.Now().Add(wait)
	for !j.ID.IsZero() && !j.Ended() && !a.isStopping() {
		left := time.Until(until)
		if left <= 0 {
			break
		}
		var err error
		if j, err = a.waitForChange(ctx, j, left); err != nil {
			return j, err
		}
	}
	return j, nil
}

func (a *API) taskStatus(ctx context.Context, c conversion) (*taskStatusOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s := TaskStatus{TaskID: c.id(), TaskType: "convert", TaskStatus: c.word(), TaskMeta: TaskMeta{NumDocs: 1}}
	switch s.TaskStatus {
	case taskSuccess:
		s.TaskMeta.NumProcessed, s.TaskMeta.NumSucceeded = 1, 1
	case taskFailure:
		s.TaskMeta.NumProcessed, s.TaskMeta.NumFailed = 1, 1
		s.ErrorMessage = text(c.job.Error)
	}
	if c.job.Status == jobs.Pending {
		ahead, err := a.jobs.Ahead(ctx, c.job.ID)
		if err != nil {
			return nil, err
		}
		s.TaskPosition = new(ahead + 1)
	}
	return &taskStatusOutput{Body: s}, nil
}

// Docling's words for how a task stands.
const (
	taskPending = "pending"
	taskStarted = "started"
	taskSuccess = "success"
	taskFailure = "failure"
)

func (c conversion) word() string {
	switch {
	case c.job.ID.IsZero(), c.job.Status == jobs.Completed:
		return taskSuccess
	case c.job.Ended():
		return taskFailure
	case c.job.Status == jobs.Processing:
		return taskStarted
	}
	return taskPending
}

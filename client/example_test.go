package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/mivaa/mivaa/client"
)

// exampleService stands in for the service at http://127.0.0.1:8000.
func exampleService() *httptest.Server {
	const job = `{"id":"019a0000-0000-7000-8000-000000000001","document_id":"019a0000-0000-7000-8000-000000000002",
		"filename":"report.pdf","status":"completed","steps_done":2,"steps_total":2}`
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/upload-async"):
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, strings.Replace(job, `"id"`, `"job_id"`, 1))
		case strings.HasSuffix(r.URL.Path, "/content"):
			_, _ = io.WriteString(w, "# A report\n")
		case strings.HasSuffix(r.URL.Path, "/cancel"):
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, `{"code":"move_not_allowed","detail":"cannot cancel this job: it is completed","current_status":"completed","allowed":[]}`)
		default:
			_, _ = io.WriteString(w, job)
		}
	}))
}

// Example uploads a PDF, waits until it has been read, and reads what came of
// it.
func Example() {
	service := exampleService()
	defer service.Close()
	ctx := context.Background()

	c := &client.Client{URL: service.URL, Token: os.Getenv("MIVAA_TOKEN")}
	done, err := c.Submit(ctx, strings.NewReader("%PDF-1.7 ..."), client.Upload{Filename: "report.pdf"})
	if err != nil {
		fmt.Println(err)
		return
	}
	job, err := c.Wait(ctx, done.JobID) // across restarts of the service
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Filename, job.Status, job.StepsDone, "pages")

	content, err := c.Content(ctx, done.DocumentID, client.ContentOptions{Format: client.Markdown})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer content.Close()
	_, _ = io.Copy(os.Stdout, content)
	// Output:
	// report.pdf completed 2 pages
	// # A report
}

// ExampleError tells a refusal from other errors.
func ExampleError() {
	service := exampleService()
	defer service.Close()

	c := &client.Client{URL: service.URL}
	_, err := c.Cancel(context.Background(), "019a0000-0000-7000-8000-000000000001")
	if refused := (*client.Error)(nil); errors.As(err, &refused) && refused.Code == client.CodeMoveNotAllowed {
		fmt.Println("the job is", refused.CurrentStatus)
	}
	// Output: the job is completed
}

//go:build linux

package e2e

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// corpus is a collection of ordinary and hostile PDFs beside the project.
const corpus = "../../shared/corpus"

// Limits of the service as a whole while it reads the corpus.
const (
	mostMemory = 1536 << 20
	mostHealth = 2 * time.Second // logged, and far less on a machine with nothing else to do
)

// corpusFile is what became of a file.
type corpusFile struct {
	set, name string
	path      string
	job       job    // zero: it was refused at the door
	code      string // of the refusal or the job; "": completed
	text      bool   // it gave text
}

// Every file of the corpus goes through one running service: it never dies and
// never grows beyond its limit, health answers all along, and every job ends
// completed, or failed for a reason that is the document's.
func TestCorpus(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(corpus, "*", "*.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Skipf("SKIPPED: no corpus in %s: hostile files are not tried", corpus)
	}
	// Recognising the garbage among them takes minutes, and tells nothing of readers.
	s := serve(t, dataDir(t), "--page-timeout", "10s", "--ocr", "off")
	watch := observe(t, s)
	began := time.Now()
	files := make([]*corpusFile, len(paths))
	for i, path := range paths {
		files[i] = s.submit(path)
	}
	for _, f := range files {
		if f.job.JobID == "" {
			continue
		}
		f.job = s.end(f.job.JobID)
		f.code = f.job.ErrorCode
		if f.job.Status == "failed" && !slices.Contains(reasons(), f.code) {
			t.Errorf("%s/%s failed with code %q: %+v", f.set, f.name, f.code, f.job)
		}
		if f.job.Status == "completed" {
			f.text = strings.TrimSpace(s.content(f.job.DocumentID, "text")) != ""
		}
	}
	took := time.Since(began)
	seen := watch.stop()
	t.Logf("%d files in %v; most memory of the service and its readers together: %d MiB (%d looks); health: %d answers, slowest %v, above 100ms %d",
		len(files), took.Round(time.Second), seen.memory>>20, seen.looks, seen.answers, seen.slowest.Round(time.Millisecond), seen.slow)
	if seen.memory > mostMemory || seen.looks == 0 {
		t.Errorf("memory: %d MiB, %d looks", seen.memory>>20, seen.looks)
	}
	if seen.slowest > mostHealth || seen.answers == 0 {
		t.Errorf("health: slowest %v of %d", seen.slowest, seen.answers)
	}
	select {
	case <-s.process.ended:
		t.Fatal("the service died")
	default:
	}
	tabulate(t, files)
	compare(t, files)
}

// reasons are the codes that a document can be at fault with. "internal" is not
// among them: that is our fault.
func reasons() []string {
	return []string{"not_a_pdf", "password_required", "password_wrong", "damaged", "too_large", "too_many_pages", "page_timeout", "out_of_memory", "reader_crashed"}
}

// submit uploads a file of the corpus under its name.
func (s *service) submit(path string) *corpusFile {
	s.t.Helper()
	f := &corpusFile{set: filepath.Base(filepath.Dir(path)), name: filepath.Base(path), path: path}
	data, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	resp := s.send(http.MethodPost, uploadPath+"?owner="+f.set, "application/pdf", bytes.NewReader(data))
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusAccepted, http.StatusOK: // the corpus may have the same bytes twice
		decode(s.t, resp, &f.job)
	case http.StatusBadRequest:
		var p problem
		decode(s.t, resp, &p)
		f.code = p.Code
	default:
		s.t.Errorf("%s: upload answered %d", path, resp.StatusCode)
	}
	return f
}

func tabulate(t *testing.T, files []*corpusFile) {
	counts := map[string]int{}
	for _, f := range files {
		outcome := "completed"
		switch {
		case f.job.JobID == "":
			outcome = "refused at upload: " + f.code
		case f.code != "":
			outcome = "failed: " + f.code
		case f.job.PagesFailed > 0:
			outcome = "completed, some pages failed: " + f.job.Result.FailedPages[0].ErrorCode
		}
		counts[f.set+"\t"+outcome]++
		switch f.code {
		case "", "not_a_pdf", "damaged", "password_required":
		default: // it cost a reader, or it is our fault
			t.Logf("%s: %s/%s: %s", f.code, f.set, f.name, f.job.Error)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%4d\t%s", counts[key], key)
	}
}

// compare names the files that pdftotext reads and we do not, and the other way
// round.
func compare(t *testing.T, files []*corpusFile) {
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Log("SKIPPED: no pdftotext (on Debian: poppler-utils): what it reads and we do not is not looked at")
		return
	}
	theirs := make([]bool, len(files))
	var looks sync.WaitGroup
	next := make(chan int)
	for range runtime.NumCPU() {
		looks.Go(func() {
			for i := range next {
				theirs[i] = popplerReads(t, files[i].path)
			}
		})
	}
	for i := range files {
		next <- i
	}
	close(next)
	looks.Wait()
	both := 0
	for i, f := range files {
		switch {
		case theirs[i] && f.text:
			both++
		case theirs[i]:
			t.Logf("only pdftotext reads %s/%s: %s", f.set, f.name, cmp.Or(f.code, "completed, without text"))
		case f.text:
			t.Logf("only we read %s/%s", f.set, f.name)
		}
	}
	t.Logf("both read %d of %d files", both, len(files))
}

// popplerReads reports whether pdftotext ends well, and soon, with some text.
func popplerReads(t *testing.T, path string) bool {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "pdftotext", "-q", path, "-").Output()
	return err == nil && strings.TrimSpace(strings.ReplaceAll(string(out), "\f", "")) != ""
}

// observation is what was seen of a service.
type observation struct {
	memory, looks int // the most memory of all its processes, in bytes
	answers, slow int // of /health; slow: above 100 ms
	slowest       time.Duration
	stop          func() *observation // ends it; the rest may be read then
}

// observe looks at the memory of a service and asks for its health, ten times a
// second each.
func observe(t *testing.T, s *service) *observation {
	ctx, cancel := context.WithCancel(t.Context())
	o := &observation{}
	var loops sync.WaitGroup
	every := func(do func()) {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			do()
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}
	loops.Go(func() {
		every(func() {
			o.memory = max(o.memory, s.memory())
			o.looks++
		})
	})
	loops.Go(func() {
		every(func() {
			took, err := s.healthy(ctx)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				t.Errorf("health: %v", err)
				return
			}
			o.answers++
			o.slowest = max(o.slowest, took)
			if took > 100*time.Millisecond {
				o.slow++
			}
		})
	})
	o.stop = func() *observation {
		cancel()
		loops.Wait()
		return o
	}
	t.Cleanup(func() { o.stop() })
	return o
}

func (s *service) healthy(ctx context.Context) (took time.Duration, err error) {
	asked := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/health", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("answered %d", resp.StatusCode)
	}
	return time.Since(asked), nil
}

// memory is what the service and its readers hold, pages that they share
// counted once.
func (s *service) memory() int {
	total := pss(s.cmd.Process.Pid)
	for pid := range s.readers() {
		total += pss(pid)
	}
	return total
}

func pss(pid int) int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0 // it ended meanwhile
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kib, _ := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			return kib << 10
		}
	}
	return 0
}

//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mivaa/mivaa/internal/pgtest"
)

// BenchmarkLoadUploads sends 200 files of 20 MB at once to the real binary.
//
//	peak_MiB  resident memory of the service and its readers together, at most
func BenchmarkLoadUploads(b *testing.B) {
	files, size := 200, 20_000_000
	if testing.Short() {
		files, size = 10, 1_000_000
	}
	for _, workers := range []int{0, 2} {
		b.Run(fmt.Sprint("workers=", workers), func(b *testing.B) {
			s := serve(b, dataDir(b), "--workers", strconv.Itoa(workers))
			watch := s.watchMemory()
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: files}}
			var took time.Duration
			for round := range b.N {
				began := time.Now()
				var all sync.WaitGroup
				for i := range files {
					all.Go(func() { sendNoise(b, client, s.url, int64(round*files+i), size) })
				}
				all.Wait()
				took += time.Since(began)
			}
			total := float64(b.N) * float64(files*size) / 1e6
			b.ReportMetric(total/took.Seconds(), "MB/s")
			b.ReportMetric(float64(watch())/(1<<20), "peak_MiB")
			b.ReportMetric(took.Seconds()/float64(b.N), "s/round")
		})
	}
}

// noiseBlock is what the files consist of: the service looks at all bytes, and
// making them is to cost nothing.
var noiseBlock = sync.OnceValue(func() []byte { return bytes.Repeat([]byte("0123456789abcdef"), 64<<10/16) })

// noise is a file that no other is like.
type noise struct {
	head []byte
	left int
}

func (n *noise) Read(p []byte) (int, error) {
	if n.left == 0 {
		return 0, io.EOF
	}
	from := noiseBlock()
	if len(n.head) > 0 {
		from = n.head
	}
	m := copy(p[:min(len(p), n.left)], from)
	n.head = n.head[min(m, len(n.head)):]
	n.left -= m
	return m, nil
}

func sendNoise(b *testing.B, client *http.Client, url string, number int64, size int) {
	head := fmt.Appendf(nil, "%%PDF-1.7\n%% %d\n", number)
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url+"/api/rag/documents/upload-async", &noise{head, size})
	if err != nil {
		b.Error(err)
		return
	}
	req.ContentLength = int64(size)
	req.Header.Set("Content-Type", "application/pdf")
	resp, err := client.Do(req)
	if err != nil {
		b.Error(err)
		return
	}
	defer resp.Body.Close()
	if answer, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusAccepted {
		b.Errorf("%d %s, %v", resp.StatusCode, answer, err)
	}
}

// watchMemory follows the resident memory of the service and its readers until
// the function that it returns is called, which returns the most there was.
func (s *service) watchMemory() func() int {
	stop, most := make(chan struct{}), make(chan int, 1)
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		peak := 0
		for {
			select {
			case <-tick.C:
				peak = max(peak, s.memory())
			case <-stop:
				most <- peak
				return
			}
		}
	}()
	return func() int { close(stop); return <-most }
}

// BenchmarkLoadStreams has 1,000 clients follow all jobs, and uploads one.
//
//	ms_first, ms_last  from the upload's answer until a client heard of it
//	KiB/client         of the service's resident memory
func BenchmarkLoadStreams(b *testing.B) {
	clients := 1000
	if testing.Short() {
		clients = 20
	}
	s := serve(b, dataDir(b), "--workers", "0")
	idle := s.memory()
	lines := make([]chan string, clients)
	var hello sync.WaitGroup
	hello.Add(clients)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	for i := range lines {
		lines[i] = make(chan string, 100)
		go follow(ctx, b, s.url, lines[i], hello.Done)
	}
	hello.Wait()
	followed := s.memory()
	var first, last time.Duration
	for b.Loop() {
		began := time.Now()
		job := s.upload(textPDF(1, strconv.FormatInt(began.UnixNano(), 10))).JobID
		var all sync.WaitGroup
		var seen atomic.Int64
		for _, from := range lines {
			all.Go(func() {
				for line := range from {
					if strings.Contains(line, job) {
						if seen.Add(1) == 1 {
							first += time.Since(began)
						}
						return
					}
				}
				b.Error("a stream ended")
			})
		}
		all.Wait()
		last += time.Since(began)
	}
	b.ReportMetric(float64(first.Microseconds())/1e3/float64(b.N), "ms_first")
	b.ReportMetric(float64(last.Microseconds())/1e3/float64(b.N), "ms_last")
	b.ReportMetric(float64(followed-idle)/1024/float64(clients), "KiB/client")
	b.ReportMetric(float64(s.memory())/(1<<20), "MiB")
}

// follow hands on the data of a stream's status events; hello is called at its
// first event.
func follow(ctx context.Context, b *testing.B, url string, lines chan<- string, hello func()) {
	defer close(lines)
	greet := sync.OnceFunc(hello)
	defer greet()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api/rag/jobs/events", nil)
	if err != nil {
		b.Error(err)
		return
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Error(err)
		return
	}
	defer resp.Body.Close()
	event := ""
	for in := bufio.NewScanner(resp.Body); in.Scan(); {
		line := in.Text()
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			event = name
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			greet()
			if event == "status" {
				lines <- data
			}
		}
	}
}

// loadSQLite and loadPostgres fill the tables with 100,000 jobs, each of a
// document of its own: nine tenths completed, the rest
// failed, interrupted and waiting, over a week, with three lines of history each.
// The words of filenames are rare, common and in between.
var loadSQLite = []string{
	`CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100000)
		SELECT i, printf('%08x-0000-7000-8000-%012x', i * 40503, i) AS job, printf('%08x-0000-7000-9000-%012x', i * 40503, i) AS document,
		strftime('%Y-%m-%d %H:%M:%f', 'now', (i * 6 - 600000) || ' seconds') AS at,
		CASE WHEN i % 20 = 1 THEN 'failed' WHEN i % 40 = 2 THEN 'interrupted' WHEN i % 40 = 3 THEN 'pending' ELSE 'completed' END AS status,
		CASE i % 10 WHEN 0 THEN 'invoice' WHEN 1 THEN 'manual' ELSE 'report' END || '-' || i || '.pdf' AS name,
		CASE i % 3 WHEN 0 THEN 'damaged' WHEN 1 THEN 'password_required' ELSE 'page_timeout' END AS code FROM c`,
	`INSERT INTO documents (id, filename, owner, created_at, updated_at) SELECT document, name, 'owner-' || i % 50, at, at FROM n`,
	`INSERT INTO background_jobs (id, document_id, filename, status, progress, created_at, updated_at, started_at, completed_at, failed_at, interrupted_at,
			attempt, steps_done, steps_total, error, error_code, cause, recovery, owner, instance_id, position)
		SELECT job, document, name, status, CASE status WHEN 'completed' THEN 100 ELSE 0 END, at, at, CASE status WHEN 'pending' THEN NULL ELSE at END,
			CASE status WHEN 'completed' THEN at END, CASE status WHEN 'failed' THEN at END, CASE status WHEN 'interrupted' THEN at END,
			status <> 'pending', CASE status WHEN 'completed' THEN 30 ELSE 0 END, CASE status WHEN 'pending' THEN 0 ELSE 30 END,
			CASE WHEN status IN ('failed', 'interrupted') THEN 'it went wrong' END, CASE status WHEN 'failed' THEN code END,
			CASE status WHEN 'interrupted' THEN 'operator' END, 'manual', 'owner-' || i % 50, 'instance-' || i % 50, CASE status WHEN 'pending' THEN i END FROM n`,
	`INSERT INTO job_events (job_id, at, event, to_status, attempt) SELECT job, at, 'accepted', 'pending', 0 FROM n ORDER BY i`,
	`INSERT INTO job_events (job_id, at, event, from_status, to_status, attempt, steps_done)
		SELECT job, at, 'started', 'pending', 'processing', 1, 0 FROM n WHERE status <> 'pending' ORDER BY i`,
	`INSERT INTO job_events (job_id, at, event, from_status, to_status, attempt, cause, steps_done)
		SELECT job, at, status, 'processing', status, 1, CASE status WHEN 'interrupted' THEN 'operator' END, 30 FROM n WHERE status <> 'pending' ORDER BY i`,
	`INSERT INTO job_instances (id, host, pid, version, boot, started_at, seen_at, lease_until, lease_ms, state)
		SELECT 'instance-' || (i - 1), 'host', i, 'load', 'boot', at, at, at, 15000, 'stopped' FROM n WHERE i <= 50`,
}

var loadPostgres = []string{
	`CREATE TEMP TABLE n AS SELECT i, (lpad(to_hex(i::bigint * 40503), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid AS job,
		(lpad(to_hex(i::bigint * 40503), 8, '0') || '-0000-7000-9000-' || lpad(to_hex(i), 12, '0'))::uuid AS document,
		date_trunc('milliseconds', now()) + (i * 6 - 600000) * interval '1 second' AS at,
		CASE WHEN i % 20 = 1 THEN 'failed' WHEN i % 40 = 2 THEN 'interrupted' WHEN i % 40 = 3 THEN 'pending' ELSE 'completed' END AS status,
		CASE i % 10 WHEN 0 THEN 'invoice' WHEN 1 THEN 'manual' ELSE 'report' END || '-' || i || '.pdf' AS name,
		CASE i % 3 WHEN 0 THEN 'damaged' WHEN 1 THEN 'password_required' ELSE 'page_timeout' END AS code FROM generate_series(1, 100000) i`,
	loadSQLite[1],
	`INSERT INTO background_jobs (id, document_id, filename, status, progress, created_at, updated_at, started_at, completed_at, failed_at, interrupted_at,
			attempt, steps_done, steps_total, error, error_code, cause, recovery, owner, instance_id, position)
		SELECT job, document, name, status, CASE status WHEN 'completed' THEN 100 ELSE 0 END, at, at, CASE status WHEN 'pending' THEN NULL ELSE at END,
			CASE status WHEN 'completed' THEN at END, CASE status WHEN 'failed' THEN at END, CASE status WHEN 'interrupted' THEN at END,
			(status <> 'pending')::integer, CASE status WHEN 'completed' THEN 30 ELSE 0 END, CASE status WHEN 'pending' THEN 0 ELSE 30 END,
			CASE WHEN status IN ('failed', 'interrupted') THEN 'it went wrong' END, CASE status WHEN 'failed' THEN code END,
			CASE status WHEN 'interrupted' THEN 'operator' END, 'manual', 'owner-' || i % 50, 'instance-' || i % 50, CASE status WHEN 'pending' THEN i END FROM n`,
	loadSQLite[3], loadSQLite[4], loadSQLite[5],
	`INSERT INTO job_instances (id, host, pid, version, boot, started_at, seen_at, lease_until, lease_ms, state, recovered_at)
		SELECT 'instance-' || (i - 1), 'host', i, 'load', 'boot', at, at, at, 15000, 'stopped', at FROM n WHERE i <= 50`,
}

const (
	loadJob      = "78b55630-0000-7000-8000-00000000c350" // of i = 50000
	loadDocument = "78b55630-0000-7000-9000-00000000c350"
)

// loadRoutes are what an operator looks at, and every route that lists.
var loadRoutes = []string{
	"/", "/?status=failed", "/?q=invoice", "/?q=manual-77", "/?q=nothing-like-it", "/?q=" + loadJob, "/?owner=owner-7", "/?sort=updated_at:asc",
	"/review", "/review/group?status=failed&error_code=damaged", "/instances", "/figures?span=hour", "/figures?span=day", "/figures?span=week",
	"/documents", "/documents?owner=owner-7", "/documents/" + loadDocument, "/jobs/" + loadJob,
	"/api/rag/documents/jobs", "/api/rag/documents/jobs?limit=1000", "/api/rag/documents/jobs?q=nothing-like-it", "/api/rag/documents/jobs?owner=owner-7",
	"/api/rag/documents/jobs?instance=instance-7", "/api/rag/documents/jobs?offset=50000", "/api/rag/documents/jobs?sort=updated_at:desc",
	"/api/rag/jobs/count", "/api/rag/jobs/count?q=report", "/api/rag/jobs/count?q=nothing-like-it", "/api/rag/jobs/groups",
	"/api/rag/admin/jobs", "/api/rag/admin/instances", "/api/rag/admin/figures?span=week",
	"/api/rag/documents", "/api/rag/documents?limit=1000", "/api/rag/documents?owner=owner-7", "/api/rag/documents?id_prefix=78b",
	"/api/rag/documents/job/" + loadJob, "/api/rag/documents/job/" + loadJob + "/full-status", "/api/rag/jobs/" + loadJob + "/checkpoints",
	"/health", "/metrics",
}

// BenchmarkLoadPages asks for every page and list beside 100,000 jobs, forty
// times each, one after the other.
//
//	p95_ms  of the route; the routes as a whole: of the slowest
func BenchmarkLoadPages(b *testing.B) {
	if testing.Short() {
		b.Skip("filling the tables takes a minute")
	}
	b.Run("sqlite", func(b *testing.B) {
		dir := dataDir(b)
		if code, _ := serve(b, dir, "--workers", "0").signal(syscall.SIGTERM); code != 0 { // makes the tables
			b.Fatalf("exit %d", code)
		}
		conn := database(b, dir)
		exec1(b, conn, "BEGIN")
		for _, statement := range loadSQLite {
			exec1(b, conn, statement)
		}
		exec1(b, conn, "UPDATE job_queue SET last_position = 100000")
		exec1(b, conn, "COMMIT")
		exec1(b, conn, "DROP TABLE n")
		askAll(b, serve(b, dir, "--workers", "0"))
	})
	b.Run("postgres", func(b *testing.B) {
		c := newCluster(b)
		s := c.serve(b, "--workers", "0")
		conn, err := pgx.Connect(b.Context(), pgtest.With(c.url, "search_path", c.schema))
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close(b.Context())
		// The server vacuums and counts by itself, some time later.
		for _, statement := range append(slices.Clone(loadPostgres), "VACUUM ANALYZE") {
			if _, err := conn.Exec(b.Context(), statement); err != nil {
				b.Fatalf("%s: %v", statement, err)
			}
		}
		askAll(b, s)
	})
}

func askAll(b *testing.B, s *service) {
	const times = 40
	var slowest time.Duration
	for b.Loop() {
		for _, route := range loadRoutes {
			took := make([]time.Duration, 0, times)
			for range times {
				took = append(took, askOnce(b, s.url+route))
			}
			slices.Sort(took)
			p95 := took[times*95/100-1]
			slowest = max(slowest, p95)
			b.Logf("%-60s p50 %6.1f  p95 %6.1f  max %6.1f ms", cmp.Or(route, "/"), ms(took[times/2]), ms(p95), ms(took[times-1]))
		}
	}
	b.ReportMetric(ms(slowest), "p95_ms")
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }

func askOnce(b *testing.B, address string) time.Duration {
	b.Helper()
	began := time.Now()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, address, nil)
	if err != nil {
		b.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("%s: %d %.300s, %v", address, resp.StatusCode, body, err)
	}
	return time.Since(began)
}

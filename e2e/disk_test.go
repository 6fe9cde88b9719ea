//go:build linux

package e2e

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// smallDisk mounts a file system of the given size (as mount writes it) and
// returns a data dir on it, whose compiled PDF engine is elsewhere.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	cache := filepath.Join(dataDir(t), "cache")
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size="+size+",mode=0755"); err != nil {
		t.Skipf("SKIPPED: a full disk is not tried: mounting a small file system is refused here (%v)", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	dir := filepath.Join(disk, "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(cache, filepath.Join(dir, "cache")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// fill leaves no room on the disk of a data dir. free gives it back.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(filepath.Dir(dir), "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for size := 64 << 10; size >= 512; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// sources lists the source files of a data dir, and what is half written.
func sources(t *testing.T, dir string) (whole, half []string) {
	t.Helper()
	blobs := filepath.Join(dir, "blobs")
	err := filepath.WalkDir(blobs, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == filepath.Join(blobs, "lock") {
			return err
		}
		if filepath.Dir(path) == filepath.Join(blobs, "tmp") {
			half = append(half, path)
		} else {
			whole = append(whole, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return whole, half
}

// An upload that does not fit is refused, says why, and leaves nothing behind:
// what fits afterwards is accepted and read.
func TestUploadThatDoesNotFit(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "8m")
	s := serve(t, dir)
	p := s.refusedUpload(bigPDF(12 << 20))
	if p.Status != 507 || p.Code != "disk_full" || !strings.Contains(p.Detail, "full") {
		t.Errorf("problem: %+v", p)
	}
	if whole, half := sources(t, dir); len(whole)+len(half) > 0 {
		t.Errorf("left behind: %v %v", whole, half)
	}
	if list := s.jobs(); len(list) > 0 {
		t.Errorf("jobs: %+v", list)
	}
	fails(t, 6, "extract", "--data-dir", dir, write(t, bigPDF(12<<20))).needsHint(t, "full", "free")
	if whole, half := sources(t, dir); len(whole)+len(half) > 0 {
		t.Errorf("left behind by extract: %v %v", whole, half)
	}
	j := s.upload(textPDF(3, "fits"))
	s.until(j.JobID, "the next upload is read", completed)
}

// A disk that fills up under a running job costs time and nothing else: the
// job waits for room, goes on and gives the same document. Meanwhile what is
// stored can be read, and what needs room is refused and says why.
func TestDiskFullUnderARunningJob(t *testing.T) {
	t.Parallel()
	pdf := textPDF(killPages, "full")
	want, _ := undisturbed(t, pdf)
	dir := smallDisk(t, "48m")
	s := serve(t, dir)
	j := s.upload(pdf)
	s.until(j.JobID, "a page", func(now job) bool { return now.StepsDone > 0 })
	free := fill(t, dir)
	s.line("The store does not answer")

	if now := s.job(j.JobID); now.Status != "processing" || now.StepsDone == killPages {
		t.Errorf("job on a full disk: %+v", now)
	}
	if p := s.refusedUpload(textPDF(20, "no room")); p.Status != 507 && p.Status != 503 || !strings.Contains(p.Detail, "full") {
		t.Errorf("problem: %+v", p)
	}
	// So little may find room where no page does: then it holds.
	_, stderr, cancelled := cli(t, "jobs", "cancel", "--yes", "--data-dir", dir, j.JobID)
	if cancelled != 0 && (cancelled != 6 || !strings.Contains(stderr, "full")) {
		t.Errorf("cancel exited %d: %s", cancelled, stderr)
	}
	fails(t, 6, "extract", "--data-dir", dir, write(t, textPDF(20, "no room either"))).needsHint(t, "full")
	if _, half := sources(t, dir); len(half) > 0 {
		t.Errorf("left behind: %v", half)
	}

	free()
	s.line("The store answers again")
	if cancelled == 0 {
		s.until(j.JobID, "interrupted", func(now job) bool { return now.Status == "interrupted" })
		if _, stderr, code := cli(t, "jobs", "resume", "--data-dir", dir, j.JobID); code != 0 {
			t.Errorf("resume exited %d: %s", code, stderr)
		}
	}
	done := s.until(j.JobID, "completed", completed)
	if done.StepsDone != killPages || done.Crashes != 0 || s.content(j.DocumentID, "markdown") != want {
		t.Errorf("job after the disk was full: %+v, or another document", done)
	}
	if n := len(s.jobs()); n != 1 {
		t.Errorf("%d jobs, want the one that was accepted", n)
	}
}

// A service that is killed while the disk is full cannot start before there is
// room, says so, and has lost nothing when there is.
func TestKilledOnAFullDisk(t *testing.T) {
	t.Parallel()
	pdf := textPDF(killPages, "killed full")
	want, _ := undisturbed(t, pdf)
	dir := smallDisk(t, "48m")
	s := serve(t, dir)
	j := s.upload(pdf)
	s.until(j.JobID, "a page", func(now job) bool { return now.StepsDone > 0 })
	free := fill(t, dir)
	s.line("The store does not answer")
	s.kill()
	fails(t, 6, "serve", "--data-dir", dir, "--addr", "127.0.0.1:0").needsHint(t, "full")
	free()
	s = serve(t, dir)
	done := s.until(j.JobID, "completed", completed)
	if done.StepsDone != killPages || s.content(j.DocumentID, "markdown") != want {
		t.Errorf("job: %+v, or another document", done)
	}

	// Where nobody has the database open, even looking at it needs a little room.
	if code, _ := s.signal(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
	free = fill(t, dir)
	fails(t, 6, "jobs", "list", "--data-dir", dir).needsHint(t, "space")
	fails(t, 6, "jobs", "cancel", "--yes", "--data-dir", dir, j.JobID).needsHint(t, "space")
	free()
	if out, stderr, code := cli(t, "jobs", "list", "--data-dir", dir); code != 0 || !strings.Contains(out, j.JobID) {
		t.Errorf("list exited %d: %s%s", code, out, stderr)
	}
}

// nobody is a user who owns nothing.
const nobody = 65534

// unprivileged returns how to run a command as a user to whom permissions mean
// something, and how to give files to that user. Root is none; who else runs
// the tests is.
func unprivileged(t *testing.T) (as func(*exec.Cmd), give func(path string)) {
	if os.Getuid() != 0 {
		return nil, func(string) {}
	}
	as = func(cmd *exec.Cmd) {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	return as, func(path string) {
		err := filepath.WalkDir(path, func(path string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(path, nobody, nobody))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// openDir is a data dir that another user can reach, with an engine of its own:
// the files of dataDir are hard links.
func openDir(t *testing.T) string {
	t.Helper()
	top := t.TempDir()
	if err := os.Chmod(filepath.Dir(top), 0o755); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(top, "data")
	if err := os.CopyFS(filepath.Join(dir, "cache"), os.DirFS(filepath.Join(template, "cache"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// setModes changes all of a tree, for the time of the test.
func setModes(t *testing.T, dir string, dirs, files fs.FileMode) {
	t.Helper()
	change := func(dirs, files fs.FileMode) {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() {
				return os.Chmod(path, dirs)
			}
			return os.Chmod(path, files)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	change(dirs, files)
	t.Cleanup(func() { // or it cannot be removed
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		change(0o700, 0o600)
	})
}

// A data dir that may not be written is named, with what to do; nothing in it
// changes.
func TestReadOnlyDataDir(t *testing.T) {
	t.Parallel()
	as, give := unprivileged(t)
	dir := openDir(t)
	give(filepath.Dir(dir))
	pdf := write(t, textPDF(2, "read only"))
	s := serveWith(t, as, dir)
	j := s.upload(textPDF(2, "read only"))
	s.until(j.JobID, "completed", completed)
	if code, _ := s.signal(syscall.SIGTERM); code != 0 {
		t.Fatalf("exit %d", code)
	}
	setModes(t, dir, 0o500, 0o400)
	before := tree(t, dir)
	for _, args := range [][]string{
		{"serve", "--addr", "127.0.0.1:0"},
		{"extract", pdf},
		{"jobs", "resume", j.JobID},
		{"jobs", "list"},
	} {
		f := failsWith(t, as, 6, append(args, "--data-dir", dir)...)
		f.needsHint(t, "writ") // writable, write
		if !strings.Contains(f.Hint, dir) {
			t.Errorf("%v: hint does not name %s: %+v", args, dir, f)
		}
	}
	if after := tree(t, dir); after != before {
		t.Errorf("changed:\n%s\nwas:\n%s", after, before)
	}

	sealed := filepath.Join(filepath.Dir(dir), "sealed")
	if err := os.Mkdir(sealed, 0o500); err != nil {
		t.Fatal(err)
	}
	give(sealed)
	fresh := filepath.Join(sealed, "data")
	failsWith(t, as, 6, "serve", "--data-dir", fresh, "--addr", "127.0.0.1:0").needsHint(t, "writ")
}

// tree is the names of all that is in a folder, with the times of their last change.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b.WriteString(path + " " + info.ModTime().Format(time.RFC3339Nano) + "\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

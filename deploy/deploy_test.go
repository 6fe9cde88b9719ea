package deploy

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// analyze runs systemd-analyze on the units as they are shipped, but for what is
// not on the machine of a test: the program and its user.
func analyze(t *testing.T, args ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("THE UNITS ARE NOT ANALYZED: %v", err)
	}
	dir := t.TempDir()
	service := strings.NewReplacer("/usr/local/bin/mivaa serve", "/bin/true", "User=mivaa\nGroup=mivaa\n", "User=daemon\nGroup=daemon\n").Replace(Service)
	for name, text := range map[string]string{Unit + ".service": service, Unit + ".socket": Socket} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "systemd-analyze", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestUnitsAreSound(t *testing.T) {
	t.Parallel()
	out, err := analyze(t, "verify", "--recursive-errors=no", "./"+Unit+".service", "./"+Unit+".socket")
	if err != nil || strings.TrimSpace(out) != "" {
		t.Errorf("verify: %v\n%s", err, out)
	}
}

// Under 2.0, as systemd counts what a service could do beyond its task.
func TestUnitIsConfined(t *testing.T) {
	t.Parallel()
	out, err := analyze(t, "security", "--offline=true", "--threshold=20", "--no-pager", "./"+Unit+".service")
	if err != nil {
		t.Errorf("security: %v\n%s", err, out)
	}
	found := regexp.MustCompile(`exposure level for .*: ([0-9.]+)`).FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("no figure in:\n%s", out)
	}
	t.Logf("exposure %s", found[1])
	if strings.Contains(Service, "\nMemoryDenyWriteExecute=") {
		t.Error("compiled WebAssembly cannot live under MemoryDenyWriteExecute")
	}
}

// A service is given more time to stop than it takes by its own defaults.
func TestTimeToStop(t *testing.T) {
	t.Parallel()
	const grace = 20 * time.Second // --shutdown-grace
	found := regexp.MustCompile(`(?m)^TimeoutStopSec=(\d+)s$`).FindStringSubmatch(Service)
	if found == nil {
		t.Fatal("no TimeoutStopSec")
	}
	if n, err := strconv.Atoi(found[1]); err != nil || time.Duration(n)*time.Second < 2*grace {
		t.Errorf("TimeoutStopSec=%s leaves no room over %s", found[1], grace)
	}
}

func TestScript(t *testing.T) {
	t.Parallel()
	if out, err := exec.CommandContext(t.Context(), "bash", "-n", "deploy.sh").CombinedOutput(); err != nil {
		t.Errorf("deploy.sh: %v\n%s", err, out)
	}
	if _, err := exec.LookPath("shellcheck"); err == nil {
		if out, err := exec.CommandContext(t.Context(), "shellcheck", "deploy.sh").CombinedOutput(); err != nil {
			t.Errorf("deploy.sh: %v\n%s", err, out)
		}
	} else if os.Getenv("CI") != "" {
		t.Error(err)
	} else {
		t.Logf("SKIPPED: the script is not checked: %v", err)
	}
	out, err := exec.CommandContext(t.Context(), "bash", "deploy.sh").CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 2 || !bytes.Contains(out, []byte("NEW_BINARY")) {
		t.Errorf("without an argument: %v\n%s", err, out)
	}
}

// documents reads the documents of a YAML file.
func documents(t *testing.T, name string) (all []map[string]any) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for dec := yaml.NewDecoder(f); ; {
		var doc map[string]any
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, doc)
	}
}

// at walks into maps and lists.
func at(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch key := step.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("%v: no map at %q", path, key)
			}
			v = m[key]
		case int:
			list, ok := v.([]any)
			if !ok || key >= len(list) {
				t.Fatalf("%v: no list at %d", path, key)
			}
			v = list[key]
		}
	}
	return v
}

func TestKubernetes(t *testing.T) {
	t.Parallel()
	all := documents(t, "kubernetes.yaml")
	var kinds []string
	for _, doc := range all {
		kinds = append(kinds, doc["kind"].(string))
	}
	if want := []string{"Deployment", "Service", "PodDisruptionBudget"}; !slices.Equal(kinds, want) {
		t.Fatalf("kinds %q, want %q", kinds, want)
	}
	pod := at(t, all[0], "spec", "template", "spec")
	if grace := at(t, pod, "terminationGracePeriodSeconds").(int); grace < 5+20+20 {
		t.Errorf("a grace period of %d s is less than preStop, drain and shutdown take", grace)
	}
	container := at(t, pod, "containers", 0)
	for probe, path := range map[string]string{"startupProbe": "/health/live", "livenessProbe": "/health/live", "readinessProbe": "/health/ready"} {
		if got := at(t, container, probe, "httpGet", "path"); got != path {
			t.Errorf("%s asks %v, want %s: a pod that is not ready is not to be killed", probe, got, path)
		}
	}
	labels := at(t, all[0], "spec", "template", "metadata", "labels", "app")
	for i, path := range map[int][]any{1: {"spec", "selector", "app"}, 2: {"spec", "selector", "matchLabels", "app"}} {
		if got := at(t, all[i], path...); got != labels {
			t.Errorf("%s selects %v, the pods are %v", kinds[i], got, labels)
		}
	}
}

func TestCompose(t *testing.T) {
	t.Parallel()
	compose := documents(t, "compose.yaml")[0]
	for _, name := range []string{"mivaa-1", "mivaa-2"} {
		if got := at(t, compose, "services", name, "stop_grace_period"); got != "60s" {
			t.Errorf("%s is given %v to stop", name, got)
		}
		bucket, _, _ := strings.Cut(at(t, compose, "services", name, "environment", "MIVAA_BLOB_URL").(string), "?")
		making := at(t, compose, "services", "bucket", "command", 0).(string)
		if !strings.Contains(making, "--bucket "+strings.TrimPrefix(bucket, "s3://")+";") {
			t.Errorf("%s keeps sources in %s, which nobody makes", name, bucket)
		}
		if got := at(t, compose, "services", name, "depends_on", "bucket", "condition"); got != "service_completed_successfully" {
			t.Errorf("%s starts when its bucket is %v", name, got)
		}
	}
	known := compose["secrets"].(map[string]any)
	for name, service := range compose["services"].(map[string]any) {
		used, _ := service.(map[string]any)["secrets"].([]any)
		for _, secret := range used {
			if _, ok := known[secret.(string)]; !ok {
				t.Errorf("%s uses the secret %v, which there is not", name, secret)
			}
		}
	}
}

package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/collectors/host"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

func TestSettingsAreRefusedWithWhatWouldBeAccepted(t *testing.T) {
	schemas, err := sources.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	for rule, test := range map[string]struct{ settings, want string }{
		"unknown setting": {`{"rot": "/"}`, `{"root": "/a/folder"}`},
		"not an object":   {`[]`, `{"root": "/a/folder"}`},
		"two objects":     {`{}{}`, "one object"},
		"relative folder": {`{"root": "etc"}`, "starts with /"},
		"no such folder":  {below(empty + "/none"), "there is no folder"},
		"not a machine":   {below(empty), "holds no etc"},
	} {
		t.Run(rule, func(t *testing.T) {
			in := sources.NewIntake(schemas, clock.NewFixed(asof), nil)
			err := host.New().Collect(context.Background(), json.RawMessage(test.settings), in)
			if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want invalid with %q", err, test.want)
			}
		})
	}
}

func TestReadingStopsWhenItIsCancelled(t *testing.T) {
	schemas, err := sources.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	in := sources.NewIntake(schemas, clock.NewFixed(asof), nil)
	if err := host.New().Collect(ctx, nil, in); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestLinksDoNotLeadOutOfTheFolder(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, "secret", "outside")
	root := t.TempDir()
	write(t, root, "etc/real", "inside")
	link(t, outside+"/secret", root+"/etc/absolute")
	link(t, "../../../../../../.."+outside+"/secret", root+"/etc/relative")
	link(t, outside, root+"/etc/folder")
	link(t, "/etc/real", root+"/etc/own")
	link(t, "../../etc/real", root+"/etc/clamped")
	link(t, "loop", root+"/etc/loop")
	for name, want := range map[string]string{
		"/etc/real": "inside", "/etc/own": "inside", "/etc/clamped": "inside", "/../../etc/real": "inside",
		"/etc/absolute": "", "/etc/relative": "", "/etc/folder/secret": "", "/etc/loop": "",
	} {
		data, err := host.ReadTree(root, name, 100)
		if string(data) != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
}

func TestReaderHasLimits(t *testing.T) {
	root := t.TempDir()
	write(t, root, "etc/big", strings.Repeat("x", 101))
	if err := syscall.Mkfifo(filepath.Join(root, "etc/pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := host.ReadTree(root, "/etc/big", 100); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("too large: %v", err)
	}
	if data, err := host.ReadTree(root, "/etc/big", 101); err != nil || len(data) != 101 {
		t.Errorf("just fits: %v", err)
	}
	for _, name := range []string{"/etc/pipe", "/etc"} {
		if _, err := host.ReadTree(root, name, 100); err == nil {
			t.Errorf("%s is not a regular file and was read", name)
		}
	}
	if _, err := host.ReadTree(root, "/etc/none", 100); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if _, err := host.ReadTree("/", "/proc/self/status", 1<<20); err != nil {
		t.Errorf("a file of the kernel, which has no size: %v", err)
	}
}

func TestPatternsFindNames(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"etc/a/1.conf", "etc/a/2.conf", "etc/a/.hidden.conf", "etc/b/3.conf", "etc/a/4.txt"} {
		write(t, root, name, "")
	}
	for pattern, want := range map[string][]string{
		"/etc/*/*.conf":  {"/etc/a/1.conf", "/etc/a/2.conf", "/etc/b/3.conf"},
		"/etc/a/4.txt":   {"/etc/a/4.txt"},
		"/etc/c/*":       nil,
		"/etc/a/4.txt/*": nil,
		"/none":          nil,
	} {
		got, err := host.GlobTree(root, pattern)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", pattern, err, diff)
		}
	}
}

func TestMaskedTimerMeansNoAutomaticUpdates(t *testing.T) {
	root := plant(t, "debian")
	link(t, "/dev/null", root+"/etc/systemd/system/apt-daily-upgrade.timer")
	if got := machine(collect(t, below(root)))["unattended_upgrades"]; got != false {
		t.Errorf("unattended_upgrades is %v", got)
	}
}

func TestImageBootedAsAMachineIsNotAContainer(t *testing.T) {
	root := plant(t, "debian")
	write(t, root, ".dockerenv", "")
	if got := machine(collect(t, below(root)))["container"]; got != true {
		t.Errorf("with the mark of a container: %v", got)
	}
	for name, target := range map[string]string{"pid": "pid:[4026531836]", "uts": "uts:[4026531838]", "ipc": "ipc:[4026531839]"} {
		link(t, target, root+"/proc/self/ns/"+name)
	}
	if got := machine(collect(t, below(root)))["container"]; got != false {
		t.Errorf("in the kernel's first namespaces: %v", got)
	}
}

func TestEntitledMachineIsSupportedLonger(t *testing.T) {
	root := plant(t, "debian")
	write(t, root, "etc/os-release", "ID=ubuntu\nVERSION_ID=\"20.04\"\n")
	at := func(day string) time.Time {
		d, _ := time.Parse(time.DateOnly, day)
		return d.Add(24*time.Hour - time.Millisecond)
	}
	if got := machine(collect(t, below(root)))["os_supported_until"]; got != at("2025-05-29") {
		t.Errorf("without: %v", got)
	}
	write(t, root, "var/lib/ubuntu-advantage/status.json", `{"attached": true, "services": [{"name": "esm-infra", "status": "enabled"}]}`)
	if got := machine(collect(t, below(root)))["os_supported_until"]; got != at("2030-04-23") {
		t.Errorf("with extended maintenance: %v", got)
	}
	write(t, root, "etc/os-release", "ID=fedora\nVERSION_ID=99\nSUPPORT_END=2027-01-02\n")
	if got := machine(collect(t, below(root)))["os_supported_until"]; got != at("2027-01-02") {
		t.Errorf("by its own word: %v", got)
	}
}

func TestUpgradedReleaseIsNotJudgedByItsOldRecordOfSignIns(t *testing.T) {
	root := plant(t, "debian")
	write(t, root, "etc/os-release", "ID=debian\nVERSION_ID=\"13\"\n")
	for _, r := range collect(t, below(root)).Resources("account") {
		if _, known := r.Attrs["never_logged_in"]; known || !strings.Contains(r.Absent["last_login_at"], "no longer writes") {
			t.Fatalf("%s: %v %v", r.Key, r.Attrs["never_logged_in"], r.Absent["last_login_at"])
		}
	}
}

func machine(in *sources.Intake) map[string]any { return in.Resources("machine")[0].Attrs }

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

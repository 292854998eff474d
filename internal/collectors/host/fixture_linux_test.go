package host_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/collectors/host"
	"github.com/tickmark/tickmark/internal/sources"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	asof    = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	fetched = time.Date(2026, 10, 31, 6, 0, 0, 0, time.UTC)
)

// guarded are the files of a fixture that only root may read, as in life.
var guarded = []string{
	"etc/shadow", "etc/gshadow", "etc/sudoers", "etc/sudoers.d", "etc/ssh/ssh_host_ed25519_key", "etc/audit",
	"etc/ssh/sshd_config.d/50-redhat.conf", "home/ana", "sys/kernel/security/apparmor/profiles",
}

// plant copies a tree of testdata to where its modes, times and links can be
// those of a machine.
func plant(t *testing.T, name string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.Chmod(filepath.Dir(root), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(root, os.DirFS(filepath.Join("testdata", name))); err != nil {
		t.Fatal(err)
	}
	if name == "debian" {
		writeLastlog(t, root, map[int]time.Time{
			1000: time.Date(2026, 10, 20, 9, 0, 0, 0, time.UTC), 1001: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), 1003: {},
		})
		link(t, "socket:[1001]", filepath.Join(root, "proc/400/fd/3"))
	}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		mode := fs.FileMode(0o644)
		if entry.IsDir() {
			mode = 0o755
		}
		return os.Chmod(path, mode)
	})
	if err != nil {
		t.Fatal(err)
	}
	chmod(t, root, 0o640, "etc/shadow", "etc/gshadow")
	chmod(t, root, 0o440, "etc/sudoers")
	chmod(t, root, 0o600, "etc/ssh/ssh_host_ed25519_key")
	chmod(t, root, 0o666, "etc/cron.d/backup")
	chmod(t, root, 0o777, "home/guest")
	return root
}

// settle gives every file the same time, last of all: changing a folder's
// content changes its time.
func settle(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		return os.Chtimes(path, fetched, fetched)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, root string, mode fs.FileMode, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.Chmod(filepath.Join(root, name), mode); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

// writeLastlog writes records as login does on x86_64.
func writeLastlog(t *testing.T, root string, at map[int]time.Time) {
	t.Helper()
	f, err := os.Create(filepath.Join(root, "var/log/lastlog"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for uid, when := range at {
		record := make([]byte, 292)
		if !when.IsZero() {
			binary.LittleEndian.PutUint32(record, uint32(when.Unix()))
			copy(record[4:], "pts/0")
		}
		if _, err := f.WriteAt(record, int64(uid)*292); err != nil {
			t.Fatal(err)
		}
	}
}

// asNobody runs f without the rights of root, on this thread alone.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	runtime.LockOSThread()
	setEUID := func(euid uintptr) {
		keep := ^uintptr(0)
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, keep, euid, keep); errno != 0 {
			t.Fatal(errno) // the thread stays locked, so that it ends with the test
		}
	}
	setEUID(65534)
	defer func() {
		setEUID(0)
		runtime.UnlockOSThread()
	}()
	f()
}

func collect(t *testing.T, settings string) *sources.Intake {
	t.Helper()
	schemas, err := sources.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	in := sources.NewIntake(schemas, clock.NewFixed(asof), nil)
	if err := host.New().Collect(context.Background(), json.RawMessage(settings), in); err != nil {
		t.Fatal(err)
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return in
}

// below are the settings that read a folder.
func below(root string) string { return fmt.Sprintf(`{"root": %q}`, root) }

var ranAs = regexp.MustCompile(`user id \d+`)

// render writes down what a run found, without what depends on who ran it.
func render(in *sources.Intake) string {
	var b strings.Builder
	schemas, _ := sources.Schemas()
	for _, kind := range in.Kinds() {
		resources := in.Resources(kind)
		fmt.Fprintf(&b, "%s: %d\n", kind, len(resources))
		for _, r := range resources {
			fmt.Fprintf(&b, "  %s\n", r.Key)
			for _, field := range schemas[kind].FieldNames() {
				switch field {
				case "effective_uid", "root", "owner", "group":
					continue
				}
				if v, ok := r.Attrs[field]; ok {
					if at, is := v.(time.Time); is {
						v = at.Format(time.RFC3339)
					}
					fmt.Fprintf(&b, "    %s: %v\n", field, v)
				} else {
					fmt.Fprintf(&b, "    %s? %s\n", field, r.Absent[field])
				}
			}
		}
	}
	for _, m := range in.Missings() {
		fmt.Fprintf(&b, "missing %s %s: %s [%s]\n", m.Kind, m.Field, m.Reason, m.Remedy)
	}
	for _, raw := range in.Raws() {
		fmt.Fprintf(&b, "raw %s\n", raw.Name)
	}
	return ranAs.ReplaceAllString(b.String(), "user id N")
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestReadsWholeMachines(t *testing.T) {
	for _, name := range []string{"debian", "rhel", "container", "garbage"} {
		t.Run(name, func(t *testing.T) {
			root := plant(t, name)
			settle(t, root)
			in := collect(t, below(root))
			everythingIsSaid(t, in)
			noSecret(t, in)
			if name != "garbage" { // of that, what matters is that it is survived and said
				golden(t, name, render(in))
			}
		})
	}
}

func TestSaysWhatAnOrdinaryUserCannotRead(t *testing.T) {
	for _, name := range []string{"debian", "rhel"} {
		t.Run(name, func(t *testing.T) {
			root := plant(t, name)
			settle(t, root)
			chmod(t, root, 0, guarded...)
			t.Cleanup(func() { chmod(t, root, 0o755, guarded...) })
			var in *sources.Intake
			asNobody(t, func() { in = collect(t, below(root)) })
			everythingIsSaid(t, in)
			noSecret(t, in)
			golden(t, name+"-nobody", render(in))
		})
	}
}

// everythingIsSaid fails for a field that has neither a value nor a reason.
func everythingIsSaid(t *testing.T, in *sources.Intake) {
	t.Helper()
	schemas, err := sources.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(in.Resources("machine")); n != 1 {
		t.Errorf("%d machines", n)
	}
	for _, kind := range in.Kinds() {
		for _, r := range in.Resources(kind) {
			for _, field := range schemas[kind].FieldNames() {
				if _, known := r.Attrs[field]; !known && r.Absent[field] == "" {
					t.Errorf("%s %s: %s has neither a value nor a reason", kind, r.Key, field)
				}
			}
		}
	}
	covered := append(in.Kinds(), missedKinds(in)...)
	for _, kind := range []string{
		"account", "listening_service", "log_source", "machine", "mount", "password_policy", "security_update", "sensitive_file", "ssh_service", "sudo_rule",
	} {
		if !slices.Contains(covered, kind) {
			t.Errorf("%s is neither covered nor missing", kind)
		}
	}
}

func missedKinds(in *sources.Intake) []string {
	kinds := map[string]bool{}
	for _, m := range in.Missings() {
		kinds[m.Kind] = true
	}
	return slices.Collect(maps.Keys(kinds))
}

// noSecret fails where something left the machine that no evidence may hold.
func noSecret(t *testing.T, in *sources.Intake) {
	t.Helper()
	var all strings.Builder
	for _, kind := range in.Kinds() {
		for _, r := range in.Resources(kind) {
			fmt.Fprintf(&all, "%v\n", r)
		}
	}
	for _, raw := range in.Raws() {
		all.Write(raw.Data)
	}
	fmt.Fprint(&all, in.Missings(), in.Scopes())
	for _, secret := range []string{"notarealhash", "$fixture$", "AAAAC3NzaC1lZDI1NTE5", "not a key", "555-0100", "the spare key"} {
		if strings.Contains(all.String(), secret) {
			t.Errorf("%q was collected", secret)
		}
	}
}

func TestOneRealMachine(t *testing.T) {
	in := collect(t, `{}`)
	everythingIsSaid(t, in)
	machine := in.Resources("machine")[0]
	if machine.Attrs["effective_uid"] != int64(os.Geteuid()) || machine.Attrs["root"] != (os.Geteuid() == 0) {
		t.Errorf("ran as %v, root %v", machine.Attrs["effective_uid"], machine.Attrs["root"])
	}
	if in.Scopes()["root"] != "/" {
		t.Errorf("scope is %v", in.Scopes())
	}
	for _, r := range in.Resources("account") {
		if _, known := r.Attrs["password_set"]; !known && os.Geteuid() == 0 && in.Missings() == nil {
			t.Errorf("%s: password_set is unknown to root and nothing is said to be missing", r.Key)
		}
	}
}

func TestOneRealMachineAsNobody(t *testing.T) {
	asNobody(t, func() {
		in := collect(t, `{}`)
		everythingIsSaid(t, in)
		if len(in.Missings()) == 0 {
			t.Error("an ordinary user cannot see everything, and nothing was said to be missing")
		}
	})
}

func TestReadsTheSameTwice(t *testing.T) {
	root := plant(t, "debian")
	settle(t, root)
	first, second := render(collect(t, below(root))), render(collect(t, below(root)))
	if diff := cmp.Diff(first, second); diff != "" {
		t.Error(diff)
	}
}

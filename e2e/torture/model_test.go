package torture_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// after cuts the power of what build made and returns what is left.
func after(t *testing.T, seed uint64, build func(d *disk)) map[string][]byte {
	t.Helper()
	d := newDisk()
	build(d)
	d.cut(rand.New(rand.NewPCG(seed, 0)))
	dir := t.TempDir()
	if err := d.dump(dir); err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		out[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// cuts is how many different cuts each rule of the model is tried under.
const cuts = 200

// ends counts in how many cuts each state is what is left.
func ends(t *testing.T, build func(d *disk), state func(map[string][]byte) string) map[string]int {
	t.Helper()
	out := map[string]int{}
	for seed := range uint64(cuts) {
		out[state(after(t, seed, build))]++
	}
	return out
}

var (
	oldBytes = bytes.Repeat([]byte{'o'}, 4*sector)
	newBytes = bytes.Repeat([]byte{'n'}, 4*sector)
)

// state says in a word what became of a file that was rewritten.
func state(b []byte, there bool) string {
	switch {
	case !there:
		return "gone"
	case bytes.Equal(b, oldBytes):
		return "old"
	case bytes.Equal(b, newBytes):
		return "new"
	case len(b) == 0:
		return "empty"
	}
	for at := 0; at < len(b); at += sector {
		if s := b[at : at+sector]; !bytes.Equal(s, oldBytes[:sector]) && !bytes.Equal(s, newBytes[:sector]) && !bytes.Equal(s, make([]byte, sector)) {
			return "a sector in pieces"
		}
	}
	return "torn"
}

// The model of a power cut loses what it may and keeps what it must.
func TestDiskKeepsWhatWasSyncedAndNothingElse(t *testing.T) {
	file := func(d *disk, name string) *inode {
		n := d.make(false, 0o600)
		d.rename(move{{d.root, name, n}})
		return n
	}
	for _, c := range []struct {
		name  string
		build func(d *disk)
		may   []string // each must happen; nothing else may
	}{
		{"file and folder synced", func(d *disk) {
			n := file(d, "f")
			d.change(n, change{0, newBytes})
			d.sync(n)
			d.sync(d.root)
		}, []string{"new"}},
		{"only the file synced", func(d *disk) {
			n := file(d, "f")
			d.change(n, change{0, newBytes})
			d.sync(n)
		}, []string{"new", "gone"}},
		{"only the folder synced", func(d *disk) {
			n := file(d, "f")
			d.change(n, change{0, newBytes})
			d.sync(d.root)
		}, []string{"new", "empty", "torn"}},
		{"rewritten without a sync", func(d *disk) {
			n := file(d, "f")
			d.change(n, change{0, oldBytes})
			d.sync(n)
			d.sync(d.root)
			d.change(n, change{0, newBytes})
		}, []string{"old", "new", "torn"}},
		{"renamed over, folder not synced", func(d *disk) {
			n := file(d, "f")
			d.change(n, change{0, oldBytes})
			d.sync(n)
			d.sync(d.root)
			m := file(d, "g")
			d.change(m, change{0, newBytes})
			d.sync(m)
			d.rename(move{{d.root, "g", nil}, {d.root, "f", m}})
		}, []string{"old", "new"}},
		{"removed, folder not synced", func(d *disk) {
			n := file(d, "f")
			d.change(n, change{0, oldBytes})
			d.sync(n)
			d.sync(d.root)
			d.rename(move{{d.root, "f", nil}})
		}, []string{"old", "gone"}},
		{"removed, folder synced", func(d *disk) {
			n := file(d, "f")
			d.change(n, change{0, oldBytes})
			d.sync(n)
			d.sync(d.root)
			d.rename(move{{d.root, "f", nil}})
			d.sync(d.root)
		}, []string{"gone"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ends(t, c.build, func(files map[string][]byte) string {
				b, there := files["f"]
				return state(b, there)
			})
			total := 0
			for _, s := range c.may {
				if got[s] == 0 {
					t.Errorf("never %s in %d cuts: %v", s, cuts, got)
				}
				total += got[s]
			}
			if total != cuts {
				t.Errorf("got %v, want only %v", got, c.may)
			}
		})
	}
}

func TestDiskIsDumpedAndLoaded(t *testing.T) {
	dir := t.TempDir()
	for name, b := range map[string]string{"a/b/c": "one", "d": ""} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, err := loadDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "copy")
	if err := d.dump(to); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(to, "a/b/c")); string(b) != "one" {
		t.Errorf("got %q, %v", b, err)
	}
	if b, err := os.ReadFile(filepath.Join(to, "d")); len(b) != 0 || err != nil {
		t.Errorf("got %q, %v", b, err)
	}
}

package torture_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/arch/repo"
)

var update = flag.Bool("update", false, "keep a data directory of this release in testdata")

// Data directories of earlier releases are kept for good, each as a process
// that was killed had left it, with its keys and with what was acknowledged.
// Their root keys are public, so nothing in them is secret. A kept one is never
// made again: "go test ./e2e/torture -run TestOld -update" adds the one of this
// schema if there is none.
func TestOldDirectoriesOpenMigrateAndVerify(t *testing.T) {
	if *update {
		keep(t)
	}
	for _, path := range olds(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			p, w := unpack(t, path)
			w.everything()
			f := oracle(t.Context(), p, w)
			f.report(t, "after an upgrade")
		})
	}
}

// A kill while the schema is brought up to date leaves what the next start can
// go on from. That an older program refuses a newer schema is tested in
// internal/db.
func TestKillDuringAnUpgrade(t *testing.T) {
	wanted(t)
	a := newTally("kill -9 during an upgrade")
	work, _ := workNamed("start")
	r := chance(t)
	for _, path := range olds(t) {
		window := undisturbed(t, work, func() (place, *witness) { return unpack(t, path) })
		for range times(t, 5, 50) {
			p, w := unpack(t, path)
			killOnce(t, w, p, work, r, window)
			w.everything()
			f := oracle(t.Context(), p, w)
			f.report(t, "after a kill during an upgrade")
			a.add(f)
			a.runs++
		}
	}
	a.print(t)
}

func olds(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join("testdata", "*.tar.gz"))
	if err != nil || len(list) == 0 {
		t.Fatalf("no data directory of an earlier release is kept: %v", err)
	}
	return list
}

// keep makes an installation and packs it while it is open, as a kill would
// leave it.
func keep(t *testing.T) {
	t.Helper()
	root, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	list, err := filepath.Glob(filepath.Join(root, "internal", "db", "migrations", "*.sql"))
	if err != nil || len(list) == 0 {
		t.Fatal(err)
	}
	number, _, _ := strings.Cut(filepath.Base(list[len(list)-1]), "_")
	path := filepath.Join("testdata", "schema-"+number+".tar.gz")
	if _, err := os.Stat(path); err == nil {
		t.Logf("%s is kept already", path)
		return
	}
	p, w := place{dir: t.TempDir()}, newWitness()
	e, err := p.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer e.DB.Close()
	if w.Org, err = organization(t.Context(), e, true); err != nil {
		t.Fatal(err)
	}
	hand := &worker{desk: taker(e, w.Org), w: hearing{&look{findings: &findings{}, w: w}}}
	for n := 0; len(w.Taken) < 8; n++ {
		if key := fmt.Sprintf("old-%d", n); len(content(key)) < 4000 { // small: it stays in the repository
			if err := hand.take(t.Context(), key, len(w.Taken)%2 == 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := pack(p.dir, path, w); err != nil {
		t.Fatal(err)
	}
}

func pack(dir, path string, w *witness) (err error) {
	told, err := json.MarshalIndent(w, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "acknowledged.json"), told, 0o600); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	z, _ := gzip.NewWriterLevel(f, gzip.BestCompression)
	out := tar.NewWriter(z)
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(path, "-shm") || strings.HasSuffix(path, ".lock") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if err := out.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(b))}); err != nil {
			return err
		}
		_, err = out.Write(b)
		return err
	})
	return errors.Join(err, out.Close(), z.Close(), f.Close())
}

func unpack(t *testing.T, path string) (place, *witness) {
	t.Helper()
	dir, w := t.TempDir(), newWitness()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for in := tar.NewReader(z); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || !filepath.IsLocal(h.Name) {
			t.Fatalf("%s: %s, %v", path, h.Name, err)
		}
		b, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, h.Name)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	told, err := os.ReadFile(filepath.Join(dir, "acknowledged.json"))
	if err == nil {
		err = json.Unmarshal(told, w)
	}
	if err != nil || len(w.Taken) == 0 || len(w.Receipts) == 0 {
		t.Fatalf("%s does not say what was acknowledged: %v", path, err)
	}
	return place{dir: dir}, w
}

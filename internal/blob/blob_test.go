package blob_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/blob/blobtest"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/seal"
)

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func TestDiskIsAStore(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store {
		s, err := blob.NewDisk(filepath.Join(t.TempDir(), "below", "blobs"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestDiskStaysInItsDirectory(t *testing.T) {
	dir := t.TempDir()
	s, err := blob.NewDisk(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "abc", "../up", "..\\up", "a/../../up", "/abs", ".tmp-x", "..", "abcd/e", "nul\x00name"} {
		if err := s.Put(t.Context(), name, strings.NewReader("x")); err == nil {
			t.Errorf("%q is stored", name)
		}
		if _, err := s.Open(t.Context(), name); err == nil {
			t.Errorf("%q is opened", name)
		}
		if err := s.Delete(t.Context(), name); err == nil {
			t.Errorf("%q is deleted", name)
		}
	}
	got, err := os.ReadDir(dir)
	if err != nil || len(got) != 1 {
		t.Errorf("beside the blobs: %v, %v", got, err)
	}
}

func TestDiskOverlooksWhatACrashLeft(t *testing.T) {
	dir := t.TempDir()
	s, err := blob.NewDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "abcd", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ab", ".tmp-123"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := s.List(t.Context(), func(blob.Object) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("listed %d, %v; want 1", n, err)
	}
}

// house is a vault and what it stands on.
type house struct {
	*blob.Vault
	d   *db.DB
	dir string
	org id.Org
}

func build(t *testing.T, d *db.DB, root *seal.Root) *house {
	t.Helper()
	h := &house{d: d, dir: t.TempDir(), org: id.New[id.Org](now)}
	h.open(t, root)
	err := d.Write(t.Context(), string(h.org), func(tx *db.Tx) error { return h.NewOrg(tx, h.org) })
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) open(t *testing.T, root *seal.Root) {
	t.Helper()
	s, err := blob.NewDisk(h.dir)
	if err != nil {
		t.Fatal(err)
	}
	h.Vault = blob.NewVault(h.d, s, root)
}

// files lists the files of the store.
func (h *house) files(t *testing.T) (out []string) {
	t.Helper()
	err := filepath.WalkDir(h.dir, func(p string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			out = append(out, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (h *house) store(t *testing.T, data string) blob.Sealed {
	t.Helper()
	s, err := h.Store(t.Context(), h.org, []byte(data), now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (h *house) want(t *testing.T, address, data string) {
	t.Helper()
	if got, err := h.Get(t.Context(), h.org, address); err != nil || string(got) != data {
		t.Errorf("got %d bytes, %v; want %d", len(got), err, len(data))
	}
}

func TestBytesComeBack(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		root := seal.NewRoot()
		h := build(t, d, root)
		for _, data := range []string{"", "x", "hello", strings.Repeat("personal data ", 20_000)} {
			s := h.store(t, data)
			if s.Size != int64(len(data)) {
				t.Errorf("size %d, want %d", s.Size, len(data))
			}
			h.want(t, s.Address, data)
			found, err := h.Find(t.Context(), h.org, s.Address)
			if err != nil || found.SHA256 != s.SHA256 || found.Size != s.Size {
				t.Errorf("found %+v, %v", found, err)
			}
			if at, err := h.AddressOf(t.Context(), h.org, s.SHA256); err != nil || at != s.Address {
				t.Errorf("its address is %s, %v; want %s", at, err, s.Address)
			}
		}
		for _, f := range h.files(t) {
			b, err := os.ReadFile(f)
			if err != nil || bytes.Contains(b, []byte("personal data")) || bytes.Contains(b, []byte("hello")) {
				t.Errorf("%s can be read by anybody, %v", f, err)
			}
		}
		h.open(t, root) // another process
		h.want(t, h.store(t, "hello").Address, "hello")
	})
}

func TestSameBytesAreKeptOncePerOrganization(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		root := seal.NewRoot()
		h := build(t, d, root)
		a, b := h.store(t, "hello"), h.store(t, "hello")
		if a.Address != b.Address || len(h.files(t)) != 1 {
			t.Errorf("addresses %s and %s in %d files", a.Address, b.Address, len(h.files(t)))
		}
		other := build(t, d, root)
		if c := other.store(t, "hello"); c.Address == a.Address {
			t.Error("two organizations can see that they have the same bytes")
		}
		if _, err := other.Get(t.Context(), other.org, a.Address); !errors.Is(err, blob.ErrErased) {
			t.Errorf("another organization's bytes: got %v, want %v", err, blob.ErrErased)
		}
	})
}

func TestTwoWritersOfTheSameBytes(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d, seal.NewRoot())
		// Both have put before either is kept.
		a, err := h.Put(t.Context(), h.org, []byte("hello"))
		if err != nil {
			t.Fatal(err)
		}
		b, err := h.Put(t.Context(), h.org, []byte("hello"))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []blob.Sealed{b, a} {
			if err := d.Write(t.Context(), string(h.org), func(tx *db.Tx) error { return h.Keep(tx, h.org, s, now) }); err != nil {
				t.Fatal(err)
			}
			h.want(t, a.Address, "hello")
		}
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				data := fmt.Sprintf("bytes %d", i%4)
				s, err := h.Store(t.Context(), h.org, []byte(data), now)
				if err != nil {
					t.Error(err)
					return
				}
				h.want(t, s.Address, data)
			})
		}
		wg.Wait()
	})
}

func TestBytesNobodyKeptAreHarmless(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d, seal.NewRoot())
		s, err := h.Put(t.Context(), h.org, []byte("hello"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Get(t.Context(), h.org, s.Address); !errors.Is(err, blob.ErrErased) {
			t.Errorf("got %v, want %v: no record speaks of them", err, blob.ErrErased)
		}
		refused := errors.New("refused")
		err = d.Write(t.Context(), string(h.org), func(tx *db.Tx) error { return errors.Join(h.Keep(tx, h.org, s, now), refused) })
		if !errors.Is(err, refused) {
			t.Fatal(err)
		}
		if _, err := h.Get(t.Context(), h.org, s.Address); !errors.Is(err, blob.ErrErased) {
			t.Errorf("got %v, want %v: the record was refused", err, blob.ErrErased)
		}
		h.want(t, h.store(t, "hello").Address, "hello")
	})
}

func TestWhatIsWrongWithBytesIsSaid(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for name, c := range map[string]struct {
			damage func(h *house, file, address string) error
			words  string
		}{
			"missing":   {func(_ *house, f, _ string) error { return os.Remove(f) }, "is missing from the store: restore it from a backup"},
			"cut short": {func(_ *house, f, _ string) error { return os.Truncate(f, 300) }, "is damaged"},
			"emptied":   {func(_ *house, f, _ string) error { return os.Truncate(f, 0) }, "blob"},
			"changed": {func(_ *house, f, _ string) error {
				b, err := os.ReadFile(f)
				if err == nil {
					b[len(b)-1] ^= 1
					err = os.WriteFile(f, b, 0o600)
				}
				return err
			}, "is damaged"},
			"replaced by another's": {func(h *house, f, _ string) error {
				for _, other := range h.files(t) {
					if other != f {
						b, err := os.ReadFile(other)
						return errors.Join(err, os.WriteFile(f, b, 0o600))
					}
				}
				return errors.New("no other file")
			}, "blob"},
			"key exchanged": {func(h *house, _, address string) error {
				return h.d.Write(t.Context(), string(h.org), func(tx *db.Tx) error {
					_, err := tx.Exec("UPDATE blob SET file_key = (SELECT b.file_key FROM blob b WHERE b.org_id = ? AND b.address <> ?) WHERE org_id = ? AND address = ?",
						h.org, address, h.org, address)
					return err
				})
			}, "its key does not open"},
		} {
			h := build(t, d, seal.NewRoot())
			data := strings.Repeat("hello", 1000)
			s := h.store(t, data)
			file := h.files(t)[0]
			h.store(t, strings.Repeat("other", 1000))
			if err := c.damage(h, file, s.Address); err != nil {
				t.Fatal(err)
			}
			_, err := h.Get(t.Context(), h.org, s.Address)
			if err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%s: got %v, want %q", name, err, c.words)
			}
		}
	})
}

// Whoever brings the bytes again must not be told that they are kept already.
func TestLostBytesThatComeAgainAreKept(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d, seal.NewRoot())
		s := h.store(t, "hello")
		if err := os.Remove(h.files(t)[0]); err != nil {
			t.Fatal(err)
		}
		again := h.store(t, "hello")
		if again.Address != s.Address {
			t.Errorf("the address is %s, was %s", again.Address, s.Address)
		}
		h.want(t, s.Address, "hello")
	})
}

func TestErasedBytesStayErased(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		root := seal.NewRoot()
		h := build(t, d, root)
		s := h.store(t, "hello")
		err := d.Write(t.Context(), string(h.org), func(tx *db.Tx) error {
			_, err := tx.Exec("DELETE FROM blob WHERE org_id = ? AND address = ?", h.org, s.Address)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := h.Get(t.Context(), h.org, s.Address); !errors.Is(err, blob.ErrErased) {
				t.Errorf("got %v, want %v", err, blob.ErrErased)
			}
			h.open(t, root)
		}
		if len(h.files(t)) != 1 {
			t.Error("this test erases something else than the key")
		}
		h.want(t, h.store(t, "hello").Address, "hello") // the same bytes may come again
	})
}

func TestAnotherRootKeyOpensNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d, seal.NewRoot())
		s := h.store(t, "hello")
		h.open(t, seal.NewRoot())
		if _, err := h.Get(t.Context(), h.org, s.Address); err == nil || !strings.Contains(err.Error(), "was another root key put in place?") {
			t.Errorf("get: got %v, want a refusal", err)
		}
		if _, err := h.Put(t.Context(), h.org, []byte("x")); err == nil {
			t.Error("put: stored under another key")
		}
	})
}

func TestSizeIsLimited(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := build(t, d, seal.NewRoot())
		_, err := h.Put(t.Context(), h.org, make([]byte, blob.MaxSize+1))
		if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), "at most 67108864") {
			t.Errorf("got %v, want a refusal that says what is accepted", err)
		}
		if len(h.files(t)) != 0 {
			t.Error("stored all the same")
		}
		if _, err := h.Put(t.Context(), "org_unknown", []byte("x")); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("unknown organization: got %v, want not found", err)
		}
	})
}

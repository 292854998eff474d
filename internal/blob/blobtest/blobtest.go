// Package blobtest is what a store of blobs must do, as a test: whoever writes
// another store runs it.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tickmark/tickmark/internal/blob"
)

// Run tests a kind of store. open returns an empty one.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	for name, test := range map[string]func(*testing.T, blob.Store){
		"ReadsBackWhatWasPut":        readsBack,
		"KeepsWhatIsThere":           keeps,
		"ComparesWhatIsThere":        compares,
		"KnowsWhatIsNotThere":        absent,
		"DeletesForGood":             deletes,
		"StoresNothingOfAFailedRead": failed,
		"TakesManyAtOnce":            many,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func put(t *testing.T, s blob.Store, name string, data []byte) {
	t.Helper()
	if err := s.Put(t.Context(), name, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s blob.Store, name string) []byte {
	t.Helper()
	r, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return b
}

func list(t *testing.T, s blob.Store) []string {
	t.Helper()
	var out []string
	if err := s.List(t.Context(), func(o blob.Object) error {
		if got, err := s.Stat(t.Context(), o.Name); err != nil || got.Name != o.Name || got.Size != o.Size {
			t.Errorf("listed %+v, but it is %+v, %v", o, got, err)
		}
		if o.Modified.IsZero() {
			t.Errorf("%s: not said when it was stored", o.Name)
		}
		out = append(out, o.Name)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func readsBack(t *testing.T, s blob.Store) {
	for i, n := range []int{0, 1, 4096, 3 << 20} {
		name, data := fmt.Sprintf("%04d-name", i), bytes.Repeat([]byte{byte(i), 0, 255}, n/3+1)[:n]
		put(t, s, name, data)
		if got := get(t, s, name); !bytes.Equal(got, data) {
			t.Errorf("%d bytes: %d come back, or others", n, len(got))
		}
		if o, err := s.Stat(t.Context(), name); err != nil || o.Name != name || o.Size != int64(n) {
			t.Errorf("%d bytes are described as %+v, %v", n, o, err)
		}
	}
	if got, want := list(t, s), []string{"0000-name", "0001-name", "0002-name", "0003-name"}; !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	stop := errors.New("enough")
	if err := s.List(t.Context(), func(blob.Object) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("listing goes on after %v: %v", stop, err)
	}
}

func keeps(t *testing.T, s blob.Store) {
	put(t, s, "name", []byte("first"))
	put(t, s, "name", []byte("other"))
	if got := get(t, s, "name"); string(got) != "first" {
		t.Errorf("got %q, want what was put first", got)
	}
}

func compares(t *testing.T, s blob.Store) {
	put(t, s, "name", []byte("first"))
	for _, data := range []string{"", "firs", "first and more"} {
		if err := s.Put(t.Context(), "name", strings.NewReader(data)); err == nil {
			t.Errorf("%q counts as stored, though %q is there", data, "first")
		}
	}
	if got := get(t, s, "name"); string(got) != "first" {
		t.Errorf("got %q, want what was put first", got)
	}
}

func absent(t *testing.T, s blob.Store) {
	if got := list(t, s); len(got) != 0 {
		t.Errorf("an empty store lists %v", got)
	}
	for _, name := range []string{"absent", "ab-other"} {
		if r, err := s.Open(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, %v; want %v", r, err, fs.ErrNotExist)
		}
		if o, err := s.Stat(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("described as %+v, %v; want %v", o, err, fs.ErrNotExist)
		}
		if err := s.Delete(t.Context(), name); err != nil {
			t.Errorf("delete what is not there: %v", err)
		}
	}
}

func deletes(t *testing.T, s blob.Store) {
	put(t, s, "name-a", []byte("a"))
	put(t, s, "name-b", []byte("b"))
	for range 2 {
		if err := s.Delete(t.Context(), "name-a"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Open(t.Context(), "name-a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
	if got := list(t, s); !slices.Equal(got, []string{"name-b"}) {
		t.Errorf("listed %v, want the other", got)
	}
	put(t, s, "name-a", []byte("again"))
	if got := get(t, s, "name-a"); string(got) != "again" {
		t.Errorf("got %q, want what was put after", got)
	}
}

// broken is a reader that fails halfway.
type broken struct{ n int }

func (b *broken) Read(p []byte) (int, error) {
	if b.n -= len(p); b.n < 0 {
		return 0, errors.New("the line is cut")
	}
	return len(p), nil
}

func failed(t *testing.T, s blob.Store) {
	if err := s.Put(t.Context(), "name", &broken{200_000}); err == nil {
		t.Error("half an object is stored")
	}
	if _, err := s.Open(t.Context(), "name"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
	if got := list(t, s); len(got) != 0 {
		t.Errorf("listed %v", got)
	}
}

func many(t *testing.T, s blob.Store) {
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			// Three writers of each, all with the same bytes.
			name := fmt.Sprintf("%02d-name", i%8)
			if err := s.Put(context.Background(), name, bytes.NewReader(bytes.Repeat([]byte(name), 1000))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range 8 {
		name := fmt.Sprintf("%02d-name", i)
		if got := get(t, s, name); !bytes.Equal(got, bytes.Repeat([]byte(name), 1000)) {
			t.Errorf("%s: %d bytes, or others", name, len(got))
		}
	}
	if got := list(t, s); len(got) != 8 {
		t.Errorf("listed %v, want 8 names", got)
	}
}

package durable_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/tickmark/tickmark/internal/durable"
)

func TestWriteReplacesWholeOrNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, text := range []string{"one", "two"} {
		if err := durable.Write(path, durable.Bytes([]byte(text))); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != text {
			t.Fatalf("%q %v", b, err)
		}
	}
	broken := errors.New("broken")
	err := durable.Write(path, func(w io.Writer) error {
		io.WriteString(w, "half")
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(path); string(b) != "two" {
		t.Fatalf("a failed write left %q", b)
	}
	if err := durable.Create(path, durable.Bytes([]byte("three"))); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("created over what is there: %v", err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Fatalf("%d files are left: %v", len(left), err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v %v", info.Mode(), err)
	}
	if err := durable.Write(filepath.Join(path, "x"), durable.Bytes(nil)); !errors.Is(err, durable.ErrFolder) {
		t.Fatalf("below a file: %v", err)
	}
	if err := durable.SyncAbove(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
}

func TestSpoolGivesBackWhatItGot(t *testing.T) {
	s, err := durable.NewSpool()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := rand.New(rand.NewPCG(1, 2))
	var want []byte
	for len(want) < 300_000 {
		p := make([]byte, r.IntN(100_000))
		for i := range p {
			p[i] = byte(r.Uint32())
		}
		if n, err := s.Write(p); n != len(p) || err != nil {
			t.Fatal(n, err)
		}
		want = append(want, p...)
	}
	got, err := io.ReadAll(s.Reader())
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d of %d bytes, %v", len(got), len(want), err)
	}
	for range 100 {
		at := r.IntN(len(want))
		p := make([]byte, r.IntN(5000))
		n, err := s.ReadAt(p, int64(at))
		if n != min(len(p), len(want)-at) || !bytes.Equal(p[:n], want[at:at+n]) || (n < len(p)) != errors.Is(err, io.EOF) {
			t.Fatalf("at %d: %d of %d, %v", at, n, len(p), err)
		}
	}
}

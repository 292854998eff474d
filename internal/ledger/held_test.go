package ledger_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/ledger"
)

func headOf(log int, size int64) canon.Checkpoint {
	key := make([]byte, 32)
	key[0], key[1] = byte(log), byte(log>>8)
	return canon.Checkpoint{Origin: canon.Origin(key, 1), Size: size, Root: tlog.RecordHash([]byte(fmt.Sprint(log, size)))}
}

func openHeld(t testing.TB, path string) *ledger.Held {
	t.Helper()
	h, err := ledger.OpenHeld(path)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func put(t *testing.T, h *ledger.Held, c canon.Checkpoint) {
	t.Helper()
	if err := h.Put(c); err != nil {
		t.Fatal(err)
	}
}

func wantHeld(t *testing.T, h *ledger.Held, want canon.Checkpoint) {
	t.Helper()
	if got, ok := h.Of(want.Origin); !ok || got != want {
		t.Errorf("held is %+v (%v), want %+v", got, ok, want)
	}
}

func TestHeldKeepsTheNewestOfEachLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "held")
	h := openHeld(t, path)
	if _, ok := h.Of(headOf(1, 1).Origin); ok {
		t.Error("an empty file holds a head")
	}
	for _, c := range []canon.Checkpoint{headOf(1, 3), headOf(2, 9), headOf(1, 5), headOf(1, 4), headOf(1, 5)} {
		put(t, h, c)
	}
	other := headOf(1, 5)
	other.Root[0] ^= 1
	if err := h.Put(other); err == nil {
		t.Error("two heads of one size are held")
	}
	for range 2 {
		wantHeld(t, h, headOf(1, 5))
		wantHeld(t, h, headOf(2, 9))
		h = openHeld(t, path)
	}
}

func TestHeldDropsWhatACrashCutShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "held")
	h := openHeld(t, path)
	put(t, h, headOf(1, 3))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	put(t, h, headOf(1, 5))
	both, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := len(whole); n < len(both); n++ {
		if err := os.WriteFile(path, both[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		h := openHeld(t, path)
		wantHeld(t, h, headOf(1, 3))
		put(t, h, headOf(1, 6))
		wantHeld(t, openHeld(t, path), headOf(1, 6))
	}
}

func TestHeldThatWasEditedIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "held")
	h := openHeld(t, path)
	put(t, h, headOf(1, 3))
	put(t, h, headOf(1, 5))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	for name, bad := range map[string]string{
		"another size":   strings.Replace(good, "\n3\n", "\n03\n", 1),
		"another origin": strings.Replace(good, "tickmark/", "Tickmark/", 1),
		"a line more":    strings.Replace(good, "\n3\n", "\n3\n\n", 1),
		"a comment":      "# mine\n\n" + good,
		"other ends":     strings.ReplaceAll(good, "\n", "\r\n") + "\n\n",
	} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ledger.OpenHeld(path)
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "has been edited; restore it") {
			t.Errorf("%s: got %v, want a refusal that names the file", name, err)
		}
	}
}

func TestHeldIsCompacted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "held")
	// As a year would leave it, without a year's fsyncs.
	var b strings.Builder
	for i := range int64(12_000) {
		b.WriteString(headOf(int(i%3), i+1).Text() + "\n")
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	h := openHeld(t, path)
	put(t, h, headOf(0, 20_000))
	info, err := os.Stat(path)
	if err != nil || info.Size() > 1000 {
		t.Errorf("the file has %d bytes, %v; want three heads", info.Size(), err)
	}
	h = openHeld(t, path)
	wantHeld(t, h, headOf(0, 20_000))
	wantHeld(t, h, headOf(1, 11_999))
	wantHeld(t, h, headOf(2, 12_000))
}

// Processes on one machine share the file; none drops what another holds.
func TestHeldIsShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "held")
	a, b := openHeld(t, path), openHeld(t, path)
	put(t, a, headOf(1, 3))
	put(t, b, headOf(2, 4)) // its first, and so a new file
	put(t, a, headOf(1, 5))
	put(t, b, headOf(1, 4))
	h := openHeld(t, path)
	wantHeld(t, h, headOf(1, 5))
	wantHeld(t, h, headOf(2, 4))
}

// What could not be written is not held, and what comes later is.
func TestHeldSurvivesAFailedWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "held")
	h := openHeld(t, path)
	put(t, h, headOf(1, 3))
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := h.Put(headOf(1, 4)); err == nil {
		t.Error("held without a file")
	}
	wantHeld(t, h, headOf(1, 3))
	// A part of the entry may have reached the file.
	if err := os.WriteFile(path, []byte(headOf(1, 3).Text()+"\n"+headOf(1, 4).Text()[:20]), 0o600); err != nil {
		t.Fatal(err)
	}
	put(t, h, headOf(1, 5))
	wantHeld(t, openHeld(t, path), headOf(1, 5))
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func FuzzOpenHeld(f *testing.F) {
	f.Add(headOf(1, 3).Text() + "\n" + headOf(2, 4).Text() + "\n")
	f.Add(headOf(1, 3).Text() + "\n" + headOf(1, 4).Text()[:50])
	f.Add("\n\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "held")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := ledger.OpenHeld(path)
		if err != nil {
			return
		}
		put(t, h, headOf(7, 1<<50))
		wantHeld(t, openHeld(t, path), headOf(7, 1<<50))
	})
}

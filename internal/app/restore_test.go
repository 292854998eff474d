package app_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/seal"
)

// ages is how many old copies are tried: of random ages, some taken between an
// entry and its signature.
func ages() int {
	if os.Getenv("TICKMARK_TORTURE") != "" {
		return 100
	}
	return 12
}

func copyAll(t *testing.T, to, from string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"root.key", "data.keys/root.key"} { // modes are not copied
		if err := os.Chmod(filepath.Join(to, key), 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// snap copies the database as it lies on disk, and says how long the log was.
func snap(t *testing.T, to, data string) {
	t.Helper()
	for _, f := range []string{"tickmark.db", "tickmark.db-wal"} {
		b, err := os.ReadFile(filepath.Join(data, f))
		if err == nil {
			err = os.MkdirAll(to, 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, f), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestOldCopiesAreNoticedAndAdopted is R8: whatever age the copy has that was
// put back, the start sees it, nothing is signed or recorded, people can read,
// and once two agreed the log goes on under another name and verifies.
func TestOldCopiesAreNoticedAndAdopted(t *testing.T) {
	s := &place{t: t, conf: conf.Config{Data: filepath.Join(t.TempDir(), "data")}}
	s.found("Example", "ann@example.com")
	s.member("Example", "bob@example.com")
	dir, random := t.TempDir(), rand.New(rand.NewPCG(8, 8))
	a := s.open()
	desk, err := a.Desk(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	n := ages()
	for i := range n {
		for range 1 + random.IntN(4) {
			s.record(t, a, desk)
			if random.IntN(2) == 0 {
				if err := a.Ledger.SealAll(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		snap(t, filepath.Join(dir, fmt.Sprint(i)), s.conf.Data)
	}
	s.record(t, a, desk)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	noticed, unsigned := 0, 0
	for i := range n {
		void := s.adopts(t, filepath.Join(dir, fmt.Sprint(i)))
		noticed++
		if void {
			unsigned++
		}
	}
	t.Logf("%d of %d copies were noticed and adopted; %d of them held entries that nobody had signed", noticed, n, unsigned)
	if unsigned == 0 || unsigned == n {
		t.Error("the copies are all of one kind")
	}
}

func (s *place) record(t *testing.T, a *app.App, desk *op.Desk) {
	t.Helper()
	s.n++
	b, err := a.Vault.Store(t.Context(), desk.Org, fmt.Appendf(nil, "evidence %d\n", s.n), a.Clock.Now())
	if err == nil {
		_, err = evidence.Submit.Do(t.Context(), desk, evidence.Submission{Blob: b.Address, Title: fmt.Sprint("Record ", s.n), Origin: "test"})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// adopts puts an old copy of the database beside today's blobs and keys, and
// goes on with it. It reports whether the copy held entries that nobody signed.
func (s *place) adopts(t *testing.T, old string) (void bool) {
	t.Helper()
	c := conf.Config{Data: filepath.Join(t.TempDir(), "data")}
	copyAll(t, c.Data, old)
	copyAll(t, c.Blobs(), s.conf.Blobs())
	copyAll(t, c.Data+".keys", s.conf.Data+".keys")
	with := func(fn func(a *app.App, desk *op.Desk)) {
		a, err := app.Open(t.Context(), c, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		desk, err := a.Desk(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		fn(a, desk)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
	with(func(a *app.App, desk *op.Desk) {
		if !strings.Contains(a.Ledger.Locked(), "were signed before") {
			t.Fatalf("%s: not noticed: %q", old, a.Ledger.Locked())
		}
		if _, err := evidence.ExportNew.Do(t.Context(), desk, op.None{}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("recorded: %v", err)
		}
		if _, err := a.Ledger.Seal(t.Context(), desk.Org); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("signed: %v", err)
		}
		if _, err := evidence.Entries.Do(t.Context(), desk, evidence.EntryFilter{}); err != nil {
			t.Errorf("cannot be read: %v", err)
		}
		losses, err := a.Ledger.Losses(t.Context())
		if err != nil || len(losses.Logs) != 1 {
			t.Fatalf("%+v, %v", losses, err)
		}
		void = losses.Logs[0].Size > losses.Logs[0].Kept.Size
		act := ledger.Act{Reason: "test", Actor: `{"id":"operator","name":"operator","via":"host"}`, Approvers: map[id.Org][]string{desk.Org: {"a", "b"}}}
		if err := a.Ledger.Adopt(t.Context(), losses, act); err != nil {
			t.Fatal(err)
		}
		stranger(t, a, desk)
	})
	with(func(a *app.App, desk *op.Desk) {
		if why := a.Ledger.Locked(); why != "" {
			t.Errorf("a later start: %s", why)
		}
		stranger(t, a, desk)
	})
	return void
}

// stranger verifies the bundle of a log that continues another.
func stranger(t *testing.T, a *app.App, desk *op.Desk) {
	t.Helper()
	stop := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
				if err := a.Ledger.SealAll(t.Context()); err != nil {
					done <- err
					return
				}
			}
		}
	}()
	var b bytes.Buffer
	_, err := evidence.WriteBundle(t.Context(), desk, &b)
	close(stop)
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	keys, err := evidence.KeyList.Do(t.Context(), desk, op.None{})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, k := range keys.Items {
		list = append(list, k.Key)
	}
	r, err := bundle.Verify(bytes.NewReader(b.Bytes()), int64(b.Len()), bundle.Options{Keys: list})
	if err != nil || r.Verdict != bundle.Verified || !strings.HasSuffix(r.Origin, "/2") {
		t.Fatalf("%s of %s: %v, %v", r.Verdict, r.Origin, r.Problems, err)
	}
	if r, err = bundle.Verify(bytes.NewReader(b.Bytes()), int64(b.Len()), bundle.Options{Keys: list[:1]}); err != nil || r.Verdict != bundle.Consistent {
		t.Errorf("with the key of the newest log alone: %s, %v", r.Verdict, err)
	}
}

// A snapshot of a whole machine brings the older held file with it: nothing
// local can know. Somebody outside who kept a head can.
func TestCopyThatBringsItsHeldFileIsNotNoticedHere(t *testing.T) {
	s := &place{t: t, conf: conf.Config{Data: filepath.Join(t.TempDir(), "data")}}
	s.found("Example", "ann@example.com")
	s.works(2)
	machine := t.TempDir()
	copyAll(t, machine, filepath.Dir(s.conf.Data))
	s.works(2)
	var kept []byte
	s.with(func(a *app.App) error {
		desk, err := a.Desk(t.Context(), "")
		if err != nil {
			return err
		}
		h, err := evidence.HeadGet.Do(t.Context(), desk, op.None{})
		kept = []byte(h.Checkpoint)
		return err
	})
	s.conf.Data = filepath.Join(machine, "data")
	s.with(func(a *app.App) error {
		if why := a.Ledger.Locked(); why != "" {
			t.Errorf("noticed by whom? %s", why)
		}
		desk, err := a.Desk(t.Context(), "")
		if err != nil {
			return err
		}
		if err := a.Ledger.Outside(t.Context(), desk.Org, kept); fault.KindOf(err) != fault.KindConflict || a.Ledger.Locked() == "" {
			t.Errorf("a head that somebody outside kept: %v", err)
		}
		return nil
	})
}

func TestAdoptRestoreOnTheCommandLine(t *testing.T) {
	eachPlace(t, func(t *testing.T, s *place) {
		if s.conf.Database != "" {
			t.Skip("the copy is one of a file")
		}
		s.works(2)
		before := filepath.Join(t.TempDir(), "old")
		copyAll(t, before, s.conf.Data)
		s.works(2)
		if out := s.must("", "ledger", "adopt-restore", "--reason", "none"); !strings.Contains(out, "Nothing was lost") {
			t.Error(out)
		}
		if err := os.Remove(filepath.Join(s.conf.Data, "tickmark.db")); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(before, "tickmark.db"))
		if err == nil {
			err = os.WriteFile(filepath.Join(s.conf.Data, "tickmark.db"), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		adopt := []string{"ledger", "adopt-restore", "--reason", "the disk broke", "--approver", "ann@example.com"}
		status, out, errs := s.command(strings.NewReader(password+"\n"), adopt...)
		if status == 0 || !strings.Contains(out, "lost            entries 4 to 5") || !strings.Contains(errs, "bob@example.com") {
			t.Fatalf("exit %d: %s%s", status, out, errs)
		}
		s.must(password+"\n"+password+"\n", append(adopt, "--approver", "bob@example.com")...)
		s.n -= 2
		s.works(1)
		if r := s.verified(); !strings.HasSuffix(r.Origin, "/2") {
			t.Errorf("origin %s", r.Origin)
		}
		if body := s.genesis(t); body["op"] != "ledgers.adopt" || len(body["approvers"].([]any)) != 2 {
			t.Errorf("the new log says %v", body)
		}
	})
}

// A key that others put in its place is written beside, twice: with the old one
// behind it, and alone.
func TestRotationOfAKeyThatOthersInstall(t *testing.T) {
	s := &place{t: t, conf: conf.Config{Data: filepath.Join(t.TempDir(), "data")}}
	s.found("Example", "ann@example.com")
	s.works(1)
	s.conf.Credentials = t.TempDir()
	credential := s.conf.Credential()
	if err := os.Rename(s.rootFile(), credential); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", s.conf.Credentials)
	s.works(1)
	old := key(read(t, credential))
	if status, _, errs := s.command(strings.NewReader(""), "key", "rotate"); status == 0 || !strings.Contains(errs, "give --out FILE") {
		t.Errorf("exit %d: %s", status, errs)
	}
	ring, alone := filepath.Join(t.TempDir(), "ring"), filepath.Join(t.TempDir(), "alone")
	s.must("", "key", "rotate", "--out", ring)
	if key(read(t, credential)) != old || !strings.Contains(read(t, ring), old) {
		t.Fatal("the credential was written, or the ring lacks the old key")
	}
	install := func(from string) {
		if err := os.WriteFile(credential, []byte(read(t, from)), 0o400); err != nil && !errors.Is(err, fs.ErrPermission) {
			t.Fatal(err)
		}
		if err := os.Remove(credential); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(credential, []byte(read(t, from)), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	install(ring)
	s.must(app.LastGroup(key(read(t, ring)))+"\n", "key", "rotate", "--out", alone)
	install(alone)
	if strings.Contains(read(t, credential), old) {
		t.Error("the old key is still there")
	}
	s.works(1)
	s.verified()
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A key that is lost comes back from its copy, and no other is made in its
// place meanwhile.
func TestLostKeyComesBackFromItsCopy(t *testing.T) {
	eachPlace(t, func(t *testing.T, s *place) {
		s.works(1)
		copied := key(s.root())
		if err := os.Remove(s.rootFile()); err != nil {
			t.Fatal(err)
		}
		if status, _, errs := s.command(strings.NewReader(""), "key"); status == 0 || !strings.Contains(errs, "tickmark key restore") {
			t.Errorf("exit %d: %s", status, errs)
		}
		if _, err := os.Stat(s.rootFile()); !errors.Is(err, fs.ErrNotExist) {
			t.Fatal("another key was made")
		}
		mistyped := "A" + copied[1:]
		if mistyped == copied {
			mistyped = "B" + copied[1:]
		}
		for _, wrong := range []string{copied[:20], mistyped, seal.NewRoot().Recovery()} {
			if status, _, _ := s.command(strings.NewReader(wrong+"\n"), "key", "restore"); status == 0 {
				t.Errorf("%s was taken", wrong)
			}
		}
		s.must(strings.ToLower(copied)+"\n", "key", "restore")
		s.works(1)
		s.verified()
		if status, _, errs := s.command(strings.NewReader(copied+"\n"), "key", "restore"); status == 0 || !strings.Contains(errs, "already") {
			t.Errorf("replaced a key: %s", errs)
		}
	})
}

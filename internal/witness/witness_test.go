package witness_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/cosign"
	"github.com/tickmark/tickmark/internal/witness"
)

// aLog is a log in memory that may tell lies.
type aLog struct {
	origin string
	signer note.Signer
	vkey   string
	hashes []tlog.Hash
	size   int64
}

func newLog(t testing.TB, origin string, seed byte) *aLog {
	t.Helper()
	skey, vkey, err := note.GenerateKey(constant(seed), origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return &aLog{origin: origin, signer: s, vkey: vkey}
}

type constant byte

func (c constant) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(c)
	}
	return len(b), nil
}

func (l *aLog) reader() tlog.HashReader {
	return tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(at))
		for i, x := range at {
			out[i] = l.hashes[x]
		}
		return out, nil
	})
}

func (l *aLog) grow(t testing.TB, entries ...string) *aLog {
	t.Helper()
	for _, e := range entries {
		hs, err := tlog.StoredHashes(l.size, []byte(e), l.reader())
		if err != nil {
			t.Fatal(err)
		}
		l.hashes = append(l.hashes, hs...)
		l.size++
	}
	return l
}

func (l *aLog) signed(t testing.TB, size int64) []byte {
	t.Helper()
	root, err := tlog.TreeHash(size, l.reader())
	if err != nil {
		t.Fatal(err)
	}
	b, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", l.origin, size, root)}, l.signer)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (l *aLog) proof(t testing.TB, from, size int64) (lines string) {
	t.Helper()
	if from == 0 || from == size {
		return ""
	}
	p, err := tlog.ProveTree(size, from, l.reader())
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range p {
		lines += h.String() + "\n"
	}
	return lines
}

func (l *aLog) request(t testing.TB, old, size int64) string {
	return fmt.Sprintf("old %d\n%s\n%s", old, l.proof(t, old, size), l.signed(t, size))
}

var began = time.Unix(1772344800, 0)

func open(t testing.TB, dir string, logs ...*aLog) (*witness.Witness, *[]string) {
	t.Helper()
	var alarms []string
	c := witness.Config{Dir: dir, Now: func() time.Time { return began }, Alarm: func(path, proof string) { alarms = append(alarms, path+"\n"+proof) }}
	for _, l := range logs {
		c.Logs = append(c.Logs, l.vkey)
	}
	w, err := witness.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w, &alarms
}

func post(t testing.TB, w *witness.Witness, body string) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	w.Handler(func(err error) { t.Error(err) }).ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/add-checkpoint", strings.NewReader(body)))
	return rec
}

func TestAddCheckpoint(t *testing.T) {
	l := newLog(t, "log.example/a", 1).grow(t, "a", "b", "c", "d", "e", "f", "g")
	w, alarms := open(t, t.TempDir(), l)
	at := int64(0)
	for _, size := range []int64{1, 2, 5, 5, 7} {
		rec := post(t, w, l.request(t, at, size))
		if rec.Code != http.StatusOK {
			t.Fatalf("from %d to %d: %d %s", at, size, rec.Code, rec.Body)
		}
		c, err := cosign.ParseLine(strings.TrimSuffix(rec.Body.String(), "\n"))
		if err != nil {
			t.Fatal(err)
		}
		text, _, _ := strings.Cut(string(l.signed(t, size)), "\n\n")
		if err := c.Verify(w.Key(), text+"\n"); err != nil || c.Time != began.Unix() {
			t.Errorf("size %d: %v", size, err)
		}
		at = size
	}
	get := httptest.NewRecorder()
	w.Handler(nil).ServeHTTP(get, httptest.NewRequest(http.MethodGet, "/"+cosign.OriginHash(l.origin)+"/checkpoint", nil))
	v, err := note.NewVerifier(l.vkey)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(get.Body.Bytes(), note.VerifierList(v))
	if err != nil || !strings.Contains(n.Text, "\n7\n") || len(n.UnverifiedSigs) != 1 {
		t.Errorf("newest: %s %v", get.Body, err)
	}
	if len(*alarms) > 0 {
		t.Errorf("alarms: %v", *alarms)
	}
	page := httptest.NewRecorder()
	w.Handler(nil).ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/", nil))
	if !strings.Contains(page.Body.String(), w.Key().String()) {
		t.Errorf("front page: %s", page.Body)
	}
}

func TestAddCheckpointRefuses(t *testing.T) {
	l := newLog(t, "log.example/a", 1).grow(t, "a", "b", "c", "d", "e")
	other := newLog(t, "log.example/b", 1).grow(t, "a")
	fork := newLog(t, "log.example/a", 1).grow(t, "a", "b", "x", "y", "z", "w")
	stolen := newLog(t, "log.example/a", 2).grow(t, "a", "b", "c", "d")
	small := strings.Repeat(strings.Repeat("A", 43)+"=\n", 64)
	for name, c := range map[string]struct {
		body string
		code int
		want string
	}{
		"nothing":              {"", 400, "want: old"},
		"no checkpoint":        {"old 3\n\n", 400, ""},
		"no old":               {"\n\n" + string(l.signed(t, 4)), 400, ""},
		"old with zeros":       {"old 03\n\n" + string(l.signed(t, 4)), 400, ""},
		"old below zero":       {"old -1\n\n" + string(l.signed(t, 4)), 400, ""},
		"too many hashes":      {"old 3\n" + small + "\n" + string(l.signed(t, 4)), 400, ""},
		"a hash too short":     {"old 3\nAAAA\n\n" + string(l.signed(t, 4)), 400, ""},
		"too large":            {strings.Repeat("x", 1<<18), 400, "at most"},
		"not a note":           {"old 3\n\nlog.example/a\n4\n", 400, ""},
		"size not decimal":     {"old 3\n\n" + strings.Replace(string(l.signed(t, 4)), "\n4\n", "\n+4\n", 1), 400, ""},
		"root too short":       {"old 3\n\nlog.example/a\n4\nAAAA\n\n— log.example/a AAAA\n", 400, ""},
		"unknown log":          {other.request(t, 0, 1), 404, "does not watch"},
		"another's key":        {stolen.request(t, 3, 4), 403, "not signed with a key"},
		"signature spoilt":     {"old 3\n\n" + strings.Replace(string(l.signed(t, 4)), "\n4\n", "\n5\n", 1), 403, ""},
		"no signature":         {"old 3\n\n" + strings.Split(string(l.signed(t, 4)), "— ")[0] + "— x AAAAAAAA\n", 403, ""},
		"old beyond its size":  {"old 9\n\n" + string(l.signed(t, 4)), 400, "beyond"},
		"old not ours":         {l.request(t, 2, 4), 409, "3\n"},
		"backwards":            {l.request(t, 1, 2), 409, "3\n"},
		"from nothing again":   {l.request(t, 0, 4), 409, "3\n"},
		"another of this size": {fork.request(t, 3, 3), 422, "both are kept"},
		"does not continue":    {fork.request(t, 3, 6), 422, "do"},
		"no proof":             {"old 3\n\n" + string(l.signed(t, 4)), 422, ""},
		"proof from elsewhere": {"old 3\n" + l.proof(t, 2, 4) + "\n" + string(l.signed(t, 4)), 422, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := open(t, t.TempDir(), l)
			if rec := post(t, w, l.request(t, 0, 3)); rec.Code != 200 {
				t.Fatal(rec.Body)
			}
			before, _ := w.Newest(cosign.OriginHash(l.origin))
			rec := post(t, w, c.body)
			if rec.Code != c.code || !strings.Contains(rec.Body.String(), c.want) {
				t.Errorf("%d %s; want %d with %q", rec.Code, rec.Body, c.code, c.want)
			}
			if c.code == 409 && rec.Header().Get("Content-Type") != "text/x.tlog.size" {
				t.Errorf("type %s", rec.Header().Get("Content-Type"))
			}
			if after, _ := w.Newest(cosign.OriginHash(l.origin)); after != before {
				t.Error("a refused checkpoint changed what is remembered")
			}
		})
	}
	t.Run("proof from nothing", func(t *testing.T) {
		w, _ := open(t, t.TempDir(), l)
		if rec := post(t, w, "old 0\n"+l.proof(t, 2, 4)+"\n"+string(l.signed(t, 4))); rec.Code != 422 {
			t.Errorf("%d %s", rec.Code, rec.Body)
		}
		rec := httptest.NewRecorder()
		w.Handler(nil).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/"+cosign.OriginHash(l.origin)+"/checkpoint", nil))
		if rec.Code != 404 {
			t.Errorf("nothing cosigned yet: %d", rec.Code)
		}
	})
}

// Of a log that shows two histories, both signed heads are kept, in a file that
// convinces somebody who trusts neither the log nor the witness.
func TestConflictIsKept(t *testing.T) {
	l := newLog(t, "log.example/a", 1).grow(t, "a", "b", "c", "d", "e")
	fork := newLog(t, "log.example/a", 1).grow(t, "a", "b", "x", "y", "z", "w")
	dir := t.TempDir()
	w, alarms := open(t, dir, l)
	post(t, w, l.request(t, 0, 3))
	for range 2 { // twice the same is one proof
		post(t, w, fork.request(t, 3, 3))
		post(t, w, fork.request(t, 2, 3)) // and whoever names another old size is found too
		post(t, w, fork.request(t, 3, 6))
	}
	files, err := filepath.Glob(filepath.Join(dir, "conflict-*.txt"))
	if err != nil || len(files) != 2 || len(*alarms) != 2 {
		t.Fatalf("%d files, %d alarms, %v", len(files), len(*alarms), err)
	}
	v, err := note.NewVerifier(l.vkey)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		_, first, ok1 := strings.Cut(string(b), "cosigned:\n\n")
		first, second, ok2 := strings.Cut(first, "\nThe second, which it refused:\n\n")
		if !ok1 || !ok2 {
			t.Fatalf("%s", b)
		}
		one, err1 := note.Open([]byte(first), note.VerifierList(v))
		two, err2 := note.Open([]byte(second), note.VerifierList(v))
		if err1 != nil || err2 != nil || one.Text == two.Text {
			t.Errorf("%s\n%v %v", b, err1, err2)
		}
	}
	// A log that merely asks for what is old proves nothing.
	post(t, w, l.request(t, 2, 3))
	post(t, w, l.request(t, 3, 5))
	if len(*alarms) != 2 {
		t.Errorf("%d alarms", len(*alarms))
	}
}

func TestRemembers(t *testing.T) {
	l := newLog(t, "log.example/a", 1).grow(t, "a", "b", "c", "d")
	dir := t.TempDir()
	w, _ := open(t, dir, l)
	key := w.Key().String()
	post(t, w, l.request(t, 0, 3))
	if _, err := witness.Open(witness.Config{Dir: dir, Logs: []string{l.vkey}}); err == nil || !strings.Contains(err.Error(), "another witness") {
		t.Errorf("two in one directory: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	again, _ := open(t, dir, l)
	if again.Key().String() != key {
		t.Error("another key after a restart")
	}
	if rec := post(t, again, l.request(t, 0, 2)); rec.Code != 409 || rec.Body.String() != "3\n" {
		t.Errorf("forgot: %d %s", rec.Code, rec.Body)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	refuses := func(why string, c witness.Config) {
		t.Helper()
		c.Dir = dir
		if c.Logs == nil {
			c.Logs = []string{l.vkey}
		}
		if w, err := witness.Open(c); err == nil {
			w.Close()
			t.Errorf("%s: started", why)
		}
	}
	refuses("another name", witness.Config{Name: "other"})
	refuses("no logs", witness.Config{Logs: []string{}})
	refuses("a witness's key as a log's", witness.Config{Logs: []string{key}})

	head := filepath.Join(dir, cosign.OriginHash(l.origin)+".checkpoint")
	good, err := os.ReadFile(head)
	if err != nil {
		t.Fatal(err)
	}
	for why, b := range map[string][]byte{
		"head cut short":   good[:len(good)/2],
		"head not ours":    l.signed(t, 2),
		"head of another":  bytes.ReplaceAll(good, []byte("log.example/a"), []byte("log.example/b")),
		"head with a flip": bytes.Replace(good, []byte("\n3\n"), []byte("\n2\n"), 1),
	} {
		if err := os.WriteFile(head, b, 0o600); err != nil {
			t.Fatal(err)
		}
		refuses(why, witness.Config{})
	}
	if err := os.WriteFile(head, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "key"), filepath.Join(dir, "gone")); err != nil {
		t.Fatal(err)
	}
	refuses("key gone", witness.Config{})
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte("PRIVATE+KEY+"), 0o600); err != nil {
		t.Fatal(err)
	}
	refuses("key spoilt", witness.Config{})
}

// What cannot be kept is not cosigned.
func TestDoesNotSignWhatItCannotKeep(t *testing.T) {
	l := newLog(t, "log.example/a", 1).grow(t, "a", "b")
	dir := t.TempDir()
	w, _ := open(t, dir, l)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	var failed error
	rec := httptest.NewRecorder()
	w.Handler(func(err error) { failed = err }).ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/add-checkpoint", strings.NewReader(l.request(t, 0, 2))))
	if rec.Code != 500 || failed == nil || strings.Contains(rec.Body.String(), "— ") {
		t.Errorf("%d %s, %v", rec.Code, rec.Body, failed)
	}
	if _, ok := w.Newest(cosign.OriginHash(l.origin)); ok {
		t.Error("remembers what is not on disk")
	}
}

// However requests meet, no smaller head follows a larger one.
func TestManyAtOnce(t *testing.T) {
	l := newLog(t, "log.example/a", 1).grow(t, strings.Split("abcdefghijklmnopqrstuvwxyz", "")...)
	w, alarms := open(t, t.TempDir(), l)
	srv := httptest.NewServer(w.Handler(func(err error) { t.Error(err) }))
	defer srv.Close()
	var (
		all     sync.WaitGroup
		mu      sync.Mutex
		largest int64
	)
	for i := range 8 {
		all.Go(func() {
			c := witness.Client{HTTP: witness.NewHTTP(5 * time.Second), URL: srv.URL, Key: w.Key()}
			for size := int64(i + 1); size <= 26; size += 3 {
				_, err := c.Add(context.Background(), 0, size, l.signed(t, size), func(from int64) (tlog.TreeProof, error) {
					return tlog.ProveTree(size, from, l.reader())
				})
				mu.Lock()
				if err == nil {
					largest = max(largest, size)
				}
				mu.Unlock()
				var ahead *witness.Ahead
				if err != nil && !errors.As(err, &ahead) && !strings.Contains(err.Error(), "another size each time") {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	n, _ := w.Newest(cosign.OriginHash(l.origin))
	if largest < 8 || !strings.HasPrefix(n, fmt.Sprintf("log.example/a\n%d\n", largest)) || len(*alarms) > 0 {
		t.Errorf("newest %s, alarms %v", n, *alarms)
	}
}

func TestClient(t *testing.T) {
	l := newLog(t, "log.example/a", 1).grow(t, "a", "b", "c", "d", "e")
	w, _ := open(t, t.TempDir(), l)
	srv := httptest.NewServer(w.Handler(func(err error) { t.Error(err) }))
	defer srv.Close()
	ctx := context.Background()
	c := witness.Client{HTTP: witness.NewHTTP(5 * time.Second), URL: srv.URL + "/", Key: w.Key()}
	if n, err := c.Newest(ctx, l.origin); err != nil || n != "" {
		t.Errorf("nothing yet: %q %v", n, err)
	}
	add := func(c witness.Client, old, size int64) error {
		s, err := c.Add(ctx, old, size, l.signed(t, size), func(from int64) (tlog.TreeProof, error) { return tlog.ProveTree(size, from, l.reader()) })
		if err == nil && s.Name != w.Key().Name {
			t.Errorf("cosigned by %s", s.Name)
		}
		return err
	}
	for _, err := range []error{add(c, 0, 2), add(c, 2, 4), add(c, 0, 5), add(c, 5, 5)} {
		if err != nil {
			t.Error(err)
		}
	}
	if n, err := c.Newest(ctx, l.origin); err != nil || !strings.HasPrefix(n, l.origin+"\n5\n") {
		t.Errorf("newest: %q %v", n, err)
	}
	var ahead *witness.Ahead
	if err := add(c, 0, 3); !errors.As(err, &ahead) || ahead.Size != 5 {
		t.Errorf("behind the witness: %v", err)
	}
	other, err := cosign.WitnessKey(w.Key().Name, ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	if err := add(witness.Client{HTTP: c.HTTP, URL: c.URL, Key: other}, 5, 5); err == nil || !strings.Contains(err.Error(), "without a cosignature") {
		t.Errorf("another key answers: %v", err)
	}
	for name, answer := range map[string]http.HandlerFunc{
		"an error": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no\x1b[31m", 503) },
		"nonsense": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 1<<20)) },
		"no size": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/x.tlog.size")
			w.WriteHeader(409)
			fmt.Fprint(w, "much")
		},
		"never enough": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/x.tlog.size")
			w.WriteHeader(409)
			fmt.Fprint(w, "1\n")
		},
		"elsewhere": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, srv.URL+r.URL.Path, 307) },
	} {
		liar := httptest.NewServer(answer)
		if err := add(witness.Client{HTTP: c.HTTP, URL: liar.URL, Key: w.Key()}, 5, 5); err == nil || strings.Contains(err.Error(), "\x1b") || len(err.Error()) > 400 {
			t.Errorf("%s: %v", name, err)
		}
		if n, err := (&witness.Client{HTTP: c.HTTP, URL: liar.URL, Key: w.Key()}).Newest(ctx, l.origin); err == nil {
			t.Errorf("%s: newest %q", name, n)
		}
		liar.Close()
	}
	srv.Close()
	if err := add(c, 5, 5); err == nil {
		t.Error("nobody there, and no error")
	}
}

// A log whose key changed has two: the owner of the witness adds the new one.
func TestTwoKeysOfOneLog(t *testing.T) {
	l := newLog(t, "log.example/a", 1).grow(t, "a", "b", "c")
	turned := newLog(t, "log.example/a", 2)
	turned.hashes, turned.size = l.hashes, l.size
	dir := t.TempDir()
	w, _ := open(t, dir, l)
	post(t, w, l.request(t, 0, 2))
	if rec := post(t, w, turned.request(t, 2, 3)); rec.Code != 403 {
		t.Errorf("a key nobody named: %d", rec.Code)
	}
	w.Close()
	w, _ = open(t, dir, l, turned)
	if rec := post(t, w, turned.request(t, 2, 3)); rec.Code != 200 {
		t.Errorf("a key that was added: %d %s", rec.Code, rec.Body)
	}
}

func FuzzRequest(f *testing.F) {
	l := newLog(f, "log.example/a", 1).grow(f, "a", "b", "c")
	f.Add([]byte(l.request(f, 0, 3)))
	f.Add([]byte(l.request(f, 2, 3)))
	w, _ := open(f, f.TempDir(), l)
	f.Fuzz(func(t *testing.T, b []byte) {
		if line, err := w.Add(b); err == nil && !strings.HasPrefix(line, "— ") {
			t.Fatal("neither line nor refusal")
		}
	})
}

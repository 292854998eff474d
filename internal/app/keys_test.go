package app_test

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
)

const password = "four unrelated words here"

// place is an installation in folders of the test, opened and closed as commands
// do.
type place struct {
	t    *testing.T
	conf conf.Config
	n    int
}

// eachPlace runs fn on an installation on each database, with one organization of
// two people who may approve.
func eachPlace(t *testing.T, fn func(t *testing.T, s *place)) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": nil, "postgres": dbtest.Postgres} {
		t.Run(name, func(t *testing.T) {
			s := &place{t: t, conf: conf.Config{Data: filepath.Join(t.TempDir(), "data")}}
			if url != nil {
				s.conf.Database = url(t)
			}
			s.found("Example", "ann@example.com")
			s.member("Example", "bob@example.com")
			fn(t, s)
		})
	}
}

func (s *place) open() *app.App {
	s.t.Helper()
	a, err := app.Open(s.t.Context(), s.conf, slog.New(slog.DiscardHandler))
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s *place) with(fn func(a *app.App) error) {
	s.t.Helper()
	a := s.open()
	if err := errors.Join(fn(a), a.Close()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *place) found(name, email string) {
	s.t.Helper()
	s.with(func(a *app.App) error {
		desk := &op.Desk{Engine: a.Engine, Actor: auth.Actor{Name: "command line", Via: "cli"}}
		_, err := orgs.Found.Do(s.t.Context(), desk, orgs.Founding{Creation: orgs.Creation{Organization: name, Name: "Ann", Email: email, Password: password}})
		return err
	})
}

// member adds a compliance lead.
func (s *place) member(org, email string) {
	s.t.Helper()
	s.with(func(a *app.App) error {
		o, err := a.Org(s.t.Context(), org)
		if err != nil {
			return err
		}
		return a.DB.Write(s.t.Context(), db.All, func(tx *db.Tx) error {
			u, err := auth.CreateUser(tx, "Bob", email, password, a.Clock.Now())
			if err != nil {
				return err
			}
			return auth.Join(tx, o.ID, u.ID, []auth.Role{auth.Lead}, a.Clock.Now())
		})
	})
}

// works records some evidence and has it signed.
func (s *place) works(n int) {
	s.t.Helper()
	s.with(func(a *app.App) error {
		desk, err := a.Desk(s.t.Context(), "Example")
		if err != nil {
			return err
		}
		for range n {
			s.n++
			b, err := a.Vault.Store(s.t.Context(), desk.Org, fmt.Appendf(nil, "evidence %d\n", s.n), a.Clock.Now())
			if err != nil {
				return err
			}
			if _, err := evidence.Submit.Do(s.t.Context(), desk, evidence.Submission{Blob: b.Address, Title: fmt.Sprint("Record ", s.n), Origin: "test"}); err != nil {
				return err
			}
		}
		return nil
	})
}

// command runs one on this installation.
func (s *place) command(stdin io.Reader, args ...string) (status int, out, errs string) {
	s.t.Helper()
	args = append(args, "--data", s.conf.Data, "--org", "Example")
	if s.conf.Database != "" {
		s.t.Setenv("TICKMARK_DATABASE", s.conf.Database)
	}
	var stdout, stderr bytes.Buffer
	status = app.Run(s.t.Context(), args, stdin, &stdout, &stderr)
	return status, stdout.String(), stderr.String()
}

// must runs a command that has to succeed.
func (s *place) must(stdin string, args ...string) string {
	s.t.Helper()
	status, out, errs := s.command(strings.NewReader(stdin), args...)
	if status != 0 {
		s.t.Fatalf("%v: exit %d: %s%s", args, status, out, errs)
	}
	return out
}

// verified exports the log and has a stranger check it with every key it had.
func (s *place) verified() *bundle.Report {
	s.t.Helper()
	var keys []string
	for line := range strings.Lines(s.must("", "key", "history")) {
		f := strings.Fields(line)
		keys = append(keys, f[len(f)-1])
	}
	file := filepath.Join(s.t.TempDir(), "log.evb")
	s.must("", "export", "--out", file)
	r := verify(s.t, file, keys...)
	if r.Verdict != bundle.Verified {
		s.t.Fatalf("%s: %v", r.Verdict, r.Problems)
	}
	return r
}

// typist types what is asked for: passwords and, once a recovery copy was
// printed, its last group.
type typist struct{ printed *bytes.Buffer }

func (t *typist) Read(b []byte) (int, error) {
	if last := app.LastGroup(t.printed.String()); last != "" {
		return copy(b, last+"\n"), nil
	}
	return copy(b, password+"\n"), nil
}

func (s *place) rootFile() string {
	root, _, err := s.conf.RootKey()
	if err != nil {
		s.t.Fatal(err)
	}
	return root
}

func (s *place) root() string {
	s.t.Helper()
	b, err := os.ReadFile(s.rootFile())
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

var errKilled = errors.New("killed")

// killed ends an act before its nth step.
func killed(n int) func(string) error {
	i := 0
	return func(string) error {
		if i++; i > n {
			return errKilled
		}
		return nil
	}
}

// lives kills an act before each of its steps, starts the server's work in
// between, takes it up again, and looks whether everything still opens, verifies
// and grows.
func lives(t *testing.T, act func(s *place, step func(string) error) error, epochs int64) {
	eachPlace(t, func(t *testing.T, s *place) {
		s.found("Second", "cid@example.com")
		s.member("Second", "dan@example.com")
		s.works(2)
		for n := 0; ; n++ {
			before := s.root()
			err := act(s, killed(n))
			if err != nil && !errors.Is(err, errKilled) {
				t.Fatalf("killed before step %d: %v", n, err)
			}
			s.works(1)
			s.verified()
			if err != nil {
				if err := act(s, nil); err != nil {
					t.Fatalf("taken up again after step %d: %v", n, err)
				}
			}
			after := s.root()
			if strings.Count(after, "-") != 9 || key(after) == key(before) {
				t.Fatalf("after step %d the file holds %s", n, after)
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(s.rootFile()), "pending")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("it is still said to have begun: %v", err)
			}
			s.works(1)
			r := s.verified()
			if want := fmt.Sprintf("/%d", 1+int64(n+1)*epochs); epochs > 0 && !strings.HasSuffix(r.Origin, want) {
				t.Errorf("origin %s, want epoch %s", r.Origin, want)
			}
			if err == nil {
				if n < 8 {
					t.Errorf("only %d steps", n)
				}
				t.Logf("%d kills", n)
				break
			}
		}
		s.readsAll(t)
	})
}

// key is the first key of a root key file.
func key(file string) string {
	for line := range strings.Lines(file) {
		if !strings.HasPrefix(line, "#") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// readsAll reads every record's bytes back.
func (s *place) readsAll(t *testing.T) {
	s.with(func(a *app.App) error {
		desk, err := a.Desk(t.Context(), "Example")
		if err != nil {
			return err
		}
		for i := range s.n {
			b, err := a.Vault.Put(t.Context(), desk.Org, fmt.Appendf(nil, "evidence %d\n", i+1))
			if err != nil {
				return err
			}
			if got, err := a.Vault.Get(t.Context(), desk.Org, b.Address); err != nil || string(got) != fmt.Sprintf("evidence %d\n", i+1) {
				t.Errorf("record %d: %q, %v", i+1, got, err)
			}
		}
		return nil
	})
}

func TestRotationSurvivesAKillAtEveryStep(t *testing.T) {
	lives(t, func(s *place, step func(string) error) error {
		var out bytes.Buffer
		return app.Rotate(s.t.Context(), s.conf, &typist{&out}, &out, step)
	}, 0)
}

func TestRevocationSurvivesAKillAtEveryStep(t *testing.T) {
	if testing.Short() {
		t.Skip("as the rotation")
	}
	lives(t, func(s *place, step func(string) error) error {
		var out bytes.Buffer
		return app.Revoke(s.t.Context(), s.conf, []string{"ann@example.com", "bob@example.com", "cid@example.com", "dan@example.com"},
			&typist{&out}, &out, step)
	}, 1)
}

func TestRotationAsksThatTheCopyWasWrittenDown(t *testing.T) {
	eachPlace(t, func(t *testing.T, s *place) {
		s.works(1)
		status, out, errs := s.command(strings.NewReader("no\n"), "key", "rotate", "--reason", "yearly")
		if status == 0 || strings.Count(s.root(), "-") != 18 {
			t.Fatalf("exit %d: the old key is gone before the new one was written down: %s%s", status, out, errs)
		}
		if status, _, errs := s.command(strings.NewReader(""), "key", "revoke", "--reason", "x"); status == 0 || !strings.Contains(errs, "tickmark key rotate") {
			t.Errorf("another change begins in the middle: %s", errs)
		}
		last := app.LastGroup(out)
		s.must(last+"\n", "key", "rotate")
		if got := s.must("yes\n", "key", "backup"); strings.TrimSpace(got) != key(s.root()) {
			t.Errorf("the copy is %s", got)
		}
		if status, out, _ := s.command(strings.NewReader("no\n"), "key", "backup"); status == 0 || out != "" {
			t.Errorf("printed without being asked: %s", out)
		}
		var ops []string
		s.with(func(a *app.App) error {
			desk, err := a.Desk(t.Context(), "")
			if err != nil {
				return err
			}
			page, err := evidence.Entries.Do(t.Context(), desk, evidence.EntryFilter{Kind: "log"})
			for _, e := range page.Items {
				ops = append(ops, e.Op+" by "+e.Actor)
			}
			return err
		})
		if got := strings.Join(ops, ", "); got != "keys.backup by operator on the host, keys.rotate by operator on the host,  by " {
			t.Errorf("the log says %s", got)
		}
	})
}

func TestRevocationTakesTwoOrTime(t *testing.T) {
	eachPlace(t, func(t *testing.T, s *place) {
		s.works(1)
		before := s.root()
		one := password + "\n"
		for name, c := range map[string]struct {
			stdin string
			args  []string
			want  string
		}{
			"no one":           {"", nil, "2 of its people must approve this, and 0 did. Give --approver for: ann@example.com, bob@example.com"},
			"one":              {one, []string{"--approver", "ann@example.com"}, "and 1 did. Give --approver for: bob@example.com"},
			"one twice":        {one + one, []string{"--approver", "ann@example.com", "--approver", "ann@example.com"}, "and 1 did"},
			"a wrong password": {one + "four unrelated words her\n", []string{"--approver", "ann@example.com", "--approver", "bob@example.com"}, "no user has this address and this password"},
			"a stranger":       {one + one, []string{"--approver", "ann@example.com", "--approver", "eve@example.com"}, "no user has this address and this password"},
			"an empty reason":  {one + one, []string{"--reason", " "}, "say why"},
		} {
			args := append([]string{"key", "revoke"}, c.args...)
			if name != "an empty reason" {
				args = append(args, "--reason", "laptop stolen")
			}
			if status, out, errs := s.command(strings.NewReader(c.stdin), args...); status == 0 || !strings.Contains(errs, c.want) {
				t.Errorf("%s: exit %d, %s%s", name, status, out, errs)
			}
		}
		if s.root() != before {
			t.Fatal("the key was changed")
		}
		s.alone(t)
	})
}

// alone revokes where one of the two left: it takes 72 hours.
func (s *place) alone(t *testing.T) {
	s.with(func(a *app.App) error {
		o, err := a.Org(t.Context(), "")
		if err != nil {
			return err
		}
		return a.DB.Write(t.Context(), db.All, func(tx *db.Tx) error {
			u, _, err := auth.FindUser(tx, "bob@example.com")
			if err != nil {
				return err
			}
			return auth.SetRoles(tx, o.ID, u.ID, []auth.Role{auth.Employee})
		})
	})
	revoke := []string{"key", "revoke", "--reason", "laptop stolen", "--approver", "ann@example.com"}
	for range 2 {
		if status, _, errs := s.command(strings.NewReader(password+"\n"), revoke...); status == 0 || !strings.Contains(errs, "may be done by one person from") {
			t.Fatalf("exit %d: %s", status, errs)
		}
	}
	s.waited(t, 72*time.Hour)
	var out bytes.Buffer
	if err := app.Revoke(t.Context(), s.conf, []string{"ann@example.com"}, &typist{&out}, &out, nil); err != nil {
		t.Fatal(err)
	}
	s.works(1)
	if r := s.verified(); !strings.HasSuffix(r.Origin, "/2") {
		t.Errorf("origin %s", r.Origin)
	}
	if body := s.genesis(t); !strings.Contains(fmt.Sprint(body), "asked:") || body["op"] != "keys.revoke" {
		t.Errorf("the new log says %v", body)
	}
}

// waited moves what one person asked for back in time.
func (s *place) waited(t *testing.T, by time.Duration) {
	path := filepath.Join(filepath.Dir(s.rootFile()), "held.wish")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var w map[string]any
	if err := json.Unmarshal(b, &w); err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(time.RFC3339Nano, w["asked"].(string))
	if err != nil {
		t.Fatal(err)
	}
	w["asked"] = at.Add(-by)
	if b, err = json.Marshal(w); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// genesis is what entry 0 of the newest log says.
func (s *place) genesis(t *testing.T) (body map[string]any) {
	s.with(func(a *app.App) error {
		desk, err := a.Desk(t.Context(), "")
		if err != nil {
			return err
		}
		head, err := evidence.HeadGet.Do(t.Context(), desk, op.None{})
		if err != nil {
			return err
		}
		e, err := evidence.EntryGet.Do(t.Context(), desk, evidence.EntryRef{ID: head.Base})
		body = e.Body
		return err
	})
	return body
}

// What the root key is made of lies nowhere but in its file.
func TestRootKeyIsInNoOtherFile(t *testing.T) {
	eachPlace(t, func(t *testing.T, s *place) {
		s.works(2)
		old := key(s.root())
		var out bytes.Buffer
		if err := app.Rotate(t.Context(), s.conf, &typist{&out}, &out, nil); err != nil {
			t.Fatal(err)
		}
		s.works(2)
		s.must("yes\n", "key", "backup")
		for _, written := range []string{old, key(s.root())} {
			raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(written, "-", ""))
			if err != nil {
				t.Fatal(err)
			}
			s.lacks(t, raw[:32], written)
		}
	})
}

// lacks looks for a key in every form in every file but the root key's own, and
// in every column of the database.
func (s *place) lacks(t *testing.T, raw []byte, written string) {
	var forms [][]byte
	for _, f := range []string{string(raw), hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)), written, strings.ReplaceAll(written, "-", ""),
		strings.ToLower(written), base64.StdEncoding.EncodeToString(raw)[:43], base64.URLEncoding.EncodeToString(raw)[:43]} {
		forms = append(forms, []byte(f))
	}
	files := 0
	look := func(where string, b []byte) {
		files++
		for _, f := range forms {
			if bytes.Contains(b, f) {
				t.Errorf("%s holds the root key", where)
			}
		}
	}
	for _, dir := range []string{s.conf.Data, filepath.Dir(s.rootFile())} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || path == s.rootFile() {
				return err
			}
			b, err := os.ReadFile(path)
			look(path, b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 4 {
		t.Errorf("only %d files were looked at", files)
	}
	if s.conf.Database != "" {
		look("the database", s.dump(t))
	}
}

// dump is every value of every table of a PostgreSQL database.
func (s *place) dump(t *testing.T) []byte {
	var out bytes.Buffer
	s.with(func(a *app.App) error {
		return a.DB.Read(t.Context(), db.All, func(tx *db.Tx) error {
			var tables []string
			err := tx.Each("SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'", nil, func(scan func(...any) error) error {
				var name string
				err := scan(&name)
				tables = append(tables, name)
				return err
			})
			for _, name := range tables {
				if err != nil {
					break
				}
				err = tx.Each("SELECT CAST(x AS TEXT) FROM "+name+" x", nil, func(scan func(...any) error) error {
					var row string
					err := scan(&row)
					out.WriteString(row + "\n")
					return err
				})
			}
			return err
		})
	})
	if out.Len() < 1000 {
		t.Fatalf("the dump has %d bytes", out.Len())
	}
	return out.Bytes()
}

// What people enrolled goes on working under another root key.
func TestSecondFactorsSurviveARotation(t *testing.T) {
	eachPlace(t, func(t *testing.T, s *place) {
		seal := func() (out []byte) {
			s.with(func(a *app.App) error {
				k, err := a.Vault.Installation(t.Context())
				if err != nil {
					return err
				}
				out, err = k.Seal("totp usr_1", []byte("a secret"))
				return err
			})
			return out
		}
		before := seal()
		_, out, _ := s.command(strings.NewReader("no\n"), "key", "rotate", "--reason", "yearly")
		s.must(app.LastGroup(out)+"\n", "key", "rotate")
		s.with(func(a *app.App) error {
			k, err := a.Vault.Installation(t.Context())
			if err != nil {
				return err
			}
			got, err := k.Open("totp usr_1", before)
			if string(got) != "a secret" {
				t.Errorf("got %q", got)
			}
			return err
		})
	})
}

package app_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/db"
)

// lived is an installation that has served people for a while, and every
// secret that went through it.
type lived struct {
	dir     string
	log     *logged
	secrets map[string]string
}

// live starts a server on a fresh directory, goes through everything in which
// a secret occurs, and stops it. The socket is looked at while it is there.
func live(t *testing.T) *lived {
	t.Helper()
	l := &lived{dir: filepath.Join(t.TempDir(), "data"), log: &logged{}, secrets: map[string]string{"password": "seven unrelated walnuts sing",
		"wrong password": "eight unrelated almonds hum", "member's password": "nine unrelated pecans whistle", "address typed at the door": "typed@a-door.example"}}
	ctx, stop := context.WithCancel(t.Context())
	a, err := app.Open(ctx, conf.Config{Data: l.dir}, slog.New(slog.NewTextHandler(l.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	l.secrets["recovery copy"] = a.Recovery
	out := &printed{at: make(chan struct{}, 100)}
	ended := make(chan error, 1)
	go func() { ended <- a.Serve(ctx, conf.Server{Listen: "127.0.0.1:0"}, assess.Offer{}, out) }()
	for !strings.Contains(out.text(), "ready at") {
		select {
		case <-out.at:
		case err := <-ended:
			t.Fatalf("the server ended: %v\n%s", err, out.text())
		}
	}
	h := &house{t: t, app: a, base: addressForm.FindString(out.text()), token: tokenForm.FindString(out.text())}
	l.secrets["setup token"] = h.token
	l.visit(t, h)
	modes(t, l.dir)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	return l
}

var (
	bearerForm = regexp.MustCompile(`tmk_[A-Za-z0-9_-]{40,}`)
	guestForm  = regexp.MustCompile(`join-[A-Za-z0-9_-]{40,}`)
)

// visit is what people do with secrets, well and badly.
func (l *lived) visit(t *testing.T, h *house) {
	t.Helper()
	form := h.setupForm()
	form.Set("token", h.token+"x")
	h.post("/setup", "", form)
	form.Set("token", h.token)
	form.Set("email", "not an address")
	h.post("/setup", "", form)
	a := h.post("/setup", "", h.setupForm())
	l.secrets["session"] = session(a, "tickmark")
	if a.status != http.StatusSeeOther {
		t.Fatalf("setup: %d\n%.1000s", a.status, a.body)
	}
	h.post("/setup", "", h.setupForm())
	h.signIn("", address, l.secrets["wrong password"])
	h.signIn("", l.secrets["address typed at the door"], l.secrets["wrong password"])
	cookie := session(h.signIn(l.secrets["session"], address, passphrase), "tickmark")
	l.secrets["second session"] = cookie
	member := url.Values{"name": {"Bo"}, "email": {"bo@larchmere.example"}, "role": {"sponsor"}, "password": {l.secrets["member's password"]}, "key": {"once-member"}}
	for range 2 { // the second time is answered from what is kept
		if a := h.post("/settings/members", cookie, member); !a.done() {
			t.Fatalf("a member: %d\n%.1000s", a.status, a.body)
		}
	}
	member.Set("role", "emperor")
	h.post("/settings/members", cookie, member)
	granted := h.post("/settings/tokens", cookie, url.Values{"name": {"CI"}, "days": {"9"}, "access": {"write"}, "key": {"once-token"}})
	l.secrets["token"] = bearerForm.FindString(granted.body)
	r := request(t, http.MethodPost, h.base+"/api/v1/tokens", strings.NewReader(`{"name":"other"}`))
	r.Header.Set("Authorization", "Bearer "+l.secrets["token"])
	r.Header.Set("Idempotency-Key", "once-api")
	l.secrets["second token"] = bearerForm.FindString(send(t, r).body)
	r = request(t, http.MethodGet, h.base+"/api/v1/orgs/current", nil)
	r.Header.Set("Authorization", "Bearer tmk_"+strings.Repeat("guess", 9))
	invited := h.post("/settings/invitations", cookie, url.Values{"role": {"employee"}, "key": {"once-invitation"}})
	l.secrets["invitation"] = guestForm.FindString(invited.body)
	l.secrets["guest's password"] = "six unrelated hazelnuts dance"
	guest := url.Values{"secret": {l.secrets["invitation"]}, "token": {l.secrets["invitation"]}, "name": {"Guest"}, "email": {"guest@larchmere.example"}, "password": {l.secrets["guest's password"]}}
	if a := h.post("/join", "", guest); a.status != http.StatusSeeOther {
		t.Fatalf("a guest: %d\n%.1000s", a.status, a.body)
	}
	h.post("/join", "", guest) // it is good once
	l.secrets["guessed token"] = "tmk_" + strings.Repeat("guess", 9)
	send(t, r)
	l.secrets["bytes of evidence"] = "these very bytes are evidence"
	a = send(t, signedIn(multipartRequest(t, h.base+"/evidence/new", url.Values{"title": {"A document"}, "origin": {"desk"}, "level": {"6"}}, l.secrets["bytes of evidence"]), cookie))
	if a.status != http.StatusSeeOther {
		t.Fatalf("evidence: %d\n%.1000s", a.status, a.body)
	}
	h.get("/log", cookie)
	h.post("/sign-out", cookie, nil)
	for name, s := range l.secrets {
		if len(s) < 12 {
			t.Fatalf("%s is %q: the visit went wrong", name, s)
		}
	}
}

// modes checks that nobody but the owner can read anything, the socket of the
// running server included.
func modes(t *testing.T, dir string) {
	t.Helper()
	seen := map[string]bool{}
	for _, root := range []string{dir, dir + ".keys"} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			want := fs.FileMode(0o600)
			if e.IsDir() {
				want = 0o700
			}
			if info.Mode().Perm() != want {
				t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
			}
			seen[e.Name()] = true
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"tickmark.db", "tickmark.db-wal", "tickmark.db-shm", "tickmark.sock", "tickmark.lock", "blobs", "root.key"} {
		if !seen[name] {
			t.Errorf("%s is not there: the test has looked in the wrong place", name)
		}
	}
}

func TestSecretsAreStoredNowhereAndLoggedNowhere(t *testing.T) {
	l := live(t)
	key := strings.ReplaceAll(l.secrets["recovery copy"], "-", "")
	places := map[string][]byte{"the log": []byte(l.log.text()), "what the operations remember": columnsOf(t, l.dir)}
	err := filepath.WalkDir(l.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		places[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for where, data := range places {
		for name, s := range l.secrets {
			if bytes.Contains(data, []byte(s)) {
				t.Errorf("the %s stands in %s", name, where)
			}
		}
		if bytes.Contains(data, []byte(key)) {
			t.Errorf("the root key stands in %s", where)
		}
	}
	if !strings.Contains(l.log.text(), "sign-in refused") {
		t.Error("refused sign-ins are not in the log")
	}
	if !bytes.Contains(places["what the operations remember"], []byte("members.create")) || !bytes.Contains(places["what the operations remember"], []byte("(secret)")) {
		t.Error("the columns that would hold a secret were not read")
	}
}

// columnsOf is the text that the log of entries and the keys of repeated acts
// keep of what was said.
func columnsOf(t *testing.T, dir string) []byte {
	t.Helper()
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(dir, "tickmark.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	err = d.Read(t.Context(), db.All, func(tx *db.Tx) error {
		for _, query := range []string{"SELECT payload FROM ledger_opening", "SELECT op || input || output FROM op_key", "SELECT args || error FROM job"} {
			err := tx.Each(query, nil, func(scan func(...any) error) error {
				var s string
				err := scan(&s)
				fmt.Fprintln(&b, s)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

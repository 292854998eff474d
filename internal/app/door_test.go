package app_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/orgs"
)

const (
	passphrase = "seven unrelated walnuts sing"
	address    = "ada@larchmere.example"
)

// house is an installation that was set up through its page.
type house struct {
	t     *testing.T
	app   *app.App
	base  string
	token string // of setup, spent
	owner string // cookie
}

func setUp(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, app: installation(t, openSQLite(t))}
	h.base = server(t, h.app, conf.Server{}).URL
	err := h.app.DB.Write(t.Context(), db.All, func(tx *db.Tx) (err error) {
		h.token, err = auth.NewSetupToken(tx, h.app.Clock.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	a := h.post("/setup", "", h.setupForm())
	if h.owner = session(a, "tickmark"); a.status != http.StatusSeeOther || h.owner == "" {
		t.Fatalf("setup: %d\n%.2000s", a.status, a.body)
	}
	return h
}

func (h *house) setupForm() url.Values {
	return url.Values{"token": {h.token}, "organization": {"Larchmere"}, "zone": {"UTC"}, "name": {"Ada"}, "email": {address}, "password": {passphrase}}
}

func (h *house) get(path, cookie string) answer {
	h.t.Helper()
	return send(h.t, signedIn(request(h.t, http.MethodGet, h.base+path, nil), cookie))
}

func (h *house) post(path, cookie string, form url.Values) answer {
	h.t.Helper()
	r := request(h.t, http.MethodPost, h.base+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return send(h.t, signedIn(r, cookie))
}

func (h *house) signIn(cookie, email, password string) answer {
	h.t.Helper()
	return h.post("/sign-in", cookie, url.Values{"email": {email}, "password": {password}, "to": {"/settings"}})
}

// knows reports whether a cookie still opens a page.
func (h *house) knows(cookie string) bool {
	h.t.Helper()
	return h.get("/settings", cookie).status == http.StatusOK
}

func (h *house) advance(d time.Duration) { h.app.Clock.(*clock.Fixed).Advance(d) }

// cookies are those that an answer sets.
func (a answer) cookies() []*http.Cookie { return (&http.Response{Header: a.head}).Cookies() }

// session is the value of the cookie that an answer sets.
func session(a answer, name string) string {
	for _, c := range a.cookies() {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func TestSetupIsOverOnceItIsDone(t *testing.T) {
	h := setUp(t)
	if a := h.get("/setup", ""); a.status != http.StatusSeeOther || a.head.Get("Location") != "/sign-in" {
		t.Errorf("GET /setup: %d to %q", a.status, a.head.Get("Location"))
	}
	for name, change := range map[string]func(url.Values){
		"the same form":        func(url.Values) {},
		"another organization": func(f url.Values) { f.Set("organization", "Taken over"); f.Set("email", "guest@example.com") },
		"an empty token":       func(f url.Values) { f.Set("token", "") },
	} {
		form := h.setupForm()
		change(form)
		if a := h.post("/setup", "", form); a.done() || len(a.cookies()) > 0 {
			t.Errorf("%s: %d, cookies %v", name, a.status, a.cookies())
		}
	}
	var all []orgs.Org
	err := h.app.DB.Read(t.Context(), db.All, func(tx *db.Tx) (err error) {
		all, err = orgs.All(tx)
		return err
	})
	if err != nil || len(all) != 1 || all[0].Name != "Larchmere" {
		t.Errorf("organizations %+v, %v", all, err)
	}
}

// A stranger has no name, so that what one asked for under a key must not be
// given to the next who knows the key.
func TestStrangersDoNotGetEachOthersAnswers(t *testing.T) {
	h := setUp(t)
	form := h.setupForm()
	form.Set("key", "one")
	form.Set("password", "any other password at all")
	if a := h.post("/setup", "", form); a.done() || len(a.cookies()) > 0 {
		t.Errorf("setup under a key: %d, cookies %v", a.status, a.cookies())
	}
	in := url.Values{"email": {address}, "password": {passphrase}, "key": {"two"}}
	first, second := h.post("/sign-in", "", in), h.post("/sign-in", "", in)
	if a, b := session(first, "tickmark"), session(second, "tickmark"); a == "" || b == "" || a == b {
		t.Errorf("two sign-ins under one key gave %q and %q", a, b)
	}
}

func TestGuessersWaitAndOthersDoNot(t *testing.T) {
	h := setUp(t)
	for i := range 5 {
		if a := h.signIn("", address, "wrong password here"); a.done() || !strings.Contains(a.body, "o user has this address and this password") {
			t.Fatalf("guess %d: %d\n%.2000s", i, a.status, a.body)
		}
	}
	a := h.signIn("", address, passphrase)
	if a.done() || !strings.Contains(a.body, "Too many wrong passwords") {
		t.Errorf("the right password after five wrong ones: %d", a.status)
	}
	if a := h.signIn("", "somebody@larchmere.example", passphrase); a.done() || strings.Contains(a.body, "Too many") {
		t.Errorf("another address has to wait too: %d", a.status)
	}
	h.advance(2 * time.Second)
	if a := h.signIn("", address, passphrase); session(a, "tickmark") == "" {
		t.Errorf("after the wait: %d\n%.2000s", a.status, a.body)
	}
	if a := h.signIn("", strings.ToUpper(address), passphrase); session(a, "tickmark") == "" {
		t.Errorf("right after a success: %d", a.status)
	}
}

func TestAnswersDoNotTellWhoHasAnAccount(t *testing.T) {
	h := setUp(t)
	unknown := "eve@larchmere.example" // as long as the known one
	for i := range 8 {                 // the wait sets in alike
		a, b := h.signIn("", address, "wrong password here"), h.signIn("", unknown, "wrong password here")
		same := strings.ReplaceAll(b.body, unknown, address)
		if a.status != b.status || a.body != same {
			t.Fatalf("guess %d at a known address: %d, at an unknown one: %d\n%s", i, a.status, b.status, cmp.Diff(a.body, same))
		}
		for _, x := range []answer{a, b} {
			if len(x.cookies()) > 0 || strings.Contains(x.body, "wrong password here") {
				t.Errorf("guess %d sets cookies %v or repeats the password", i, x.cookies())
			}
		}
	}
}

func TestASessionBeginsAnewAtSignInAndEndsAtSignOut(t *testing.T) {
	h := setUp(t)
	for _, planted := range []string{"planted", h.owner} {
		a := h.signIn(planted, address, passphrase)
		fresh := session(a, "tickmark")
		if fresh == "" || fresh == planted || !h.knows(fresh) {
			t.Fatalf("sign-in over %q gave %q", planted, fresh)
		}
		if h.knows(planted) {
			t.Errorf("the cookie from before the sign-in, %q, is good", planted)
		}
		h.owner = fresh
	}
	a := h.post("/sign-out", h.owner, url.Values{})
	if i := slices.IndexFunc(a.cookies(), func(c *http.Cookie) bool { return c.Name == "tickmark" && c.MaxAge < 0 }); i < 0 {
		t.Errorf("sign-out leaves the cookie: %v", a.cookies())
	}
	if h.knows(h.owner) {
		t.Error("the session outlives the sign-out")
	}
}

func TestSessionsRunOut(t *testing.T) {
	h := setUp(t)
	h.advance(auth.SessionLife + time.Minute)
	if h.knows(h.owner) {
		t.Error("a session that nobody used for too long is good")
	}
	cookie := session(h.signIn("", address, passphrase), "tickmark")
	for began := h.app.Clock.Now(); h.app.Clock.Now().Sub(began) < auth.SessionMax; h.advance(time.Hour) {
		if !h.knows(cookie) {
			t.Fatal("a session in use ended early")
		}
	}
	h.advance(time.Minute)
	if h.knows(cookie) {
		t.Error("a session in use never ends")
	}
}

func TestADisabledMemberIsOutAtOnce(t *testing.T) {
	h := setUp(t)
	desk, err := h.app.Desk(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	x := &tenant{t: t, app: h.app, desk: desk}
	token := x.bearer(desk)
	ask := func() int { return rest(t, h.base, operation(t, "orgs.get"), input{}, token).status }
	if !h.knows(h.owner) || ask() != http.StatusOK {
		t.Fatal("the member is not in")
	}
	set := func(disabled bool) {
		x.must(h.app.DB.Write(t.Context(), db.All, func(tx *db.Tx) error {
			_, err := tx.Exec("UPDATE users SET disabled = ? WHERE id = ?", disabled, desk.Actor.User)
			return err
		}))
	}
	set(true)
	if h.knows(h.owner) || ask() != http.StatusUnauthorized {
		t.Errorf("disabled, but the session is good (%t) or the token is (%d)", h.knows(h.owner), ask())
	}
	if a := h.signIn("", address, passphrase); len(a.cookies()) > 0 || !strings.Contains(a.body, "o user has this address") {
		t.Errorf("disabled, and sign-in answers %d", a.status)
	}
	// Whoever lost the membership has lost the organization, too.
	set(false)
	x.must(h.app.DB.Write(t.Context(), db.All, func(tx *db.Tx) error {
		if _, err := tx.Exec("DELETE FROM tokens WHERE org_id = ?", desk.Org); err != nil {
			return err
		}
		_, err := tx.Exec("DELETE FROM members WHERE org_id = ? AND user_id = ?", desk.Org, desk.Actor.User)
		return err
	}))
	if h.knows(h.owner) || ask() != http.StatusUnauthorized {
		t.Error("no member any more, and still in")
	}
}

func TestSignInLeadsNowhereElse(t *testing.T) {
	h := setUp(t)
	for _, to := range []string{
		"//evil.example", `/\evil.example`, `\\evil.example`, "https://evil.example", "https:evil.example", "HTTP://evil.example/", "javascript:alert(1)",
		"/%2f/evil.example", "//%2fevil.example", "/%5cevil.example", "/\t/evil.example", "/\n/evil.example", " //evil.example", "/ //evil.example",
		"http:///evil.example", "///evil.example", "/.//evil.example", "/..//evil.example", "/x/../..//evil.example", "@evil.example", "/@evil.example",
		"//user@evil.example", "/x\r\nSet-Cookie: planted=1", "/x\r\n\r\n<script>", "\x00//evil.example", "/\u00a0/evil.example", "/%0d%0aSet-Cookie:planted=1",
	} {
		for name, a := range map[string]answer{
			"signed in already": h.get("/sign-in?to="+url.QueryEscape(to), h.owner),
			"signing in":        h.post("/sign-in", "", url.Values{"email": {address}, "password": {passphrase}, "to": {to}}),
		} {
			if a.status != http.StatusSeeOther {
				t.Errorf("%q, %s: %d", to, name, a.status)
			}
			here, err := url.Parse(h.base + "/sign-in")
			if err != nil {
				t.Fatal(err)
			}
			// As browsers read it, for which a backslash is a slash.
			location := strings.ReplaceAll(a.head.Get("Location"), `\`, "/")
			there, err := here.Parse(location)
			if err != nil || there.Host != here.Host || there.Scheme != here.Scheme || strings.HasPrefix(location, "//") || strings.ContainsAny(location, "\t\r\n") {
				t.Errorf("%q, %s, leads to %q", to, name, a.head.Get("Location"))
			}
			if session(a, "planted") != "" {
				t.Errorf("%q, %s, sets a cookie", to, name)
			}
		}
	}
	if a := h.get("/sign-in?to="+url.QueryEscape("/criteria?x=1"), h.owner); a.head.Get("Location") != "/criteria?x=1" {
		t.Errorf("a page of the site is not led to: %q", a.head.Get("Location"))
	}
	r := request(t, http.MethodPost, h.base+"/preferences", strings.NewReader("theme=dark"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Referer", "https://evil.example//evil.example/x")
	if a := send(t, r); strings.Contains(strings.TrimPrefix(a.head.Get("Location"), "/"), "//") || strings.HasPrefix(a.head.Get("Location"), "//") {
		t.Errorf("preferences lead to %q", a.head.Get("Location"))
	}
}

package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/api"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
)

// broken fails in a way nobody planned for.
var broken = op.Read("machines.get", "Fail.", auth.OrgRead, func(*op.Call, op.None) (op.None, error) {
	return op.None{}, fmt.Errorf("the password is hunter2")
})

// typed takes every type an input may have.
type typed struct {
	ID    int64     `json:"id"`
	Text  string    `json:"text,omitempty"`
	Flag  bool      `json:"flag,omitempty"`
	Many  []string  `json:"many,omitempty"`
	Sizes []int64   `json:"sizes,omitempty"`
	At    time.Time `json:"at,omitzero"`
	Limit int       `json:"limit,omitempty" maximum:"500"`
}

var echo = op.Read("machines.echo", "Answer what was asked.", auth.OrgRead, func(_ *op.Call, in typed) (typed, error) { return in, nil })

func operations() []op.Operation {
	return slices.Concat(orgs.Operations, frameworks.Operations, controls.Operations, evidence.Operations, []op.Operation{broken, echo})
}

// house is an installation with one organization, seen through HTTP.
type house struct {
	t       *testing.T
	engine  *op.Engine
	clock   *clock.Fixed
	handler http.Handler
	logged  *bytes.Buffer
	token   string
	session string
	org     id.Org
	owner   id.User
}

// empty is an installation before setup, and its setup token.
func empty(t *testing.T, d *db.DB) (*house, string) {
	t.Helper()
	h := &house{t: t, engine: optest.Engine(t, d), logged: &bytes.Buffer{}}
	h.engine.Log = slog.New(slog.NewTextHandler(h.logged, nil))
	h.clock = h.engine.Clock.(*clock.Fixed)
	h.handler = api.New(h.engine, operations(), api.Extra{Ingest: func(context.Context, *op.Desk, api.File, io.Reader) (any, error) { return nil, nil }, Bundle: func(ctx context.Context, desk *op.Desk, w io.Writer) error {
		_, err := io.WriteString(w, "bundle of "+string(desk.Org))
		return err
	}, Examination: func(_ context.Context, _ *op.Desk, engagement string, w io.Writer) error {
		_, err := io.WriteString(w, "bundle of "+engagement)
		return err
	}})
	var token string
	err := d.Write(t.Context(), db.All, func(tx *db.Tx) (err error) {
		token, err = auth.NewSetupToken(tx, h.clock.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return h, token
}

// settled is an installation with an owner, who has a token and a session.
func settled(t *testing.T, d *db.DB) *house {
	t.Helper()
	h, setup := empty(t, d)
	var made orgs.Created
	h.post("/orgs", map[string]any{"token": setup, "organization": "Larchmere", "name": "Ada", "email": "ada@example.com",
		"password": "correct horse battery"}).want(http.StatusCreated).into(&made)
	h.org, h.owner = made.Org, made.User
	s, err := orgs.SignIn.Do(t.Context(), &op.Desk{Engine: h.engine}, orgs.Visit{User: made.User})
	if err != nil {
		t.Fatal(err)
	}
	h.session = s.Secret
	var granted orgs.GrantedToken
	h.post("/tokens", map[string]any{"name": "tests", "access": "write"}).want(http.StatusCreated).into(&granted)
	h.token, h.session = granted.Secret, ""
	if !strings.HasPrefix(h.token, "tmk_") {
		t.Fatalf("token %q", h.token)
	}
	return h
}

// answer is what came back.
type answer struct {
	*httptest.ResponseRecorder
	t *testing.T
}

func (h *house) request(method, path string, body io.Reader) *http.Request {
	r := httptest.NewRequest(method, "http://tickmark.test/api/v1"+path, body)
	if h.token != "" {
		r.Header.Set("Authorization", "Bearer "+h.token)
	}
	if h.session != "" {
		r.AddCookie(&http.Cookie{Name: auth.CookieNameFor(false), Value: h.session})
	}
	return r
}

func (h *house) send(r *http.Request) answer {
	h.t.Helper()
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return answer{w, h.t}
}

func (h *house) get(path string) answer {
	h.t.Helper()
	return h.send(h.request(http.MethodGet, path, nil))
}

func (h *house) write(method, path string, body any, key string) answer {
	h.t.Helper()
	raw, ok := body.(string)
	if !ok && body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			h.t.Fatal(err)
		}
		raw = string(b)
	}
	r := h.request(method, path, strings.NewReader(raw))
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	return h.send(r)
}

func (h *house) post(path string, body any) answer {
	h.t.Helper()
	return h.write(http.MethodPost, path, body, "")
}

func (a answer) want(status int) answer {
	a.t.Helper()
	if a.Code != status {
		a.t.Fatalf("status %d, want %d: %s", a.Code, status, a.Body)
	}
	return a
}

func (a answer) into(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.Body.Bytes(), v); err != nil {
		a.t.Fatalf("%v: %s", err, a.Body)
	}
}

// problem checks that the answer is one, and returns it.
func (a answer) problem(status int) api.Problem {
	a.t.Helper()
	a.want(status)
	if ct := a.Header().Get("Content-Type"); ct != "application/problem+json" {
		a.t.Errorf("Content-Type %q", ct)
	}
	var p api.Problem
	a.into(&p)
	if p.Status != status || p.Title == "" || p.Detail == "" || !strings.HasPrefix(p.Type, "/api/v1/docs#problem-") {
		a.t.Errorf("incomplete problem: %s", a.Body)
	}
	return p
}

func TestRecordsLiveThroughREST(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := settled(t, d)
		var org orgs.Org
		h.get("/orgs/current").want(http.StatusOK).into(&org)
		if org.Name != "Larchmere" || org.ID != h.org {
			t.Errorf("org %+v", org)
		}
		h.write(http.MethodPatch, "/orgs/current", map[string]any{"name": "Larchmere AG", "zone": "Europe/Berlin", "version": org.Version}, "").
			want(http.StatusOK).into(&org)
		if org.Name != "Larchmere AG" || org.Version != 2 {
			t.Errorf("org after the update %+v", org)
		}

		var control, same controls.Control
		h.post("/controls", own("ZZZ-01")).want(http.StatusCreated).into(&control)
		for _, path := range []string{"/controls/ZZZ-01", "/controls/" + string(control.ID)} {
			h.get(path).want(http.StatusOK).into(&same)
			if same.ID != control.ID || same.Text != control.Text {
				t.Errorf("%s: %+v", path, same)
			}
		}
		h.write(http.MethodPatch, "/controls/ZZZ-01", map[string]any{"title": "Renamed", "text": control.Text, "frequency": "weekly",
			"owner": h.owner, "version": 1}, "").want(http.StatusOK).into(&control)
		h.post("/controls/ZZZ-01/retire", map[string]any{"reason": "No longer done", "version": control.Version}).want(http.StatusOK)
		var list op.Page[controls.Control]
		h.get("/controls").want(http.StatusOK).into(&list)
		if list.Total != 0 {
			t.Errorf("a retired control is listed: %+v", list)
		}

		var tokens op.Page[auth.Token]
		h.get("/tokens").want(http.StatusOK).into(&tokens)
		if len(tokens.Items) != 1 || strings.Contains(h.get("/tokens").Body.String(), "tmk_") {
			t.Errorf("tokens %+v", tokens)
		}
		a := h.post("/tokens/"+string(tokens.Items[0].ID)+"/revoke", nil).want(http.StatusNoContent)
		if a.Body.Len() != 0 {
			t.Errorf("body %q", a.Body)
		}
		h.get("/orgs/current").problem(http.StatusUnauthorized)
	})
}

// own is a control of one's own.
func own(code string) map[string]any {
	return map[string]any{"code": code, "title": "Keys are counted", "text": "Someone counts the keys every week and writes it down.",
		"criteria": []string{"CC6.1"}, "frequency": "weekly"}
}

func TestListsComeInPages(t *testing.T) {
	h := settled(t, sqlite(t))
	for i := range 3 {
		h.post("/controls", own(fmt.Sprintf("ZZZ-%02d", i))).want(http.StatusCreated)
	}
	var page op.Page[controls.Control]
	var codes []string
	for after := ""; ; after = page.Next {
		page = op.Page[controls.Control]{}
		h.get("/controls?limit=2&after=" + after).want(http.StatusOK).into(&page)
		for _, c := range page.Items {
			codes = append(codes, c.Code)
		}
		if page.Next == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"ZZZ-00", "ZZZ-01", "ZZZ-02"}, codes); diff != "" || page.Total != 3 {
		t.Errorf("total %d, %s", page.Total, diff)
	}
}

// sqlite is a database for tests that are about HTTP alone.
func sqlite(t *testing.T) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), dbtest.Migrated(t), db.Options{Unsafe: true, Careless: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestParametersHaveTheTypesOfTheInput(t *testing.T) {
	h := settled(t, sqlite(t))
	var got typed
	h.get("/machines/7/echo?text=12&flag=true&many=a,b&many=c&sizes=1&sizes=2&at=2026-12-31&limit=5").want(http.StatusOK).into(&got)
	want := typed{ID: 7, Text: "12", Flag: true, Many: []string{"a,b", "c"}, Sizes: []int64{1, 2},
		At: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC), Limit: 5}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	h.get("/machines/7/echo?limit=&at=&flag=").want(http.StatusOK) // left out

	refused := map[string]api.InputError{
		"/machines/seven/echo":             {Location: "path.id", Message: "want a whole number such as 50"},
		"/machines/7/echo?limit=many":      {Location: "query.limit", Message: "want a whole number such as 50"},
		"/machines/7/echo?limit=501":       {Location: "query.limit", Message: "give 500 or less"},
		"/machines/7/echo?flag=yes":        {Location: "query.flag", Message: "want true or false"},
		"/machines/7/echo?text=a&text=b":   {Location: "query.text", Message: "is given 2 times; give it once"},
		"/machines/7/echo?sizes=1&sizes=x": {Location: "query.sizes", Message: "want a whole number such as 50"},
		"/machines/7/echo?at=soon":         {Location: "query.at", Message: "want a time such as 2026-12-31T09:00:00Z or a day such as 2026-12-31"},
		"/machines/7/echo?id=8":            {Location: "path.id", Message: "stands in the path; leave it out of the query"},
		"/machines/7/echo?txt=a": {Location: "query.txt",
			Message: "is not a field; the fields are id, text, flag, many, sizes, at, limit"},
	}
	for path, want := range refused {
		p := h.get(path).problem(http.StatusUnprocessableEntity)
		if diff := cmp.Diff([]api.InputError{want}, p.Errors); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

func TestRefusalsSayWhatWouldBeAccepted(t *testing.T) {
	h := settled(t, sqlite(t))
	t.Run("invalid: every field at once", func(t *testing.T) {
		p := h.post("/controls", map[string]any{"code": "x", "title": "Keys", "text": "short", "frequency": "weekly"}).
			problem(http.StatusUnprocessableEntity)
		var where []string
		for _, e := range p.Errors {
			where = append(where, e.Location)
		}
		slices.Sort(where)
		if diff := cmp.Diff([]string{"body.code", "body.criteria", "body.text"}, where); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("invalid: not JSON", func(t *testing.T) {
		for _, body := range []string{"{", "[]", `{"name":"x"} {}`, `"x"`} {
			h.post("/tokens", body).problem(http.StatusUnprocessableEntity)
			h.write(http.MethodPatch, "/controls/A", body, "").problem(http.StatusUnprocessableEntity)
		}
	})
	t.Run("invalid: id twice", func(t *testing.T) {
		p := h.write(http.MethodPatch, "/controls/A", map[string]any{"id": "B"}, "").problem(http.StatusUnprocessableEntity)
		if p.Errors[0].Location != "path.id" {
			t.Errorf("%+v", p.Errors)
		}
	})
	t.Run("not found", func(t *testing.T) { h.get("/controls/CHG-99").problem(http.StatusNotFound) })
	t.Run("conflict carries the record", func(t *testing.T) {
		p := h.write(http.MethodPatch, "/orgs/current", map[string]any{"name": "B", "zone": "UTC", "version": 9}, "").problem(http.StatusConflict)
		if m, _ := p.Current.(map[string]any); m["name"] != "Larchmere" {
			t.Errorf("current %v", p.Current)
		}
	})
	t.Run("internal keeps the cause to the log", func(t *testing.T) {
		a := h.get("/machines/current")
		p := a.problem(http.StatusInternalServerError)
		if strings.Contains(a.Body.String(), "hunter2") || p.Reference == "" || !strings.Contains(h.logged.String(), p.Reference) ||
			!strings.Contains(h.logged.String(), "hunter2") {
			t.Errorf("answer %s, log %s", a.Body, h.logged)
		}
	})
	t.Run("too large", func(t *testing.T) {
		h.post("/tokens", `{"name":"`+strings.Repeat("a", 1<<20)+`"}`).problem(http.StatusRequestEntityTooLarge)
	})
	t.Run("not JSON by its type", func(t *testing.T) {
		r := h.request(http.MethodPost, "/tokens", strings.NewReader("name=x"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		h.send(r).problem(http.StatusUnsupportedMediaType)
	})
	t.Run("unknown route", func(t *testing.T) {
		h.get("/vendors").problem(http.StatusNotFound)
		h.get("/controls/a/b/c").problem(http.StatusNotFound)
	})
	t.Run("wrong method", func(t *testing.T) {
		a := h.write(http.MethodDelete, "/controls", nil, "")
		a.problem(http.StatusMethodNotAllowed)
		if allow := a.Header().Get("Allow"); allow != "GET, POST" {
			t.Errorf("Allow %q", allow)
		}
	})
}

func TestMachineWorkIsNotOffered(t *testing.T) {
	h := settled(t, sqlite(t))
	h.post("/orgs/found", map[string]any{}).problem(http.StatusNotFound)
	h.post("/sessions", map[string]any{}).problem(http.StatusMethodNotAllowed) // they are listed there, and begun on a page
}

func TestDeniedTellsStrangersFromMembers(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := settled(t, d)
		desk := &op.Desk{Engine: h.engine, Org: h.org, Actor: auth.Actor{User: h.owner, Roles: []auth.Role{auth.Owner}}}
		sponsor := optest.Member(t, desk, auth.Sponsor)
		s, err := orgs.SignIn.Do(t.Context(), &op.Desk{Engine: h.engine}, orgs.Visit{User: sponsor.Actor.User})
		if err != nil {
			t.Fatal(err)
		}
		owner := h.token
		h.token, h.session = "", s.Secret
		p := h.post("/controls", own("ZZZ-01")).problem(http.StatusForbidden)
		if !strings.Contains(p.Detail, "controls:write") {
			t.Errorf("detail %q", p.Detail)
		}
		h.get("/controls").want(http.StatusOK)

		h.session = ""
		a := h.get("/controls")
		a.problem(http.StatusUnauthorized)
		if a.Header().Get("WWW-Authenticate") == "" {
			t.Error("no WWW-Authenticate")
		}
		// A stranger learns nothing about the input either.
		h.post("/controls", `{"nonsense":1}`).problem(http.StatusUnauthorized)
		for _, bad := range []string{"tmk_wrong", owner + "x"} {
			h.token = bad
			h.get("/controls").problem(http.StatusUnauthorized)
		}
		r := h.request(http.MethodGet, "/controls", nil)
		r.Header.Set("Authorization", "Basic YTpi")
		h.send(r).problem(http.StatusUnauthorized)
	})
}

func TestBadTokensHaveToWait(t *testing.T) {
	h := settled(t, sqlite(t))
	good := h.token
	h.token = "tmk_wrong"
	var a answer
	for range 31 {
		a = h.get("/controls")
	}
	a.problem(http.StatusTooManyRequests)
	if a.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	h.clock.Advance(2 * time.Minute)
	h.token = good
	h.get("/controls").want(http.StatusOK)
}

func TestRepeatedKeyAnswersAsBefore(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := settled(t, d)
		var first, second controls.Control
		h.write(http.MethodPost, "/controls", own("ZZZ-01"), "key 1").want(http.StatusCreated).into(&first)
		h.write(http.MethodPost, "/controls", own("ZZZ-01"), "key 1").want(http.StatusCreated).into(&second)
		if diff := cmp.Diff(first, second); diff != "" {
			t.Error(diff)
		}
		var list op.Page[controls.Control]
		h.get("/controls").into(&list)
		if list.Total != 1 {
			t.Errorf("%d controls, want 1", list.Total)
		}
		h.write(http.MethodPost, "/controls", own("ZZZ-02"), "key 1").problem(http.StatusConflict)
		h.write(http.MethodPost, "/controls", own("ZZZ-01"), "key 2").problem(http.StatusConflict) // the code is taken
		h.write(http.MethodPost, "/controls", own("ZZZ-03"), strings.Repeat("k", 201)).problem(http.StatusUnprocessableEntity)
	})
}

func TestCookieIsNotUsedAcrossSites(t *testing.T) {
	h := settled(t, sqlite(t))
	s, err := orgs.SignIn.Do(t.Context(), &op.Desk{Engine: h.engine}, orgs.Visit{User: h.owner})
	if err != nil {
		t.Fatal(err)
	}
	token := h.token
	cross := func(method, path, body string) answer {
		r := h.request(method, path, strings.NewReader(body))
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Origin", "https://elsewhere.example")
		return h.send(r)
	}
	h.token, h.session = "", s.Secret
	cross(http.MethodPost, "/tokens", `{"name":"x"}`).problem(http.StatusForbidden)
	cross(http.MethodGet, "/tokens", "").want(http.StatusOK) // the browser does not let the other site read it
	h.post("/tokens", map[string]any{"name": "x"}).want(http.StatusCreated)

	h.token, h.session = token, ""
	cross(http.MethodPost, "/tokens", `{"name":"y"}`).want(http.StatusCreated) // a token is not sent by itself
}

func TestSetupNeedsNobodySignedIn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h, setup := empty(t, d)
		in := map[string]any{"token": "setup-wrong", "organization": "Larchmere", "name": "Ada", "email": "ada@example.com",
			"password": "correct horse battery"}
		p := h.post("/orgs", in).problem(http.StatusUnprocessableEntity)
		if p.Errors[0].Location != "body.token" {
			t.Errorf("%+v", p.Errors)
		}
		in["token"] = setup
		h.post("/orgs", in).want(http.StatusCreated)
		h.post("/orgs", in).problem(http.StatusConflict)
	})
}

func TestWhoReplacesTokens(t *testing.T) {
	h := settled(t, sqlite(t))
	local := auth.Actor{User: h.owner, Name: "Ada", Roles: []auth.Role{auth.Owner}, Via: "cli"}
	h.handler = api.New(h.engine, operations(), api.Extra{Who: func(*http.Request) (auth.Actor, id.Org, error) { return local, h.org, nil }})
	h.token = ""
	h.get("/controls").want(http.StatusOK)
	h.handler = api.New(h.engine, operations(), api.Extra{Who: func(*http.Request) (auth.Actor, id.Org, error) {
		return auth.Actor{}, "", fault.Conflict("There are two organizations.")
	}})
	h.get("/controls").problem(http.StatusConflict)
}

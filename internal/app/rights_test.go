package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
)

// A person is one column of the table of rights: a role, or somebody without.
type person struct {
	name   string
	desk   *op.Desk
	token  string
	cookie string
}

const nobody = "nobody"

// people are a member of each role, a stranger, and the owner of another
// organization.
func people(t *testing.T, x, other *tenant) []person {
	t.Helper()
	var out []person
	for _, r := range auth.Roles() {
		desk := optest.Member(t, x.desk, r)
		out = append(out, person{string(r), desk, x.bearer(desk), x.cookie(desk)})
	}
	return append(out, person{name: nobody, desk: &op.Desk{Engine: x.app.Engine, Actor: auth.Actor{Via: "api"}, Org: x.desk.Org}},
		person{"outsider", other.desk, other.bearer(other.desk), other.cookie(other.desk)})
}

// columns of the golden table.
func columns(all []person) string {
	var b strings.Builder
	for _, p := range all {
		fmt.Fprintf(&b, " %-15s", p.name)
	}
	return strings.TrimRight(b.String(), " ") + "\n"
}

// server is the installation as the network reaches it.
func server(t *testing.T, a *app.App) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(a.Handler(conf.Server{}, assess.Offer{}))
	t.Cleanup(s.Close)
	return s
}

// answer is what came back over HTTP.
type answer struct {
	status int
	head   http.Header
	body   string
}

func (a answer) done() bool { return a.status < 400 }

// send sends a request and follows nothing.
func send(t *testing.T, r *http.Request) answer {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(b)}
}

func request(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// rest is an operation as a program asks for it.
func rest(t *testing.T, base string, o op.Operation, in input, token string) answer {
	t.Helper()
	route, rest := op.RouteOf(o), maps.Clone(in)
	path := route.Path
	if route.Addressed() {
		path = strings.ReplaceAll(path, "{id}", url.PathEscape(fmt.Sprint(in["id"])))
		delete(rest, "id")
	}
	var body io.Reader
	if route.InQuery() {
		path += "?" + asForm(rest).Encode()
	} else {
		body = bytes.NewReader(asJSON(t, rest))
	}
	r := request(t, route.Method, base+path, body)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return send(t, r)
}

// mayBySurfaces runs an operation both ways for one person and reports whether
// it was let through. Nothing but the right may stop it, and what was stopped
// must have changed nothing.
func mayBySurfaces(t *testing.T, x *tenant, base string, o op.Operation, p person) bool {
	t.Helper()
	may := p.desk.Actor.May(o.Right())
	in := x.example(o, p.desk)
	before, size := x.rows(), x.size()
	_, err := o.Run(t.Context(), p.desk, asJSON(t, in))
	passed := err == nil || o.Name() == "orgs.create" && fault.As(err) != nil && fault.As(err).Field == "token"
	switch {
	case passed != may, !may && fault.KindOf(err) != fault.KindDenied:
		t.Errorf("%s by %s: got %v; the table says %t", o.Name(), p.name, err, may)
	case err != nil:
		if diff := cmp.Diff(before, x.rows()); diff != "" {
			t.Errorf("%s by %s was refused and yet changed something:\n%s", o.Name(), p.name, diff)
		}
	case o.Writes():
		told(t, x, o, p, size)
	}

	in = x.example(o, p.desk)
	before = x.rows()
	a := rest(t, base, o, in, p.token)
	want := http.StatusForbidden
	if p.name == nobody {
		want = http.StatusUnauthorized
	}
	switch {
	case may && o.Name() == "orgs.create":
		want = http.StatusUnprocessableEntity
	case may:
		want = a.status
		if !a.done() {
			t.Errorf("%s by %s over HTTP: %d %s", o.Name(), p.name, a.status, a.body)
		}
	}
	if a.status != want {
		t.Errorf("%s by %s over HTTP: %d, want %d: %s", o.Name(), p.name, a.status, want, a.body)
	}
	if !a.done() {
		if diff := cmp.Diff(before, x.rows()); diff != "" {
			t.Errorf("%s by %s was refused over HTTP and yet changed something:\n%s", o.Name(), p.name, diff)
		}
	}
	return passed
}

// told checks that a write left an entry that names it and who did it.
func told(t *testing.T, x *tenant, o op.Operation, p person, from int64) {
	t.Helper()
	said := map[int64]map[string]string{}
	err := x.app.DB.Read(t.Context(), string(x.desk.Org), func(tx *db.Tx) error {
		list, err := x.app.Ledger.Openings(tx, x.desk.Org, from, from+1000)
		for _, opening := range list {
			if said[opening.Index] == nil {
				said[opening.Index] = map[string]string{}
			}
			said[opening.Index][opening.Label] = opening.Payload
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range said {
		var body struct{ Op string }
		var actor struct{ ID string }
		if err := json.Unmarshal([]byte(e[canon.LabelBody]), &body); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(e[canon.LabelActor]), &actor); err != nil {
			t.Fatal(err)
		}
		if body.Op == o.Name() && actor.ID == p.desk.Actor.Key() {
			return
		}
	}
	t.Errorf("%s by %s left no entry that names both: %v", o.Name(), p.name, said)
}

// elsewhere is what the owner of another organization gets who asks for this
// one's records: a refusal, or their own.
func elsewhere(t *testing.T, x *tenant, base string, o op.Operation, p person) string {
	t.Helper()
	in := x.example(o, nil)
	before := x.rows()
	a := rest(t, base, o, in, p.token)
	if diff := cmp.Diff(before, x.rows()); diff != "" {
		t.Errorf("%s from another organization changed something here:\n%s", o.Name(), diff)
	}
	if a.done() {
		return "own"
	}
	return "-"
}

func TestRights(t *testing.T) {
	var b bytes.Buffer
	fmt.Fprint(&b, `Who may do what. Written by a test that does each act as each person, as a
program and as a page, and finds that what is refused here changes nothing.

yes      done, and recorded under the person's name
-        refused
own      outsider, the owner of another organization who names records of this
         one: gets those of their own organization, or none
token    only with the one-time setup token, and only once

`)
	d := openSQLite(t)
	a := installation(t, d)
	x, other := furnish(t, a, "aardvark", "QAA"), furnish(t, a, "basilisk", "QBB")
	base := server(t, a).URL
	all := people(t, x, other)
	fmt.Fprintf(&b, "OPERATIONS\n%-42s%s", "", columns(all))
	for _, o := range app.Operations() {
		right := string(o.Right())
		if right == "" {
			right = "(anyone)"
		}
		line := fmt.Sprintf("%-22s %-19s", o.Name(), right)
		for _, p := range all {
			line += fmt.Sprintf(" %-15s", cell(t, x, base, o, p))
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	pages(t, &b, x, base, all)
	golden(t, "rights.golden", b.Bytes())
}

func cell(t *testing.T, x *tenant, base string, o op.Operation, p person) string {
	switch {
	case !o.Offered():
		machinery(t, o, p)
		return "-"
	case p.name == "outsider":
		return elsewhere(t, x, base, o, p)
	case !mayBySurfaces(t, x, base, o, p):
		return "-"
	case o.Name() == "orgs.create":
		return "token"
	}
	return "yes"
}

// machinery checks that no surface runs the machine's own work, and that Go code
// cannot either on behalf of who lacks the right.
func machinery(t *testing.T, o op.Operation, p person) {
	t.Helper()
	if _, err := o.Run(t.Context(), p.desk, []byte("{}")); fault.KindOf(err) != fault.KindDenied {
		t.Errorf("%s by %s: got %v, want a denial", o.Name(), p.name, err)
	}
	if p.desk.Actor.May(o.Right()) {
		return
	}
	in, _ := o.Types()
	out := reflect.ValueOf(o).MethodByName("Do").Call([]reflect.Value{reflect.ValueOf(t.Context()), reflect.ValueOf(p.desk), reflect.Zero(in)})
	if err, _ := out[1].Interface().(error); fault.KindOf(err) != fault.KindDenied {
		t.Errorf("%s by %s from Go: got %v, want a denial", o.Name(), p.name, err)
	}
}

// acts says which operation each act of a page does, which is what decides who
// may do it. Those of nobody signed in have none.
var acts = map[string]string{
	"POST /setup":                       "",
	"POST /sign-in":                     "",
	"POST /sign-out":                    "",
	"POST /settings":                    "orgs.update",
	"POST /settings/members":            "members.create",
	"POST /settings/tokens":             "tokens.create",
	"POST /settings/tokens/{id}/revoke": "tokens.revoke",
	"POST /scope":                       "scopes.set",
	"POST /start/scope":                 "scopes.set",
	"POST /start/sources":               "sources.create",
	"POST /controls/adopt":              "controls.adopt",
	"POST /controls/new":                "controls.create",
	"POST /controls/{id}/edit":          "controls.update",
	"POST /controls/{id}/implement":     "controls.implement",
	"POST /controls/{id}/retire":        "controls.retire",
	"POST /checks/new":                  "checks.create",
	"POST /checks/{id}/except":          "exceptions.create",
	"POST /exceptions/{id}/end":         "exceptions.end",
	"POST /evidence/new":                "evidence.create",
	"POST /log/verify":                  "ledgers.verify",
	"POST /export":                      "exports.create",
	"POST /sources/new":                 "sources.create",
	"POST /sources/{id}/collect":        "sources.collect",
	"POST /sources/{id}/remove":         "sources.remove",
}

// fill puts the tenant's records where a page's address names one.
func (x *tenant) fill(pattern string) string {
	x.t.Helper()
	kinds := map[string]string{"controls": "control", "checks": "check", "exceptions": "exception", "evidence": "evidence", "log": "entry",
		"sources": "source", "runs": "run", "jobs": "job", "tokens": "token"}
	parts := strings.Split(strings.TrimSuffix(pattern, "{$}"), "/")
	for i, part := range parts {
		switch {
		case !strings.HasPrefix(part, "{"):
		case part == "{version}":
			parts[i] = "1"
		case part == "{kind}":
			parts[i] = "commit"
		case part == "{key...}":
			parts[i] = url.PathEscape(x.ids["resource"])
		case parts[i-1] == "criteria":
			parts[i] = "CC6.1"
		case parts[i-1] == "library":
			parts[i] = "CHG-01"
		case kinds[parts[i-1]] == "":
			x.t.Fatalf("%s: say in fill what stands at %s", pattern, part)
		default:
			parts[i] = url.PathEscape(x.ids[kinds[parts[i-1]]])
		}
	}
	return strings.Join(parts, "/")
}

// act is a page's act with a form that would succeed, at the tenant's records.
func (x *tenant) act(base, pattern, operation string, who *op.Desk) *http.Request {
	x.t.Helper()
	in := input{}
	if operation != "" {
		i := slices.IndexFunc(app.Operations(), func(o op.Operation) bool { return o.Name() == operation })
		if i < 0 {
			x.t.Fatalf("%s: there is no operation %s", pattern, operation)
		}
		in = maps.Clone(x.example(app.Operations()[i], who))
	}
	_, path, _ := strings.Cut(pattern, " ")
	if id, ok := in["id"]; ok {
		path = strings.Replace(path, "{id}", url.PathEscape(fmt.Sprint(id)), 1)
		delete(in, "id")
	}
	path = x.fill(path)
	form := asForm(in)
	if pattern == "POST /evidence/new" {
		return multipartRequest(x.t, base+path, form, x.mark)
	}
	r := request(x.t, http.MethodPost, base+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// multipartRequest is a form with a file.
func multipartRequest(t *testing.T, address string, form url.Values, content string) *http.Request {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for k, values := range form {
		for _, v := range values {
			if err := w.WriteField(k, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	part, err := w.CreateFormFile("file", "export.html")
	if err == nil {
		_, err = io.WriteString(part, content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	r := request(t, http.MethodPost, address, &b)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return r
}

func signedIn(r *http.Request, cookie string) *http.Request {
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: auth.CookieNameFor(false), Value: cookie})
	}
	return r
}

// pages opens every page and does every page's act as every person.
func pages(t *testing.T, b *bytes.Buffer, x *tenant, base string, all []person) {
	t.Helper()
	fmt.Fprintf(b, "\nPAGES (>: led elsewhere)\n%-42s%s", "", columns(all))
	for _, r := range app.Pages(assess.Offer{}) {
		line := fmt.Sprintf("%-42s", r.Pattern)
		for _, p := range all {
			line += fmt.Sprintf(" %-15s", pageCell(t, x, base, r, p))
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

func pageCell(t *testing.T, x *tenant, base string, r site.Route, p person) string {
	t.Helper()
	method, path, _ := strings.Cut(r.Pattern, " ")
	if method == http.MethodGet {
		a := send(t, signedIn(request(t, method, base+x.fill(path), nil), p.cookie))
		if a.status >= 500 || a.status == http.StatusNotFound && p.name != "outsider" && !strings.Contains(path, "exceptions") {
			t.Errorf("%s for %s: %d", r.Pattern, p.name, a.status)
		}
		if p.name == nobody && !r.Open && (a.status != http.StatusSeeOther || !strings.HasPrefix(a.head.Get("Location"), "/sign-in?to=")) {
			t.Errorf("%s for a stranger: %d to %q", r.Pattern, a.status, a.head.Get("Location"))
		}
		return map[int]string{200: "yes", 303: ">", 403: "-", 404: "-"}[a.status]
	}
	operation, known := acts[r.Pattern]
	if !known {
		t.Fatalf("%s: say in acts which operation it does", r.Pattern)
	}
	if r.Open { // told apart elsewhere; anyone may knock
		return "yes"
	}
	i := slices.IndexFunc(app.Operations(), func(o op.Operation) bool { return o.Name() == operation })
	may := p.desk.Actor.May(app.Operations()[i].Right()) && p.name != "outsider"
	req := x.act(base, r.Pattern, operation, p.desk)
	before := x.rows()
	a := send(t, signedIn(req, p.cookie))
	stopped := a.status == http.StatusForbidden || p.name == nobody && strings.HasPrefix(a.head.Get("Location"), "/sign-in")
	switch {
	case may && !a.done():
		t.Errorf("%s by %s: %d, though they may:\n%.2000s", r.Pattern, p.name, a.status, a.body)
	case !may && p.name != "outsider" && !stopped:
		t.Errorf("%s by %s: %d to %q, want it refused", r.Pattern, p.name, a.status, a.head.Get("Location"))
	}
	if !may {
		if diff := cmp.Diff(before, x.rows()); diff != "" {
			t.Errorf("%s by %s changed something:\n%s", r.Pattern, p.name, diff)
		}
	}
	switch {
	case may:
		return "yes"
	case a.done() && p.name == "outsider":
		return "own"
	}
	return "-"
}

// openSQLite is a fresh database.
func openSQLite(t *testing.T) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), dbtest.SQLite(t), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestOnlyTheSetupTokenMakesTheFirstOwnerAndItIsOnRecord(t *testing.T) {
	a := installation(t, openSQLite(t))
	var token string
	err := a.DB.Write(t.Context(), db.All, func(tx *db.Tx) (err error) {
		token, err = auth.NewSetupToken(tx, a.Clock.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(app.Operations(), func(o op.Operation) bool { return o.Name() == "orgs.create" })
	create := app.Operations()[i]
	base := server(t, a).URL
	in := input{"token": token + "x", "organization": "Larchmere", "name": "Ada", "email": "ada@example.com", "password": "four unrelated words"}
	if got := rest(t, base, create, in, ""); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a wrong token: %d %s", got.status, got.body)
	}
	in["token"] = token
	got := rest(t, base, create, in, "")
	var made orgs.Created
	if err := json.Unmarshal([]byte(got.body), &made); err != nil || got.status != http.StatusCreated {
		t.Fatalf("the token: %d %s", got.status, got.body)
	}
	x := &tenant{t: t, app: a, desk: &op.Desk{Engine: a.Engine, Org: made.Org, Actor: auth.Actor{User: made.User, Roles: []auth.Role{auth.Owner}}}}
	told(t, x, create, person{name: "first owner", desk: x.desk}, 0)
	if got := rest(t, base, create, in, ""); got.status != http.StatusConflict {
		t.Errorf("the token a second time: %d %s", got.status, got.body)
	}
}

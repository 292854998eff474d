package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
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

func TestRights(t *testing.T) {
	var b bytes.Buffer
	fmt.Fprint(&b, `Who may do what. Written by a test that does each act as each person, as a
program and as a page, and finds that what is refused here changes nothing.

yes      done, and a write is recorded under the person's name
-        refused
own      outsider, the owner of another organization who names records of this
         one: gets those of their own organization, or none
token    only with the one-time setup token, and only once

`)
	a := installation(t, openSQLite(t))
	x, other := furnish(t, a, "aardvark", "QAA"), furnish(t, a, "basilisk", "QBB")
	base := server(t, a, conf.Server{}).URL
	all := people(t, x, other)
	fmt.Fprintf(&b, "OPERATIONS\n%-42s%s", "", columns(all))
	for _, o := range app.Operations() {
		right := string(o.Right())
		if right == "" {
			right = "(anyone)"
		}
		line := fmt.Sprintf("%-22s %-19s", o.Name(), right)
		for _, c := range row(t, x, base, o, all) {
			line += fmt.Sprintf(" %-15s", c)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	fmt.Fprintf(&b, "\nPAGES (>: led elsewhere)\n%-42s%s", "", columns(all))
	for _, r := range app.Pages(assess.Offer{}) {
		line := fmt.Sprintf("%-42s", r.Pattern)
		for _, c := range pageRow(t, x, base, r, all) {
			line += fmt.Sprintf(" %-15s", c)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	golden(t, "rights.golden", b.Bytes())
}

// row does an operation as everybody. Who may not comes first, with one input
// for all, since none of them may use it up.
func row(t *testing.T, x *tenant, base string, o op.Operation, all []person) []string {
	t.Helper()
	cells := make([]string, len(all))
	if !o.Offered() {
		for i, p := range all {
			machinery(t, o, p)
			cells[i] = "-"
		}
		return cells
	}
	in := x.example(o, nil)
	before := x.rows()
	for i, p := range all {
		switch {
		case p.name == "outsider":
			cells[i] = "-"
			if rest(t, base, o, in, p.token).done() {
				cells[i] = "own"
			}
		case !p.desk.Actor.May(o.Right()):
			cells[i] = "-"
			refused(t, base, o, in, p)
		}
	}
	if diff := cmp.Diff(before, x.rows()); diff != "" {
		t.Errorf("%s by those who may not has changed something:\n%s", o.Name(), diff)
	}
	for i, p := range all {
		if cells[i] == "" {
			cells[i] = accepted(t, x, base, o, p)
		}
	}
	return cells
}

// refused does what a person may not, both ways.
func refused(t *testing.T, base string, o op.Operation, in input, p person) {
	t.Helper()
	if _, err := o.Run(t.Context(), p.desk, asJSON(t, in)); fault.KindOf(err) != fault.KindDenied {
		t.Errorf("%s by %s: got %v, want a denial", o.Name(), p.name, err)
	}
	want := http.StatusForbidden
	if p.name == nobody {
		want = http.StatusUnauthorized
	}
	if a := rest(t, base, o, in, p.token); a.status != want {
		t.Errorf("%s by %s over HTTP: %d, want %d: %s", o.Name(), p.name, a.status, want, a.body)
	}
}

// accepted does what a person may, both ways.
func accepted(t *testing.T, x *tenant, base string, o op.Operation, p person) string {
	t.Helper()
	in, size := x.example(o, p.desk), x.size()
	_, err := o.Run(t.Context(), p.desk, asJSON(t, in))
	if o.Name() == "orgs.create" { // the right is everyone's, the token is not
		if a := rest(t, base, o, in, p.token); fault.As(err) == nil || fault.As(err).Field != "token" || a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s by %s with a guessed token: %v; over HTTP %d", o.Name(), p.name, err, a.status)
		}
		return "token"
	}
	if err != nil {
		t.Errorf("%s by %s, who may: %v", o.Name(), p.name, err)
	} else if o.Writes() {
		told(t, x, o, p, size)
	}
	if a := rest(t, base, o, x.example(o, p.desk), p.token); !a.done() {
		t.Errorf("%s by %s, who may, over HTTP: %d %s", o.Name(), p.name, a.status, a.body)
	}
	return "yes"
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
	create := operation(t, "orgs.create")
	base := server(t, a, conf.Server{}).URL
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

package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
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
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
)

// A person is one column of the table of rights: a role, or somebody without.
type person struct {
	name   string
	desk   *op.Desk
	token  string
	cookie string
}

// Those who belong to neither side of the engagement.
const (
	nobody    = "nobody"
	outsider  = "outsider"
	otherFirm = "other_firm"
)

func (p person) outside() bool { return p.name == outsider || p.name == otherFirm }

// firm reports whether somebody works for a CPA firm.
func (p person) firm() bool { return slices.ContainsFunc(p.desk.Actor.Roles, auth.IsFirm) }

// people are a member of each role on both sides, a stranger, the owner of
// another organization, and the partner of the firm that examines that one.
func people(t *testing.T, x, other *tenant) []person {
	t.Helper()
	var out []person
	for _, r := range slices.Concat(auth.Roles(), auth.FirmRoles()) {
		desk := x.seat(r)
		out = append(out, person{string(r), desk, x.bearer(desk), x.cookie(desk)})
	}
	out = append(out, person{name: nobody, desk: &op.Desk{Engine: x.app.Engine, Actor: auth.Actor{Via: "api"}, Org: x.desk.Org}},
		person{outsider, other.desk, other.bearer(other.desk), other.cookie(other.desk)})
	partner := other.seat(auth.Partner)
	return append(out, person{otherFirm, partner, other.bearer(partner), other.cookie(partner)})
}

// line writes cells below the names of their columns.
func line(all []person, cells []string) string {
	var b strings.Builder
	for i, p := range all {
		fmt.Fprintf(&b, " %-*s", max(5, len(p.name)), cells[i])
	}
	return strings.TrimRight(b.String(), " ") + "\n"
}

// columns of the golden table.
func columns(all []person) string {
	var names []string
	for _, p := range all {
		names = append(names, p.name)
	}
	return line(all, names)
}

func TestRights(t *testing.T) {
	var b bytes.Buffer
	fmt.Fprint(&b, `Who may do what. Written by a test that does each act as each person, as a
program and as a page, and finds that what is refused here changes nothing.

yes      done, and a write is recorded under the person's name: in the log of
         the client, of the firm, or of the engagement, as the act is
-        refused
side     each side does its own part, and is refused the other's
noted    refused to everybody, and the attempt is recorded
own      gets what is of their own organization, or nothing: outsider, the owner of
         another one, and other_firm, the partner of the firm that examines that
         one, who name records of this one; a firm, for which no jobs are done
secret   only with the secret of an invitation, which makes them another person
token    only with the one-time setup token, and only once

Partner, manager and staff work for the CPA firm of the engagement. What is not
about an engagement they do in their firm.

`)
	a := installation(t, openSQLite(t))
	x, other := furnish(t, a, "aardvark", "QAA"), furnish(t, a, "basilisk", "QBB")
	base := server(t, a, conf.Server{}).URL
	all := people(t, x, other)
	asked := some(t, all)
	fmt.Fprintf(&b, "OPERATIONS\n%-51s%s", "", columns(all))
	for _, o := range app.Operations() {
		right := string(o.Right())
		if right == "" {
			right = "(anyone)"
		}
		head := fmt.Sprintf("%-28s %-22s", o.Name(), right)
		fmt.Fprint(&b, head, line(all, asked.with(head, row(t, x, base, o, asked.people))))
	}
	fmt.Fprintf(&b, "\nPAGES (>: led elsewhere)\n%-51s%s", "", columns(all))
	for _, r := range app.Pages(assess.Offer{}) {
		head := fmt.Sprintf("%-51s", r.Pattern)
		fmt.Fprint(&b, head, line(all, asked.with(head, pageRow(t, x, base, r, asked.people))))
	}
	golden(t, "rights.golden", b.Bytes())
}

// those are the people who are asked this time, and what the table says of the
// others.
type those struct {
	people []person
	at     []int // of each of them among all
	all    int
	agreed map[string][]string
}

// some picks one of each kind of people for a quick run. Where both databases
// are tested, and where the table is written anew, it is everybody.
func some(t *testing.T, all []person) those {
	t.Helper()
	if *update || os.Getenv("TICKMARK_REQUIRE_POSTGRES") != "" {
		out := those{people: all, all: len(all)}
		for i := range all {
			out.at = append(out.at, i)
		}
		return out
	}
	out := those{all: len(all), agreed: map[string][]string{}}
	for i, p := range all {
		if slices.Contains([]string{string(auth.Owner), string(auth.Employee), string(auth.Staff), nobody, otherFirm}, p.name) {
			out.people, out.at = append(out.people, p), append(out.at, i)
		}
	}
	table, err := os.ReadFile(filepath.Join("testdata", "rights.golden"))
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(table)) {
		if len(l) > 51 {
			out.agreed[l[:51]] = strings.Fields(l[51:])
		}
	}
	return out
}

// with puts the cells of those who were asked among what is agreed of the
// others.
func (w those) with(head string, cells []string) []string {
	out := make([]string, w.all)
	for i := range out {
		out[i] = "?"
	}
	if agreed := w.agreed[head]; len(agreed) == w.all {
		copy(out, agreed)
	}
	for i, at := range w.at {
		out[at] = cells[i]
	}
	return out
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
	before := x.rows(in)
	for i, p := range all {
		switch {
		case o.Name() == "invitations.accept": // whoever has the secret
		case p.outside():
			cells[i] = "-"
			if rest(t, base, o, in, p.token).done() {
				cells[i] = "own"
			}
		case !p.desk.Actor.May(o.Right()), x.barred(o, p):
			cells[i] = "-"
			refused(t, base, o, in, p)
		}
	}
	if diff := cmp.Diff(before, x.rows(in)); diff != "" {
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
	in := x.example(o, p.desk)
	log := x.log(o, p, in)
	size := x.size(log)
	out, err := o.Run(t.Context(), p.desk, asJSON(t, in))
	switch {
	case o.Name() == "invitations.accept": // it makes whoever comes another person
		made, ok := out.(orgs.Created)
		if err != nil || !ok {
			t.Errorf("%s by %s: %v", o.Name(), p.name, err)
		}
		told(t, x, log, o, person{name: p.name, desk: &op.Desk{Actor: auth.Actor{User: made.User}}}, size)
		return "secret"
	case o.Name() == "orgs.create": // the right is everyone's, the token is not
		if a := rest(t, base, o, in, p.token); fault.As(err) == nil || fault.As(err).Field != "token" || a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s by %s with a guessed token: %v; over HTTP %d", o.Name(), p.name, err, a.status)
		}
		return "token"
	case o.Name() == "members.create" || o.Name() == "orgs.add": // only where nobody else shares the installation
		if k := fault.KindOf(err); err != nil && k != fault.KindDenied && k != fault.KindConflict {
			t.Errorf("%s by %s, where others share the installation: %v", o.Name(), p.name, err)
		}
		return "alone"
	case o.Name() == "jobs.get" && p.firm(): // a firm has no work done for it
		if fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("%s by %s: %v", o.Name(), p.name, err)
		}
		return "own"
	case o.Name() == "items.remove":
		if fault.KindOf(err) != fault.KindConflict {
			t.Errorf("%s by %s: %v, want a conflict", o.Name(), p.name, err)
		}
		told(t, x, log, operation(t, "items.attempt"), p, size)
		return "noted"
	case err != nil:
		t.Errorf("%s by %s, who may: %v", o.Name(), p.name, err)
	case o.Writes():
		told(t, x, log, o, p, size)
	}
	if a := rest(t, base, o, x.example(o, p.desk), p.token); !a.done() {
		t.Errorf("%s by %s, who may, over HTTP: %d %s", o.Name(), p.name, a.status, a.body)
	}
	if sided[o.Name()] != eachItsOwn {
		return "yes"
	}
	theirs := x.across(o, p.desk)
	before := x.rows(theirs)
	refused(t, base, o, theirs, p)
	if diff := cmp.Diff(before, x.rows(theirs)); diff != "" {
		t.Errorf("%s by %s on the other side has changed something:\n%s", o.Name(), p.name, diff)
	}
	return "side"
}

// log is where an act belongs: the client's in its log, the firm's in the
// engagement's, or in its own if there is none.
func (x *tenant) log(o op.Operation, p person, in input) id.Org {
	x.t.Helper()
	switch {
	case !p.firm(), p.outside():
		return x.desk.Org
	case examined[o.Name()] != nil && about(in) != "":
		return x.file(about(in))
	}
	return x.firm.desk.Org
}

// told checks that a write left an entry that names it and who did it.
func told(t *testing.T, x *tenant, log id.Org, o op.Operation, p person, from int64) {
	t.Helper()
	said := map[int64]map[string]string{}
	err := x.app.DB.Read(t.Context(), string(log), func(tx *db.Tx) error {
		list, err := x.app.Ledger.Openings(tx, log, from, from+1000)
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
	told(t, x, made.Org, create, person{name: "first owner", desk: x.desk}, 0)
	if got := rest(t, base, create, in, ""); got.status != http.StatusConflict {
		t.Errorf("the token a second time: %d %s", got.status, got.body)
	}
}

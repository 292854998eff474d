package app_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/mail"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/sources"
)

// installation is an App over a database of the test, whose entries are signed
// in the background.
func installation(t *testing.T, d *db.DB) *app.App {
	t.Helper()
	e := optest.Engine(t, d)
	optest.Sign(t, e)
	reader, err := sources.NewReader(app.Collectors()...)
	if err != nil {
		t.Fatal(err)
	}
	reader.Feed(0, app.Importers()...)
	e.Try = reader.Try
	e.Mail, e.BaseURL = post{}, "http://127.0.0.1"
	e.Anchor = func(_ context.Context, _ id.Org, entry int64) int64 { return entry } // an outsider with nothing to say
	return &app.App{Engine: e, Reader: reader}
}

// post takes letters and sends none.
type post struct{}

func (post) Send(context.Context, mail.Message) error { return nil }

// A tenant is an organization that has some of everything. Each text in it
// carries its mark, a word that nothing else contains.
type tenant struct {
	t     *testing.T
	app   *app.App
	desk  *op.Desk // the owner's
	mark  string
	repo  string
	ids   map[string]string // by kind of record
	entry int64             // the newest when all was there
	made  int               // numbers what examples make
	codes int               // numbers controls

	tables  map[string][]string
	digests map[string]digests

	// The examination, which is there once somebody asks for it.
	firm                     *tenant
	seats                    map[auth.Role]*op.Desk
	engagements              map[string]string // by name
	covers, sampled, undrawn string            // codes of controls
	first                    string            // item of the sample
}

// furnish founds an organization and fills it. The letters begin the codes of
// its own controls.
func furnish(t *testing.T, a *app.App, mark, letters string) *tenant {
	t.Helper()
	x := &tenant{t: t, app: a, mark: mark, ids: map[string]string{"letters": letters}, seats: map[auth.Role]*op.Desk{}, engagements: map[string]string{}}
	x.desk = optest.Found(t, a.Engine, strings.ToUpper(mark[:1])+mark[1:])
	optest.Clock(x.desk).Advance(time.Millisecond) // who comes next was not the first of the installation
	x.repo = history(t, mark)
	x.ids["org"], x.ids["owner"] = string(x.desk.Org), string(x.desk.Actor.User)
	do(t, x, scopes.Set, scopes.Decision{Requester: mark, Type: scopes.TypeII, System: mark, Included: mark, Starts: "2026-01-01", Ends: "2026-12-31"})
	c := do(t, x, controls.Create, x.ownControl())
	x.ids["control"], x.ids["code"] = string(c.ID), c.Code
	do(t, x, controls.Implement, controls.Statement{ID: c.Code, Text: "As " + mark + " does it.", Version: 1})
	do(t, x, controls.Adopt, controls.Adoption{Codes: []string{"CHG-01", "CHG-03"}})
	check := do(t, x, checks.Create, checks.Authored{YAML: x.ownCheck("judged")})
	x.ids["check"] = check.ID
	s := do(t, x, sources.Create, sources.Connection{Kind: "git", Name: "Code of " + mark, Path: x.repo})
	x.ids["source"] = string(s.ID)
	x.ids["job"] = string(do(t, x, sources.Collect, sources.Ref{ID: string(s.ID)}).Job)
	x.read()
	x.ids["exception"] = string(do(t, x, checks.Except, x.waiver()).ID)
	_, err := checks.Approve.Do(t.Context(), x.second(), checks.WaiverRef{ID: x.ids["exception"]})
	x.must(err)
	record := do(t, x, evidence.Submit, x.submission())
	x.ids["evidence"], x.ids["blob"] = string(record.ID), record.Address
	x.ids["token"] = string(do(t, x, orgs.NewToken, orgs.TokenWish{Name: "CI of " + mark}).ID)
	x.entry = do(t, x, evidence.ExportNew, op.None{}).Entry
	x.ids["entry"] = fmt.Sprint(x.entry)
	if _, err := a.Ledger.Wait(t.Context(), x.desk.Org, x.entry); err != nil {
		t.Fatal(err)
	}
	return x
}

// must ends the test when there is an error.
func (x *tenant) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatalf("%s: %v", x.mark, err)
	}
}

// do does an operation as the owner; it has to succeed.
func do[In, Out any](t *testing.T, x *tenant, o *op.Op[In, Out], in In) Out {
	t.Helper()
	out, err := o.Do(t.Context(), x.desk, in)
	if err != nil {
		t.Fatalf("%s for %s: %v", o.Name(), x.mark, err)
	}
	return out
}

// read reads the source and judges what it showed.
func (x *tenant) read() {
	x.t.Helper()
	source := sources.Ref{ID: x.ids["source"]}
	s := do(x.t, x, sources.Get, source)
	r, err := x.app.Reader.Read(x.t.Context(), x.desk, s.ID, nil, true)
	x.must(err)
	if r.Status != sources.RunOK {
		x.t.Fatalf("%s: the source was not read: %s", x.mark, r.Error)
	}
	x.must(checks.EvaluateRun(x.t.Context(), x.desk, r.ID, nil))
	x.ids["run"] = string(r.ID)
	seen := do(x.t, x, sources.Resources, sources.SeenFilter{Source: source.ID, Kind: "commit"})
	x.ids["resource"] = seen.Items[0].Key
}

// fresh is a member whom nothing else needs.
func (x *tenant) fresh(role auth.Role) auth.Member {
	x.t.Helper()
	name, email := "Member of "+x.mark, fmt.Sprintf("member%d@%s.example", x.next(), x.mark)
	inv := do(x.t, x, orgs.Invite, orgs.InvitationWish{Role: string(role)})
	made, err := orgs.Accept.Do(x.t.Context(), &op.Desk{Engine: x.app.Engine, Actor: auth.Actor{Via: "api"}}, orgs.Acceptance{Secret: inv.Secret, Name: name, Email: email, Password: "four unrelated words"})
	x.must(err)
	return auth.Member{User: auth.User{ID: made.User, Name: name, Email: email}, Roles: []auth.Role{role}}
}

// least is the role with the fewest rights, and other one more, where the
// tenant's people work.
func (x *tenant) least() auth.Role {
	if slices.ContainsFunc(x.desk.Actor.Roles, auth.IsFirm) {
		return auth.Staff
	}
	return auth.Employee
}

func (x *tenant) other() auth.Role {
	if x.least() == auth.Staff {
		return auth.Manager
	}
	return auth.Operator
}

// invited is the secret of an invitation that is open.
func (x *tenant) invited(role string) string {
	x.t.Helper()
	return do(x.t, x, orgs.Invite, orgs.InvitationWish{Role: role, Note: x.mark}).Secret
}

// second is another person who may what the owner may.
func (x *tenant) second() *op.Desk {
	x.t.Helper()
	m := x.fresh(auth.Owner)
	return &op.Desk{Engine: x.app.Engine, Org: x.desk.Org, Actor: auth.Actor{User: m.ID, Name: m.Name, Email: m.Email, Roles: m.Roles, Via: "api"}}
}

// next is a number that no example had before.
func (x *tenant) next() int {
	x.made++
	return x.made
}

// nextCode is the code of a control that is not there yet.
func (x *tenant) nextCode() string {
	x.codes++
	return fmt.Sprintf("%s-%02d", x.ids["letters"], x.codes)
}

func (x *tenant) ownControl() controls.Own {
	return controls.Own{Code: x.nextCode(), Title: "Control of " + x.mark,
		Text: "The people of " + x.mark + " count their keys each week.", Criteria: []string{"CC6.1"}, Frequency: "weekly", Owner: x.ids["owner"]}
}

func (x *tenant) ownCheck(name string) string {
	return fmt.Sprintf(`id: own.%[1]s.%[2]s
title: Commits of %[1]s are named
kind: commit
schema: 1
pass: r.subject == "nothing that anybody writes"
empty: unknown
freshness: 26h
cadence: daily
severity: low
message: '"named by %[1]s"'
summary: '{failing} of {total} of %[1]s'
risk: Nobody knows what %[1]s did.
fix: Write to %[1]s.
controls: [%[3]s-01]
map: [{criterion: CC8.1, strength: supporting}]
fixtures:
  pass: [{subject: nothing that anybody writes}]
  fail: [{subject: other}]
  unknown: [{merge: false}]
`, x.mark, name, x.ids["letters"])
}

// freshCheck is a check that nobody has changed yet.
func (x *tenant) freshCheck() string {
	x.t.Helper()
	id := do(x.t, x, checks.Create, checks.Authored{YAML: x.ownCheck(fmt.Sprint("n", x.next()))}).ID
	x.ids["fresh check"] = id
	return id
}

func (x *tenant) waiver() checks.Waive {
	return checks.Waive{Check: x.ids["check"], Reason: "Known and accepted by " + x.mark, Owner: "Somebody of " + x.mark, Ends: x.desk.Clock.Now().Add(30 * 24 * time.Hour)}
}

// submission is evidence with bytes that nobody has stored before.
func (x *tenant) submission() evidence.Submission {
	x.t.Helper()
	sealed, err := x.app.Vault.Store(x.t.Context(), x.desk.Org, fmt.Appendf(nil, "bytes %d of %s", x.next(), x.mark), x.desk.Clock.Now())
	x.must(err)
	return evidence.Submission{Blob: sealed.Address, Title: "Export of " + x.mark, MediaType: "text/html", Origin: "Directory of " + x.mark,
		Location: "/" + x.mark, Query: "all of " + x.mark, Controls: []string{x.ids["control"]}}
}

// history is a repository in which everything is by one hand.
func history(t *testing.T, mark string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), mark)
	r, err := gogit.PlainInit(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	w, err := r.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"README.md", mark + ".txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(mark), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Add(name); err != nil {
			t.Fatal(err)
		}
		who := &object.Signature{Name: mark, Email: mark + "@example.com", When: time.Date(2026, 10, 1+i, 0, 0, 0, 0, time.UTC)}
		if _, err := w.Commit("Change "+name+" for "+mark, &gogit.CommitOptions{Author: who, Committer: who}); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// bearer makes a token for somebody, whether their role could or not.
func (x *tenant) bearer(desk *op.Desk) string {
	x.t.Helper()
	var secret string
	x.must(x.app.DB.Write(x.t.Context(), string(desk.Org), func(tx *db.Tx) (err error) {
		_, secret, err = auth.CreateToken(tx, desk.Org, desk.Actor.User, "test", auth.AccessWrite, time.Hour, desk.Clock.Now())
		return err
	}))
	return secret
}

// cookie signs somebody in and returns the secret of the session.
func (x *tenant) cookie(desk *op.Desk) string {
	x.t.Helper()
	s, err := orgs.SignIn.Do(x.t.Context(), &op.Desk{Engine: x.app.Engine, Actor: auth.Actor{Via: "page"}}, orgs.Visit{User: desk.Actor.User})
	x.must(err)
	return s.Secret
}

// size is how many entries the log of an organization has.
func (x *tenant) size(org id.Org) int64 {
	x.t.Helper()
	var h ledger.Head
	x.must(x.app.DB.Read(x.t.Context(), string(org), func(tx *db.Tx) (err error) {
		h, err = x.app.Ledger.Head(tx, org)
		return err
	}))
	return h.Size
}

// tables lists every table that names an organization, with its columns.
func tables(t *testing.T, d *db.DB) map[string][]string {
	t.Helper()
	query := "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position"
	if d.Dialect() == db.SQLite {
		query = "SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' ORDER BY m.name, p.cid"
	}
	all := map[string][]string{}
	err := d.Read(t.Context(), db.All, func(tx *db.Tx) error {
		return tx.Each(query, nil, func(scan func(...any) error) error {
			var table, column string
			err := scan(&table, &column)
			all[table] = append(all[table], column)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for table, columns := range all {
		if !slices.Contains(columns, "org_id") {
			delete(all, table)
		}
	}
	return all
}

// counted are large tables to which rows are only ever added, as other tests
// see to: their number says whether anything happened.
var counted = map[string]bool{"ledger_leaf": true, "ledger_opening": true, "source_resource": true, "blob": true}

// rows digests everything the database holds of the organization, its firm and
// their engagements, by table. Sessions and checkpoints are left out: reading a page may touch the one, and
// the sealer makes the other whenever it comes to it. So are hashes over the
// leaves of a log, which are there.
func (x *tenant) rows(in ...input) map[string]string {
	x.t.Helper()
	if x.tables == nil {
		x.tables = tables(x.t, x.app.DB)
		for _, table := range []string{"sessions", "ledger_checkpoint", "ledger_hash"} {
			delete(x.tables, table)
		}
	}
	orgs := x.holders(in...)
	if x.app.DB.Dialect() == db.Postgres {
		return x.summed(orgs)
	}
	// Thousands of these are taken to see that nothing changed, and SQLite knows
	// whether anything did: then what was read before still holds.
	changes := x.changes()
	key := fmt.Sprint(orgs)
	if last, known := x.digests[key]; known && last.changes == changes {
		return last.rows
	}
	var holders []any
	for _, org := range orgs {
		holders = append(holders, org)
	}
	out := map[string]string{}
	within := " WHERE org_id IN (?" + strings.Repeat(", ?", len(holders)-1) + ")"
	x.must(x.app.DB.Read(x.t.Context(), db.All, func(tx *db.Tx) error {
		for table, columns := range x.tables {
			list := strings.Join(columns, ", ")
			if counted[table] {
				columns, list = []string{""}, "COUNT(*)"
			}
			n, digest, err := digested(tx, "SELECT "+list+" FROM "+table+within, holders, len(columns))
			if err != nil {
				return err
			}
			out[table] = fmt.Sprintf("%d rows, %x", n, digest)
		}
		return nil
	}))
	if x.digests == nil {
		x.digests = map[string]digests{}
	}
	x.digests[key] = digests{changes, out}
	return out
}

// digests are those of the rows when the database had seen so many changes.
type digests struct {
	changes int64
	rows    map[string]string
}

// changes is how many rows were ever written, by the one connection that
// writes.
func (x *tenant) changes() (n int64) {
	x.t.Helper()
	x.must(x.app.DB.Write(x.t.Context(), db.All, func(tx *db.Tx) error {
		return tx.Row("SELECT total_changes()", nil, &n)
	}))
	return n
}

// summed asks PostgreSQL for a digest of each table in one statement.
func (x *tenant) summed(orgs []id.Org) map[string]string {
	x.t.Helper()
	var (
		query []string
		args  []any
	)
	within := " WHERE org_id IN (?" + strings.Repeat(", ?", len(orgs)-1) + ")"
	for _, table := range slices.Sorted(maps.Keys(x.tables)) {
		digest := "SUM(HASHTEXTEXTENDED(r::text, 0))::text"
		if counted[table] {
			digest = "''"
		}
		query = append(query, "SELECT '"+table+"', COUNT(*), COALESCE("+digest+", '') FROM "+table+" r"+within)
		for _, org := range orgs {
			args = append(args, org)
		}
	}
	out := map[string]string{}
	x.must(x.app.DB.Read(x.t.Context(), db.All, func(tx *db.Tx) error {
		return tx.Each(strings.Join(query, " UNION ALL "), args, func(scan func(...any) error) error {
			var (
				table, digest string
				n             int64
			)
			err := scan(&table, &n, &digest)
			out[table] = fmt.Sprintf("%d rows, %s", n, digest)
			return err
		})
	}))
	return out
}

// digested is one digest of all rows of a query, in whatever order they come:
// thousands of these are taken, and sorting by every column was half of each.
func digested(tx *db.Tx, query string, args []any, columns int) (n int, digest []byte, err error) {
	values, into := make([]any, columns), make([]any, columns)
	for i := range values {
		into[i] = &values[i]
	}
	var each []string
	row := sha256.New()
	err = tx.Each(query, args, func(scan func(...any) error) error {
		err := scan(into...)
		row.Reset()
		for _, v := range values {
			switch v := v.(type) {
			case string:
				io.WriteString(row, v)
			case int64:
				row.Write(strconv.AppendInt(nil, v, 10))
			default:
				fmt.Fprint(row, v)
			}
			row.Write([]byte{0xff})
		}
		each = append(each, string(row.Sum(nil)))
		return err
	})
	slices.Sort(each)
	sum := sha256.Sum256([]byte(strings.Join(each, "")))
	return len(each), sum[:8], err
}

// leaks returns what of the tenant stands in a text that another reads: its
// mark in any case, or the id of one of its records.
func (x *tenant) leaks(text string) string {
	low := strings.ToLower(text)
	if i := strings.Index(low, x.mark); i >= 0 {
		return low[max(0, i-60):min(len(low), i+60)]
	}
	for kind, v := range x.ids {
		if kind != "letters" && kind != "entry" && strings.Contains(text, v) {
			return kind + " " + v
		}
	}
	return ""
}

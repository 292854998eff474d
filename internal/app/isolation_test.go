package app_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
)

// neighbours are two organizations of one installation. The second has the
// longer log, so that it has entries the first has not.
func neighbours(t *testing.T, fn func(t *testing.T, mine, theirs *tenant, base string)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		a := installation(t, d)
		mine, theirs := furnish(t, a, "aardvark", "QAA"), furnish(t, a, "basilisk", "QBB")
		mine.engage()
		theirs.engage()
		lengthen(theirs, 20)
		fn(t, mine, theirs, server(t, a, conf.Server{}).URL)
	})
}

// lengthen adds entries to an organization's log.
func lengthen(x *tenant, by int) {
	x.t.Helper()
	for range by {
		x.entry = do(x.t, x, evidence.ExportNew, op.None{}).Entry
	}
	x.ids["entry"] = fmt.Sprint(x.entry)
	_, err := x.app.Ledger.Wait(x.t.Context(), x.desk.Org, x.entry)
	x.must(err)
}

// recordForm is the id of a record, or the address of bytes.
var recordForm = regexp.MustCompile(`^([a-z]{3}_[0-9a-v]{26}|[0-9a-f]{64})$`)

// references are the fields of an input that name a record of the tenant.
func (x *tenant) references(in input) []string {
	ids := slices.Collect(maps.Values(x.ids))
	var out []string
	for field, v := range in {
		values, _ := v.([]string)
		if text, ok := v.(string); ok {
			values = []string{text}
		}
		_, number := v.(int64) // an entry of the organization's log
		if field == "sha256" { // of words that were read
			continue
		}
		if number && field == "id" && in["engagement"] == nil || slices.ContainsFunc(values, func(s string) bool { return recordForm.MatchString(s) || slices.Contains(ids, s) }) {
			out = append(out, field)
		}
	}
	slices.Sort(out)
	return out
}

// swap is an input with one reference led to another tenant's record.
func swap(in input, field string, to string, entry int64) input {
	out := maps.Clone(in)
	switch in[field].(type) {
	case []string:
		out[field] = []string{to}
	case int64:
		out[field] = entry
	default:
		out[field] = to
	}
	return out
}

// empty reports whether an answer is a list without items.
func empty(out any) bool {
	v := reflect.ValueOf(out)
	if v.Kind() != reflect.Struct || !v.FieldByName("Items").IsValid() {
		return false
	}
	return v.FieldByName("Items").Len() == 0 && v.FieldByName("Total").Int() == 0
}

// TestNoOperationReachesARecordOfAnotherOrganization leads every reference of
// every operation to every record that another organization has.
func TestNoOperationReachesARecordOfAnotherOrganization(t *testing.T) {
	neighbours(t, func(t *testing.T, mine, theirs *tenant, base string) {
		tokens := map[*op.Desk]string{}
		for _, desk := range []*op.Desk{mine.desk, mine.seat(auth.Partner)} {
			tokens[desk] = mine.bearer(desk)
		}
		lengthen(theirs, 300) // what examples make for mine makes its log longer
		swapped := map[string][]string{}
		before := theirs.rows()
		for _, o := range op.Offered(app.Operations()) {
			for _, who := range mine.actors(o) {
				for _, in := range mine.variants(o, who) {
					for _, field := range mine.references(in) {
						swapped[o.Name()] = append(swapped[o.Name()], field)
						tryAll(t, mine, theirs, o, who, in, field)
						if field == "id" {
							viaREST(t, theirs, base, o, in, tokens[who])
						}
						if examined[o.Name()] == nil && mine.home(who) == mine.firm { // nor what the client has
							tryAll(t, mine.firm, mine, o, who, in, field)
						}
					}
				}
			}
			if diff := cmp.Diff(before, theirs.rows()); diff != "" {
				t.Fatalf("%s changed something of another organization:\n%s", o.Name(), diff)
			}
		}
		for _, o := range op.Offered(app.Operations()) {
			if op.RouteOf(o).Addressed() && o.Name() != "criteria.get" && o.Name() != "checks.adjust" && o.Name() != "sessions.revoke" && o.Name() != "engagement_entries.get" && !slices.Contains(swapped[o.Name()], "id") {
				t.Errorf("%s takes an id, but its example names no record", o.Name())
			}
		}
		for name, want := range map[string]string{"evidence.create": "blob controls supersedes", "controls.create": "owner", "controls.update": "id owner",
			"controls.adopt": "owner", "evidence.list": "control run", "resources.list": "key source", "coverage.get": "check control",
			"engagements.propose": "firm", "items.answer": "engagement evidence", "items.link": "engagement evidence", "deviations.classify": "engagement id",
			"engagement_evidence.get": "engagement id", "reports.pdf": "engagement report", "populations.rows": "engagement", "marks.set": "engagement"} {
			got := slices.Compact(slices.Sorted(slices.Values(swapped[name])))
			if strings.Join(got, " ") != want {
				t.Errorf("%s: references %v were led elsewhere, want %s", name, got, want)
			}
		}
	})
}

func (x *tenant) variants(o op.Operation, who *op.Desk) []input {
	out := []input{x.example(o, who)}
	if fn := more[o.Name()]; fn != nil {
		out = append(out, fn(x, who))
	}
	return out
}

func tryAll(t *testing.T, mine, theirs *tenant, o op.Operation, who *op.Desk, in input, field string) {
	t.Helper()
	before := mine.rows()
	for _, kind := range slices.Sorted(maps.Keys(theirs.ids)) {
		to := theirs.ids[kind]
		if kind == "engagement" && theirs.firm == mine {
			continue // it is both sides'
		}
		out, err := o.Run(t.Context(), who, asJSON(t, swap(in, field, to, theirs.entry)))
		failure := fault.KindOf(err)
		if failure == fault.KindConflict && o.Name() == "assertions.sign" && field == "report" {
			failure = fault.KindNotFound // whatever is not the newest print is refused alike
		}
		switch failure {
		case fault.KindInvalid, fault.KindNotFound, fault.KindDenied:
			if at := theirs.leaks(strings.ReplaceAll(err.Error(), to, "")); at != "" {
				t.Errorf("%s with their %s as %s says %q", o.Name(), kind, field, at)
			}
		default:
			if err == nil && empty(out) {
				continue
			}
			t.Errorf("%s with their %s as %s: got %v, %v; want it not found", o.Name(), kind, field, out, err)
		}
	}
	if diff := cmp.Diff(before, mine.rows()); diff != "" {
		t.Errorf("%s with their records as %s was refused and yet changed something:\n%s", o.Name(), field, diff)
	}
}

func viaREST(t *testing.T, theirs *tenant, base string, o op.Operation, in input, token string) {
	t.Helper()
	for _, kind := range slices.Sorted(maps.Keys(theirs.ids)) {
		to := theirs.ids[kind]
		a := rest(t, base, o, swap(in, "id", to, theirs.entry), token)
		_, list := op.PageItem(outOf(o))
		if a.done() && !(list && strings.Contains(a.body, `"items":[]`)) || a.status >= 500 {
			t.Errorf("%s with their %s over HTTP: %d %s", o.Name(), kind, a.status, a.body)
		}
		if at := theirs.leaks(strings.ReplaceAll(a.body, to, "")); at != "" {
			t.Errorf("%s with their %s over HTTP says %q", o.Name(), kind, at)
		}
	}
}

func outOf(o op.Operation) reflect.Type {
	_, out := o.Types()
	return out
}

// TestNothingReadShowsAnotherOrganization reads everything there is to read,
// as operations and as pages, and looks for anything of the neighbour's.
func TestNothingReadShowsAnotherOrganization(t *testing.T) {
	neighbours(t, func(t *testing.T, mine, theirs *tenant, base string) {
		lengthen(theirs, 300) // what examples make for mine makes its log longer
		seen := 0
		for _, who := range []*op.Desk{mine.desk, mine.seat(auth.Partner)} {
			seen += readAll(t, mine, theirs, base, who)
		}
		if seen < 120 {
			t.Errorf("only %d answers hold anything of the organization's own: too few to conclude from", seen)
		}
	})
}

// readAll reads what somebody may, and counts what holds anything of their own.
func readAll(t *testing.T, mine, theirs *tenant, base string, who *op.Desk) (seen int) {
	t.Helper()
	token, cookie := mine.bearer(who), mine.cookie(who)
	for _, o := range op.Offered(app.Operations()) {
		if o.Writes() || !slices.Contains(mine.actors(o), who) || o.Name() == "jobs.get" && mine.home(who) == mine.firm {
			continue
		}
		for _, in := range mine.variants(o, who) {
			a := rest(t, base, o, in, token)
			if !a.done() {
				t.Errorf("%s: %d %s", o.Name(), a.status, a.body)
			}
			if mine.leaks(a.body) != "" {
				seen++
			}
			if at := theirs.leaks(a.body); at != "" {
				t.Errorf("%s shows %q", o.Name(), at)
			}
		}
		if o.Schema().Properties["after"] != nil {
			cursors(t, mine, theirs, base, o, who, token)
		}
	}
	for _, r := range app.Pages(assess.Offer{}) {
		path, get := strings.CutPrefix(r.Pattern, "GET ")
		if !get {
			continue
		}
		a := send(t, signedIn(request(t, http.MethodGet, base+mine.fill(path), nil), cookie))
		if mine.leaks(a.body) != "" {
			seen++
		}
		if at := theirs.leaks(a.body); at != "" {
			t.Errorf("the page %s shows %q", path, at)
		}
		foreignPage(t, theirs, base, path, cookie)
	}
	return seen
}

// cursors asks for the part of a list that begins at another's record.
func cursors(t *testing.T, mine, theirs *tenant, base string, o op.Operation, who *op.Desk, token string) {
	t.Helper()
	for kind, after := range theirs.ids {
		in := mine.example(o, who)
		in["after"] = after
		if at := theirs.leaks(strings.ReplaceAll(rest(t, base, o, in, token).body, after, "")); at != "" {
			t.Errorf("%s after their %s shows %q", o.Name(), kind, at)
		}
	}
}

// foreignPage opens a page about another's record.
func foreignPage(t *testing.T, theirs *tenant, base, path, cookie string) {
	t.Helper()
	if !strings.Contains(path, "{") || strings.Contains(path, "{$}") || strings.HasPrefix(path, "/criteria") || strings.HasPrefix(path, "/library") || strings.HasPrefix(path, "/help") {
		return
	}
	address := theirs.fill(path)
	a := send(t, signedIn(request(t, http.MethodGet, base+address, nil), cookie))
	if a.status != http.StatusNotFound && a.status != http.StatusForbidden {
		t.Errorf("the page %s of another organization: %d", path, a.status)
	}
	body := a.body
	for _, part := range strings.FieldsFunc(address, func(r rune) bool { return r == '/' || r == '?' || r == '=' }) {
		if len(part) > 10 {
			body = strings.ReplaceAll(body, part, "")
		}
	}
	if at := theirs.leaks(body); at != "" {
		t.Errorf("the page %s of another organization shows %q", path, at)
	}
}

func TestSearchFindsNothingOfAnotherOrganization(t *testing.T) {
	neighbours(t, func(t *testing.T, mine, theirs *tenant, base string) {
		cookie := mine.cookie(mine.desk)
		look := func(word string) string {
			return send(t, signedIn(request(t, http.MethodGet, base+"/search?q="+word, nil), cookie)).body
		}
		if !strings.Contains(strings.ToLower(look(mine.mark[:5])), mine.mark) {
			t.Error("the search does not find the organization's own records either")
		}
		if at := theirs.leaks(look(theirs.mark[:5])); at != "" {
			t.Errorf("the search shows %q", at)
		}
	})
}

func TestBytesAreSharedByNobody(t *testing.T) {
	neighbours(t, func(t *testing.T, mine, theirs *tenant, base string) {
		ctx, same := t.Context(), []byte("the same bytes in both")
		ours, err := mine.app.Vault.Store(ctx, mine.desk.Org, same, mine.desk.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		other, err := mine.app.Vault.Store(ctx, theirs.desk.Org, same, mine.desk.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		if ours.Address == other.Address {
			t.Error("equal bytes have one address in both organizations: whoever guesses bytes learns whether the other has them")
		}
		for _, address := range []string{theirs.ids["blob"], other.Address} {
			if data, err := mine.app.Vault.Get(ctx, mine.desk.Org, address); !errors.Is(err, blob.ErrErased) {
				t.Errorf("their bytes: got %q, %v", data, err)
			}
		}
		form := asForm(input{"title": "Taken", "origin": "elsewhere", "blob": theirs.ids["blob"], "media_type": "text/plain", "name": "x"})
		r := multipartRequest(t, base+"/evidence/new", form, "")
		if a := send(t, signedIn(r, mine.cookie(mine.desk))); a.done() || theirs.leaks(strings.ReplaceAll(a.body, theirs.ids["blob"], "")) != "" {
			t.Errorf("a form that names their bytes: %d\n%.2000s", a.status, a.body)
		}
	})
}

func TestATokenActsWhereItWasMadeAndNowhereElse(t *testing.T) {
	neighbours(t, func(t *testing.T, mine, theirs *tenant, base string) {
		token := mine.bearer(mine.desk)
		r := request(t, http.MethodGet, base+"/api/v1/orgs/current?org="+theirs.ids["org"], nil)
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Tickmark-Org", theirs.ids["org"])
		if a := send(t, r); theirs.leaks(strings.ReplaceAll(a.body, theirs.ids["org"], "")) != "" {
			t.Errorf("asked for another organization by name: %d %s", a.status, a.body)
		}
		secret := theirs.bearer(theirs.desk)
		list := do(t, theirs, orgs.Tokens, op.None{})
		for _, x := range list.Items {
			if a := rest(t, base, operation(t, "tokens.revoke"), input{"id": string(x.ID)}, token); a.status != http.StatusNotFound {
				t.Errorf("ending their token: %d %s", a.status, a.body)
			}
		}
		if a := rest(t, base, operation(t, "orgs.get"), input{}, secret); !a.done() {
			t.Errorf("their token after that: %d", a.status)
		}
	})
}

// switcher is what leads a person to their other organizations.
var switcher = regexp.MustCompile(`(?s)<form method="post" action="/switch">.*?</form>`)

func TestASessionStaysInItsOrganization(t *testing.T) {
	neighbours(t, func(t *testing.T, mine, theirs *tenant, base string) {
		cookie := mine.cookie(mine.desk)
		home := func() answer {
			return send(t, signedIn(request(t, http.MethodGet, base+"/settings", nil), cookie))
		}
		// A person of both: the session goes on where it began.
		mine.must(mine.app.DB.Write(t.Context(), theirs.ids["org"], func(tx *db.Tx) error {
			return auth.Join(tx, theirs.desk.Org, mine.desk.Actor.User, []auth.Role{auth.Owner}, mine.desk.Clock.Now())
		}))
		a := home()
		said := switcher.ReplaceAllString(a.body, "") // it names the other one, and nothing of it
		if a.status != http.StatusOK || said == a.body || theirs.leaks(said) != "" {
			t.Errorf("a person of both: %d, %q", a.status, theirs.leaks(said))
		}
		// A session led to an organization that the person is no member of.
		mine.must(mine.app.DB.Write(t.Context(), db.All, func(tx *db.Tx) error {
			if _, err := tx.Exec("DELETE FROM members WHERE org_id = ? AND user_id = ?", theirs.desk.Org, mine.desk.Actor.User); err != nil {
				return err
			}
			_, err := tx.Exec("UPDATE sessions SET org_id = ? WHERE user_id = ?", theirs.desk.Org, mine.desk.Actor.User)
			return err
		}))
		if a := home(); a.status != http.StatusSeeOther || !strings.HasPrefix(a.head.Get("Location"), "/sign-in") {
			t.Errorf("a session in an organization that is not the person's: %d", a.status)
		}
	})
}

func TestABundleHoldsNoByteOfAnotherOrganization(t *testing.T) {
	neighbours(t, func(t *testing.T, mine, theirs *tenant, _ string) {
		var b bytes.Buffer
		if _, err := evidence.WriteBundle(t.Context(), mine.desk, &b); err != nil {
			t.Fatal(err)
		}
		if mine.leaks(b.String()) == "" {
			t.Error("the bundle, which stores without compression, holds nothing of its own organization either")
		}
		if at := theirs.leaks(b.String()); at != "" {
			t.Errorf("the bundle holds %q", at)
		}
		head := do(t, theirs, evidence.HeadGet, op.None{})
		for _, s := range []string{head.Origin, head.Key} {
			if strings.Contains(b.String(), s) {
				t.Errorf("the bundle shows that the log %s exists", s)
			}
		}
	})
}

// without are the tables that belong to no organization.
var without = []string{"backup_unfinished", "blob_installation", "goose_db_version", "setup", "users", "users_code", "users_passkey", "users_spent", "users_totp"}

func TestPostgresHoldsAnUnscopedStatementToItsOrganization(t *testing.T) {
	neighbours(t, func(t *testing.T, mine, theirs *tenant, _ string) {
		d := mine.app.DB
		if d.Dialect() != db.Postgres {
			t.Skip("SQLite has no second wall")
		}
		count := func(org, query string, args ...any) (n int64) {
			t.Helper()
			mine.must(d.Read(t.Context(), org, func(tx *db.Tx) error { return tx.Row(query, args, &n) }))
			return n
		}
		mine.must(d.Read(t.Context(), db.All, func(tx *db.Tx) error {
			open, err := db.Rows(tx, `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
				WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY c.relname`,
				nil, func(scan func(...any) error, s *string) error { return scan(s) })
			if diff := cmp.Diff(without, open); diff != "" {
				t.Errorf("tables without row-level security (-expected +found):\n%s", diff)
			}
			return err
		}))
		filled := 0
		for table := range tables(t, d) {
			foreign := "SELECT COUNT(*) FROM " + table + " WHERE org_id <> ?"
			if count(db.All, foreign, mine.desk.Org) > 0 {
				filled++
			}
			if n := count(mine.ids["org"], foreign, mine.desk.Org); n != 0 {
				t.Errorf("%s: an unscoped statement sees %d rows of others", table, n)
			}
			if n := count("", "SELECT COUNT(*) FROM "+table); n != 0 {
				t.Errorf("%s: a statement for no organization sees %d rows", table, n)
			}
			overreach(t, mine, theirs, table)
		}
		if filled < 20 {
			t.Errorf("only %d tables hold rows of the other organization: too few to conclude from", filled)
		}
	})
}

// overreach writes to another's rows, and moves its own to the other.
func overreach(t *testing.T, mine, theirs *tenant, table string) {
	t.Helper()
	write := func(query string, args ...any) (n int64, err error) {
		undo := errors.New("undo")
		err = mine.app.DB.Write(t.Context(), mine.ids["org"], func(tx *db.Tx) (err error) {
			if n, err = tx.Exec(query, args...); err == nil {
				err = undo
			}
			return err
		})
		if errors.Is(err, undo) {
			err = nil
		}
		return n, err
	}
	for _, query := range []string{"UPDATE " + table + " SET org_id = org_id WHERE org_id = ?", "DELETE FROM " + table + " WHERE org_id = ?"} {
		if n, err := write(query, theirs.desk.Org); err != nil || n != 0 {
			t.Errorf("%.20s…: %d rows of another organization, %v", query, n, err)
		}
	}
	if n, err := write("UPDATE "+table+" SET org_id = ?", theirs.desk.Org); err == nil && n > 0 {
		t.Errorf("%s: %d rows were moved to another organization", table, n)
	}
}

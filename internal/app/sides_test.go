package app_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// sides is a tenant with an engagement in each state that others are tested in.
func sides(t *testing.T, d *db.DB) *tenant {
	t.Helper()
	x := furnish(t, installation(t, d), "aardvark", "QAA")
	x.engage()
	for _, name := range []string{offered, begun, weighing, reviewing, signing} {
		x.engagement(name)
	}
	return x
}

// TestTheClientNeverReadsTheFirmsWorkpapers does everything that there is, as
// everybody on the client's side, allowed or not, and looks for a word that
// stands in every text of the workpapers.
func TestTheClientNeverReadsTheFirmsWorkpapers(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := sides(t, d)
		base := server(t, x.app, conf.Server{}).URL
		look := func(what string, a answer) {
			t.Helper()
			if i := strings.Index(a.body, private); i >= 0 && strings.Contains(a.body, x.secret()) {
				i = strings.Index(a.body, x.secret())
				t.Errorf("%s (%d) shows a workpaper: %q", what, a.status, a.body[max(0, i-200):i+len(x.secret())])
			}
		}
		for _, role := range auth.Roles() {
			desk := x.seat(role)
			token, cookie := x.bearer(desk), x.cookie(desk)
			for _, o := range op.Offered(app.Operations()) {
				if role != auth.Owner && o.Writes() {
					continue
				}
				for _, in := range x.variants(o, desk) {
					look(o.Name()+" by "+string(role), rest(t, base, o, in, token))
				}
			}
			for _, path := range x.rooms(role == auth.Owner) {
				look(path+" for "+string(role), send(t, signedIn(request(t, http.MethodGet, base+path, nil), cookie)))
			}
			look("the search", send(t, signedIn(request(t, http.MethodGet, base+"/search?q="+private, nil), cookie)))
		}
		var own bytes.Buffer
		if _, err := evidence.WriteBundle(t.Context(), x.desk, &own); err != nil {
			t.Fatal(err)
		}
		look("the client's own bundle", answer{body: own.String()})
		x.firmReads(base)
	})
}

// firmReads checks that the word is where it is looked for.
func (x *tenant) firmReads(base string) {
	x.t.Helper()
	desk := x.seat(auth.Partner)
	token, cookie, operations, pages := x.bearer(desk), x.cookie(desk), 0, 0
	for _, o := range op.Offered(app.Operations()) {
		if !o.Writes() && examined[o.Name()] != nil && strings.Contains(rest(x.t, base, o, x.example(o, desk), token).body, x.secret()) {
			operations++
		}
	}
	for _, path := range x.rooms(true) {
		if strings.Contains(send(x.t, signedIn(request(x.t, http.MethodGet, base+path, nil), cookie)).body, x.secret()) {
			pages++
		}
	}
	if operations < 8 || pages < 12 {
		x.t.Errorf("the firm reads its workpapers in %d operations and on %d pages: too few to conclude from", operations, pages)
	}
}

// rooms are the addresses of all pages; those of an engagement for every
// engagement there is, if all are wanted.
func (x *tenant) rooms(all bool) (out []string) {
	x.t.Helper()
	for _, r := range app.Pages(assess.Offer{}) {
		path, get := strings.CutPrefix(r.Pattern, "GET ")
		if !get {
			continue
		}
		filled := x.fill(path)
		out = append(out, filled)
		if !all || !strings.HasPrefix(path, "/engagements/{id}") {
			continue
		}
		for _, e := range x.engagements {
			if other := engagementForm.ReplaceAllString(filled, e); other != filled {
				out = append(out, other)
			}
		}
	}
	return out
}

// TestPostgresKeepsTheSidesOfAnEngagementApart looks past every statement of
// ours: whoever acts for one of the three alone sees no row of the others.
func TestPostgresKeepsTheSidesOfAnEngagementApart(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if d.Dialect() != db.Postgres {
			t.Skip("SQLite has no second wall")
		}
		x := sides(t, d)
		files := x.holders()[2:]
		count := func(scope string, table string, of id.Org) (n int64) {
			t.Helper()
			x.must(d.Read(t.Context(), scope, func(tx *db.Tx) error {
				return tx.Row("SELECT COUNT(*) FROM "+table+" WHERE org_id = ?", []any{of}, &n)
			}))
			return n
		}
		all := append([]id.Org{x.desk.Org, x.firm.desk.Org}, files...)
		filled := 0
		for table := range tables(t, d) {
			held := false
			for _, file := range files {
				held = held || count(db.All, table, file) > 0
			}
			if held {
				filled++
			}
			for _, scope := range all {
				for _, of := range all {
					if n := count(string(scope), table, of); scope != of && n > 0 {
						t.Errorf("%s: acting for %s alone one sees %d rows of %s", table, scope, n, of)
					}
				}
			}
		}
		if filled < 20 {
			t.Errorf("only %d tables hold rows of an engagement's file: too few to conclude from", filled)
		}
	})
}

package app_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/demo"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/scrub"
	"github.com/tickmark/tickmark/internal/seal"
	"github.com/tickmark/tickmark/internal/sources"
)

// An attack is what somebody does who can write SQL and has no key. In its
// statements @org is the organization, @firm and @file others, and @a, @b … the
// columns of the row that pick finds.
type attack struct {
	side string // whose rows: client, firm or file
	name string
	pick string
	sql  []string
	want string // in the place of some finding
	do   func(x *breaker)
}

func hit(side, name, pick, want string, sql ...string) attack {
	return attack{side: side, name: name, pick: pick, sql: sql, want: want}
}

// breaker attacks an installation and puts it right again.
type breaker struct {
	t     *testing.T
	app   *app.App
	sides map[string]string
	named map[string]string
	saved []string
}

func newBreaker(t *testing.T, a *app.App) *breaker {
	x := &breaker{t: t, app: a, sides: map[string]string{}}
	for side, query := range map[string]string{"client": "SELECT org_id FROM orgs WHERE kind = 'service'", "firm": "SELECT org_id FROM orgs WHERE kind = 'firm'",
		"file": "SELECT org_id FROM engagement"} {
		x.sides[side] = x.one(query)[0]
	}
	return x
}

func (x *breaker) write(fn func(tx *db.Tx) error) {
	x.t.Helper()
	if err := x.app.DB.Write(x.t.Context(), db.All, fn); err != nil {
		x.t.Fatal(err)
	}
}

// one reads the first row of a query as text.
func (x *breaker) one(query string) []string {
	x.t.Helper()
	var out []string
	err := x.app.DB.Read(x.t.Context(), db.All, func(tx *db.Tx) error {
		list, _, _ := strings.Cut(strings.TrimPrefix(query, "SELECT "), " FROM ")
		n := strings.Count(regexp.MustCompile(`\([^()]*\)`).ReplaceAllString(list, ""), ",") + 1
		values, into := make([]any, n), make([]any, n)
		for i := range values {
			into[i] = &values[i]
		}
		if err := tx.Row(query, nil, into...); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
		for _, v := range values {
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			out = append(out, fmt.Sprint(v))
		}
		return nil
	})
	if err != nil {
		x.t.Fatal(err)
	}
	return out
}

var named = regexp.MustCompile(`@[a-z]+`)

// fill puts the names of an attack into a statement, quoted, or into a text.
func (x *breaker) fill(s string, quoted bool) string {
	return named.ReplaceAllStringFunc(s, func(name string) string {
		v, ok := x.named[name]
		if !ok {
			x.t.Fatalf("%s: nothing is called %s", s, name)
		}
		if quoted && !regexp.MustCompile(`^-?\d+$`).MatchString(v) {
			v = "'" + v + "'"
		}
		return v
	})
}

var table = regexp.MustCompile(`(?i)^\s*(?:UPDATE|INSERT INTO|DELETE FROM)\s+([a-z_]+)`)

// run does statements, each of which must change something.
func (x *breaker) run(statements ...string) {
	x.t.Helper()
	for _, s := range statements {
		x.exec(x.fill(s, true))
	}
}

// exec does a statement, and keeps a copy of its table first.
func (x *breaker) exec(statement string, args ...any) {
	x.t.Helper()
	name := table.FindStringSubmatch(statement)[1]
	x.write(func(tx *db.Tx) error {
		if !slices.Contains(x.saved, name) {
			if _, err := tx.Exec("CREATE TABLE undo_" + name + " AS SELECT * FROM " + name); err != nil {
				return err
			}
		}
		n, err := tx.Exec(statement, args...)
		if err == nil && n == 0 {
			err = fmt.Errorf("%s changes nothing: this attacks nothing", statement)
		}
		return err
	})
	if !slices.Contains(x.saved, name) {
		x.saved = append(x.saved, name)
	}
}

// undo gives every attacked table back its rows: what is missing or differs
// is written over, what is new goes, and what the scrub itself added stays.
func (x *breaker) undo() {
	x.t.Helper()
	for _, name := range slices.Backward(x.saved) {
		keys, all := x.columns(name)
		var set, same []string
		for _, c := range all {
			if !slices.Contains(keys, c) {
				set = append(set, c+" = excluded."+c)
			}
		}
		for _, k := range keys {
			same = append(same, fmt.Sprintf("u.%s = %s.%s", k, name, k))
		}
		list := strings.Join(all, ", ")
		back := "DO NOTHING"
		if len(set) > 0 {
			back = "DO UPDATE SET " + strings.Join(set, ", ")
		}
		x.write(func(tx *db.Tx) error {
			_, err := tx.Exec(fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM undo_%s WHERE 1 = 1 ON CONFLICT (%s) %s", name, list, list, name, strings.Join(keys, ", "), back))
			if err == nil && (name == "scrub_row" || !strings.HasPrefix(name, "scrub_")) {
				_, err = tx.Exec(fmt.Sprintf("DELETE FROM %s WHERE NOT EXISTS (SELECT 1 FROM undo_%s u WHERE %s)", name, name, strings.Join(same, " AND ")))
			}
			if err == nil {
				_, err = tx.Exec("DROP TABLE undo_" + name)
			}
			return err
		})
	}
}

// columns of a table, and those of its key.
func (x *breaker) columns(name string) (keys, all []string) {
	x.t.Helper()
	err := x.app.DB.Read(x.t.Context(), db.All, func(tx *db.Tx) error {
		query := "SELECT name, pk FROM pragma_table_info(?) ORDER BY cid"
		if tx.Dialect() == db.Postgres {
			query = `SELECT a.attname::text, COALESCE(array_position(i.indkey::int[], a.attnum::int) + 1, 0) FROM pg_attribute a
				LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY (i.indkey)
				WHERE a.attrelid = CAST(? AS regclass) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`
		}
		return tx.Each(query, []any{name}, func(scan func(...any) error) error {
			var (
				c  string
				pk int64
			)
			err := scan(&c, &pk)
			if all = append(all, c); pk != 0 || name == "blob_org_key" && c == "org_id" {
				keys = append(keys, c)
			}
			return err
		})
	})
	if err != nil || len(keys) == 0 {
		x.t.Fatalf("%s has the key %v: %v", name, keys, err)
	}
	return keys, all
}

// found reads everything of one side back and returns what stands.
func (x *breaker) found(side string) []scrub.Finding {
	x.t.Helper()
	s, err := scrub.Whole(x.t.Context(), x.app.Machine(id.Org(x.sides[side]), "scrub", auth.LogRead))
	if err != nil {
		x.t.Errorf("the scrub of the %s stopped: %v", side, err)
	}
	return slices.DeleteFunc(s.Findings, func(f scrub.Finding) bool { return !f.Resolved.IsZero() })
}

func (x *breaker) clean(when string) bool {
	x.t.Helper()
	ok := true
	for side := range x.sides {
		for _, f := range x.found(side) {
			ok = false
			x.t.Errorf("%s, the %s has a finding: %s: %s", when, side, f.Place, f.Text)
		}
	}
	return ok
}

// try does one attack, wants it found and named by one pass, and nothing found
// by one once it is undone.
func (x *breaker) try(a attack) {
	x.t.Helper()
	x.saved = nil
	x.named = map[string]string{"@org": x.sides[a.side], "@client": x.sides["client"], "@firm": x.sides["firm"], "@file": x.sides["file"]}
	if a.pick != "" {
		for i, v := range x.one(x.fill(a.pick, true)) {
			x.named["@"+string(rune('a'+i))] = v
		}
	}
	x.run(a.sql...)
	if a.do != nil {
		a.do(x)
	}
	want, seen := x.fill(a.want, false), []string{}
	named := false
	for _, f := range x.found(a.side) {
		seen = append(seen, f.Place+": "+f.Text)
		named = named || strings.Contains(f.Place, want)
	}
	switch {
	case len(seen) == 0:
		x.t.Errorf("%s: %s: UNSEEN", a.side, a.name)
	case !named:
		x.t.Errorf("%s: %s: nothing names %q: %q", a.side, a.name, want, seen)
	}
	x.undo()
	for _, f := range x.found(a.side) {
		x.t.Errorf("%s: %s: undone, it is still found: %s: %s", a.side, a.name, f.Place, f.Text)
	}
}

// TestAttacksOnTheDatabaseAreFound is the promise about somebody who can write
// SQL: whatever they change of what an examination rests on, one pass of the
// scrub finds and names it.
func TestAttacksOnTheDatabaseAreFound(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) { attackAll(t, staged(t, d)) })
}

func attackAll(t *testing.T, a *app.App) {
	started := time.Now()
	x := newBreaker(t, a)
	if !x.clean("untouched") || !x.clean("read a second time") {
		t.FailNow()
	}
	all := slices.Concat(attacksOnTheLog, attacksOnBlobs, attacksOnEvidence, attacksOnSources, attacksOnTheProgramme, attacksOnLists,
		attacksOnTests, attacksOnTheReport, attacksOnTheScrub)
	// A quick run tries each seventh; where both databases are tested, SQLite gets
	// each second and PostgreSQL each fifth; make torture tries all on both.
	tried, each := 0, 7
	if os.Getenv("TICKMARK_REQUIRE_POSTGRES") != "" {
		each = map[db.Dialect]int{db.SQLite: 2, db.Postgres: 5}[a.DB.Dialect()]
	}
	if os.Getenv("TICKMARK_TORTURE") != "" {
		each = 1
	}
	for i, a := range all {
		if i%each == 0 {
			x.try(a)
			tried++
		}
	}
	x.clean("after all of them")
	t.Logf("%d of %d attacks, in %s", tried, len(all), time.Since(started).Round(time.Millisecond))
	if len(all) < 300 {
		t.Errorf("only %d attacks", len(all))
	}
}

// staged is an installation on a database that holds the demonstration.
func staged(t *testing.T, d *db.DB) *app.App {
	t.Helper()
	dir, now, log := t.TempDir(), &clock.Moved{}, slog.New(slog.NewTextHandler(t.Output(), nil))
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	root, _, err := seal.OpenRoot(filepath.Join(dir, "keys", "root.key"))
	must(err)
	held, err := ledger.OpenHeld(filepath.Join(dir, "keys", "held"))
	must(err)
	store, err := blob.NewDisk(filepath.Join(dir, "blobs"))
	must(err)
	reader, err := sources.NewReader(app.Collectors()...)
	must(err)
	e := &op.Engine{DB: d, Ledger: ledger.New(d, root, held, now, log), Vault: blob.NewVault(d, store, root), Clock: now, Log: log}
	stage := &demo.Stage{Engine: e, Clock: now, Reader: reader, Git: history(t, "demo")}
	must(stage.Play(t.Context()))
	return &app.App{Engine: e, Reader: reader}
}

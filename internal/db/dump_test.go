package db_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/fault"
)

func tables(t *testing.T, d *db.DB) []db.Table {
	t.Helper()
	var all []db.Table
	err := d.Snapshot(t.Context(), func(tx *db.Tx) (err error) {
		all, err = tx.Tables()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTablesAreInAnOrderToFill(t *testing.T) {
	var seen [][]db.Table
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		all := tables(t, d)
		at := func(name string) int { return slices.IndexFunc(all, func(x db.Table) bool { return x.Name == name }) }
		for _, p := range [][2]string{{"orgs", "members"}, {"users", "members"}, {"members", "tokens"}, {"item", "mark"}, {"procedure_conclusion", "procedure_review"}} {
			if at(p[0]) < 0 || at(p[0]) > at(p[1]) {
				t.Errorf("%s is at %d, but %s, which refers to it, at %d", p[0], at(p[0]), p[1], at(p[1]))
			}
		}
		if at("goose_db_version") >= 0 {
			t.Error("the table of migrations is no table of ours")
		}
		seen = append(seen, all)
	})
	if len(seen) == 2 && !cmp.Equal(seen[0], seen[1]) {
		t.Error("the two databases list other tables, or in another order:", cmp.Diff(seen[0], seen[1]))
	}
}

// What one database gives, any other takes and gives back the same.
func TestRowsGoFromOneDatabaseToAnother(t *testing.T) {
	rows := [][]any{}
	for i := range 150 {
		rows = append(rows, []any{fmt.Sprintf("org_%03d", i), "It's \"Ünïcode\"\n\t" + strings.Repeat("x", i), int64(i)<<40 - 1, []byte{0, 1, 255, byte(i)}, i%2 == 0})
	}
	pick := func(all []db.Table) db.Table {
		return all[slices.IndexFunc(all, func(x db.Table) bool { return x.Name == "users" })]
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		users := pick(tables(t, d))
		err := d.Write(t.Context(), db.All, func(tx *db.Tx) error {
			l := tx.Load(users)
			for _, r := range rows {
				if err := l.Add([]any{r[0], r[0], r[1], "", r[2], r[4]}); err != nil {
					return err
				}
			}
			return l.Close()
		})
		if err != nil {
			t.Fatal(err)
		}
		var got [][]any
		err = d.Snapshot(t.Context(), func(tx *db.Tx) error {
			return tx.Dump(users, func(row []any) error {
				got = append(got, slices.Clone(row))
				return nil
			})
		})
		if err != nil || len(got) != len(rows) {
			t.Fatalf("%d rows, %v; want %d", len(got), err, len(rows))
		}
		slices.SortFunc(got, func(a, b []any) int { return strings.Compare(a[0].(string), b[0].(string)) })
		for i, r := range rows {
			if want := []any{r[0], r[0], r[1], "", r[2], r[4]}; !cmp.Equal(got[i], want) {
				t.Fatalf("row %d: %s", i, cmp.Diff(got[i], want))
			}
		}
	})
}

// A snapshot does not see what is written after it began.
func TestSnapshotIsOfOneMoment(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		count := func(tx *db.Tx) (n int) {
			if err := tx.Row("SELECT count(*) FROM users", nil, &n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		err := d.Snapshot(t.Context(), func(tx *db.Tx) error {
			before := count(tx)
			err := d.Write(t.Context(), db.All, func(w *db.Tx) error {
				_, err := w.Exec("INSERT INTO users (id, email, name, password_hash, created, disabled) VALUES ('usr_1', 'a@b', '', '', 0, ?)", false)
				return err
			})
			if err != nil {
				return err
			}
			if after := count(tx); after != before {
				t.Errorf("%d rows, then %d", before, after)
			}
			if _, err := tx.Exec("DELETE FROM users"); err == nil {
				t.Error("a snapshot writes")
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestFreshRefusesWhatIsUsed(t *testing.T) {
	refused := func(t *testing.T, url string) {
		t.Helper()
		d, err := db.Fresh(t.Context(), url, db.Newest(), db.Options{Unsafe: true})
		if err == nil {
			d.Close()
		}
		if fault.KindOf(err) != fault.KindConflict {
			t.Errorf("got %v, want a refusal", err)
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		url := dbtest.SQLite(t)
		d, err := db.Fresh(t.Context(), url, db.Newest(), db.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		refused(t, url)
	})
	t.Run("postgres", func(t *testing.T) { refused(t, dbtest.Postgres(t)) })
}

// Rows of an older schema are put back into that schema, and migrated then.
func TestFreshStopsAtASchema(t *testing.T) {
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return dbtest.SQLite(t) },
		"postgres": func(t *testing.T) string { return dbtest.EmptyPostgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			at := url(t)
			d, err := db.Fresh(t.Context(), at, 3, db.Options{Unsafe: true})
			if err != nil {
				t.Fatal(err)
			}
			schema := func(d *db.DB) (n int64) {
				if err := d.Snapshot(t.Context(), func(tx *db.Tx) (err error) { n, err = tx.Schema(); return err }); err != nil {
					t.Fatal(err)
				}
				return n
			}
			if got := schema(d); got != 3 {
				t.Errorf("the schema is %d, want 3", got)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			d, err = db.Open(t.Context(), at, db.Options{Unsafe: true})
			if err != nil {
				t.Fatal(err)
			}
			if got := schema(d); got != db.Newest() {
				t.Errorf("the schema is %d, want %d", got, db.Newest())
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

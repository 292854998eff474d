package db_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
)

func TestReadSeesOnlyWhatIsCommitted(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		err := d.Write(t.Context(), "org_a", func(tx *db.Tx) error {
			if _, err := tx.Exec(insertOrg, "org_a", "A"); err != nil {
				return err
			}
			if got := stored(t, d); len(got) != 0 {
				t.Errorf("a reader sees %v before it is committed", got)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if !stored(t, d)["org_a"] {
			t.Error("a reader does not see what is committed")
		}
	})
}

func TestReadRefusesToWrite(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		err := d.Read(t.Context(), "org_a", func(tx *db.Tx) error {
			_, err := tx.Exec(insertOrg, "org_a", "A")
			return err
		})
		if err == nil {
			t.Error("a reader may write")
		}
		if got := stored(t, d); len(got) != 0 {
			t.Errorf("stored %v", got)
		}
	})
}

func TestRowsAndNoRows(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, org := range []string{"org_a", "org_b"} {
			if err := put(t.Context(), d, org); err != nil {
				t.Fatal(err)
			}
		}
		scan := func(scan func(...any) error, v *string) error { return scan(v) }
		err := d.Read(t.Context(), db.All, func(tx *db.Tx) error {
			var name string
			if err := tx.Row("SELECT name FROM orgs WHERE org_id = ?", []any{"org_c"}, &name); !errors.Is(err, db.ErrNone) {
				t.Errorf("got %v, want %v", err, db.ErrNone)
			}
			none, err := db.Rows(tx, "SELECT name FROM orgs WHERE org_id = ?", []any{"org_c"}, scan)
			if err != nil || none == nil || len(none) != 0 {
				t.Errorf("got %v, %v; want an empty list", none, err)
			}
			all, err := db.Rows(tx, "SELECT name FROM orgs ORDER BY org_id", nil, scan)
			if diff := cmp.Diff([]string{"name of org_a", "name of org_b"}, all); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestDuplicateIsRecognised(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		user := func(id, email string) error {
			return d.Write(t.Context(), "org_a", func(tx *db.Tx) error {
				_, err := tx.Exec("INSERT INTO users (id, email, name, password_hash, created, disabled) VALUES (?, ?, 'n', '', 1, ?)", id, email, false)
				return err
			})
		}
		if err := user("usr_1", "a@example.com"); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name, id, email string
			want            bool
		}{
			{"primary key", "usr_1", "b@example.com", true},
			{"unique column", "usr_2", "a@example.com", true},
			{"neither", "usr_3", "c@example.com", false},
		} {
			if got := db.IsDuplicate(user(c.id, c.email)); got != c.want {
				t.Errorf("%s: duplicate is %v, want %v", c.name, got, c.want)
			}
		}
		err := d.Write(t.Context(), "org_a", func(tx *db.Tx) error {
			_, err := tx.Exec("INSERT INTO members (org_id, user_id, roles, created) VALUES ('org_x', 'usr_1', '', 1)")
			return err
		})
		if err == nil || db.IsDuplicate(err) {
			t.Errorf("got %v, want a refusal that is no duplicate", err)
		}
	})
}

func TestPreparedStatementRunsManyTimes(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		err := d.Write(t.Context(), "org_a", func(tx *db.Tx) error {
			stmt, err := tx.Prepare("INSERT INTO ledger_hash (org_id, log_id, pos, hash) VALUES (?, ?, ?, ?)")
			if err != nil {
				return err
			}
			defer stmt.Close()
			for i := range 300 {
				if err := stmt.Exec("org_a", "log_a", i, []byte{byte(i)}); err != nil {
					return err
				}
			}
			if err := stmt.Exec("org_a", "log_a", 7, []byte{1}); !db.IsDuplicate(err) {
				t.Errorf("got %v, want a duplicate", err)
			}
			return nil
		})
		if d.Dialect() == db.Postgres {
			// PostgreSQL ends a transaction at its first error, and Write must
			// not call that stored.
			if err == nil || errors.Is(err, db.ErrUnknown) {
				t.Errorf("got %v, want a plain refusal", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		var n int
		err = d.Read(t.Context(), "org_a", func(tx *db.Tx) error {
			return tx.Row("SELECT COUNT(*) FROM ledger_hash WHERE org_id = ?", []any{"org_a"}, &n)
		})
		if err != nil || n != 300 {
			t.Errorf("got %d rows, %v; want 300", n, err)
		}
	})
}

func TestRebind(t *testing.T) {
	for in, want := range map[string]string{
		"SELECT 1":                                 "SELECT 1",
		"SELECT a FROM b WHERE c = ? AND d = ?":    "SELECT a FROM b WHERE c = $1 AND d = $2",
		"SELECT '?' FROM b WHERE c = ?":            "SELECT '?' FROM b WHERE c = $1",
		"SELECT 'it''s ?' FROM b WHERE c = ?":      "SELECT 'it''s ?' FROM b WHERE c = $1",
		"(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) -- ä ?": "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) -- ä $12",
	} {
		for range 2 { // the second comes from memory
			if got := db.Rebind(in); got != want {
				t.Errorf("%s: got %s, want %s", in, got, want)
			}
		}
	}
}

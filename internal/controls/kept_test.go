package controls_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

// A thing that a test does inside an operation.
type inside struct{}

var (
	reading = op.Read("insides.read", "Do what a test wants.", auth.ControlsRead, act)
	writing = op.Write("insides.write", "Do what a test wants.", auth.ControlsWrite, act)
)

func act(c *op.Call, _ op.None) (op.None, error) {
	return op.None{}, c.Value(inside{}).(func(*op.Call) error)(c)
}

func within(t *testing.T, fn func(c *op.Call) error) context.Context {
	return context.WithValue(t.Context(), inside{}, fn)
}

func read(t *testing.T, desk *op.Desk, fn func(c *op.Call) error) {
	t.Helper()
	if _, err := reading.Do(within(t, fn), desk, op.None{}); err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsKeptIsWhatIsThere does every write there is and holds what is kept
// against what is read anew, after each, and whether it was made anew.
func TestWhatIsKeptIsWhatIsThere(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		other := optest.Member(t, desk, auth.Lead)
		var last []controls.Control
		look := func(after string) {
			t.Helper()
			var kept, fresh, again []controls.Control
			read(t, desk, func(c *op.Call) (err error) {
				if kept, err = controls.InForce(c); err != nil {
					return err
				}
				if again, err = controls.InForce(c); err != nil {
					return err
				}
				fresh, err = controls.Active(c)
				return err
			})
			if diff := cmp.Diff(fresh, kept); diff != "" {
				t.Errorf("after %s, what is kept is not what is there:\n%s", after, diff)
			}
			if len(kept) > 0 && &kept[0] != &again[0] {
				t.Errorf("after %s, it was read twice though nothing changed", after)
			}
			if slices.EqualFunc(kept, last, func(a, b controls.Control) bool { return cmp.Equal(a, b) }) {
				t.Errorf("%s changes nothing: the test proves nothing", after)
			}
			last = kept
		}
		made := optest.Do(t, desk, controls.Adopt, controls.Adoption{Codes: []string{"CHG-01", "CHG-03"}}).Items
		look("adopting")
		own := optest.Do(t, desk, controls.Create, controls.Own{Code: "CHG-91", Title: "Our own", Text: "We look at every change once a week.",
			Criteria: []string{"CC8.1"}, Frequency: "weekly"})
		look("creating")
		x := optest.Do(t, desk, controls.Update, controls.Change{ID: own.Code, Title: "Our own, renamed", Text: own.Text, Frequency: own.Frequency, Owner: string(own.Owner), Version: 1})
		look("updating")
		x = optest.Do(t, desk, controls.Implement, controls.Statement{ID: own.Code, Text: "In the weekly meeting.", Version: x.Version})
		look("stating")
		optest.Do(t, desk, controls.Assign, controls.Assignment{IDs: []string{own.Code, made[0].Code}, Owner: string(other.Actor.User)})
		look("assigning")
		optest.Do(t, desk, controls.Retire, controls.Retirement{ID: own.Code, Reason: "Others do it.", Version: x.Version + 1})
		look("retiring")
		err := desk.DB.Write(t.Context(), db.All, func(tx *db.Tx) error {
			_, err := tx.Exec("UPDATE users SET name = ? WHERE id = ?", "Another Name", other.Actor.User)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		look("renaming an owner elsewhere")
	})
}

// TestWhatIsRolledBackIsNotKept has two changes come to the same stamp: one that
// is undone after it was looked at, and one that is stored.
func TestWhatIsRolledBackIsNotKept(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		made := optest.Do(t, desk, controls.Adopt, controls.Adoption{Codes: []string{"CHG-01"}}).Items[0]
		in := func(title string) controls.Change {
			return controls.Change{ID: made.Code, Title: title, Text: made.Text, Frequency: made.Frequency, Owner: string(made.Owner), Version: 1}
		}
		undone := errors.New("undone")
		_, err := writing.Do(within(t, func(c *op.Call) error {
			if _, err := c.Tx.Exec("UPDATE control SET version = version + 1, title = ? WHERE org_id = ? AND id = ?", "Undone", c.Org, made.ID); err != nil {
				return err
			}
			if seen, err := controls.InForce(c); err != nil || seen[0].Title != "Undone" {
				t.Errorf("a write does not see its own change: %v", err)
			}
			return undone
		}), desk, op.None{})
		if !errors.Is(err, undone) {
			t.Fatal(err)
		}
		optest.Do(t, desk, controls.Update, in("Stored"))
		read(t, desk, func(c *op.Call) error {
			seen, err := controls.InForce(c)
			if err == nil && seen[0].Title != "Stored" {
				t.Errorf("got %q", seen[0].Title)
			}
			return err
		})
	})
}

// The stamp is read for every page: from an index alone.
func TestTheStampIsReadFromItsIndex(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		if desk.DB.Dialect() != db.SQLite {
			t.Skip("PostgreSQL plans by what the tables hold")
		}
		var plan []string
		err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) error {
			return tx.Each("EXPLAIN QUERY PLAN "+controls.SelectStamp, []any{desk.Org}, func(scan func(...any) error) error {
				var (
					id, parent, unused int
					detail             string
				)
				err := scan(&id, &parent, &unused, &detail)
				plan = append(plan, detail)
				return err
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(plan, "\n"); !strings.Contains(got, "COVERING INDEX control_stamp") {
			t.Errorf("rows are read, or another index:\n%s", got)
		}
	})
}

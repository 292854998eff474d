package op_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

// thing is the input of the tests' own operations.
type thing struct {
	Name   string `json:"name" minLength:"1" maxLength:"20"`
	Secret string `json:"secret,omitempty" secret:"true"`
	Count  int64  `json:"count,omitempty"`
	File   []byte `json:"file,omitempty"`
}

// made is their output.
type made struct {
	Name  string `json:"name"`
	Token string `json:"token,omitempty" secret:"true"`
}

const insertThing = "INSERT INTO job_schedule (org_id, name, kind, args, every, next_run) VALUES (?, ?, 'k', '{}', 1, 1)"

// keep stores a thing; then decides how it ends.
func keep(then func(c *op.Call, in thing) error) *op.Op[thing, made] {
	return op.Write("things.create", "Keep a thing.", auth.ControlsWrite, func(c *op.Call, in thing) (made, error) {
		if _, err := c.Tx.Exec(insertThing, c.Org, in.Name); err != nil {
			return made{}, err
		}
		return made{Name: in.Name, Token: "shown once"}, then(c, in)
	})
}

func fine(*op.Call, thing) error { return nil }

// things lists what is kept.
func things(t *testing.T, desk *op.Desk) (out []string) {
	t.Helper()
	err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) (err error) {
		out, err = db.Rows(tx, "SELECT name FROM job_schedule WHERE org_id = ? ORDER BY name", []any{desk.Org},
			func(scan func(...any) error, s *string) error { return scan(s) })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// entries lists the bodies of the log from an index on.
func entries(t *testing.T, desk *op.Desk, from int64) (out []ledger.Opening) {
	t.Helper()
	err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) (err error) {
		out, err = desk.Ledger.Openings(tx, desk.Org, from, 1<<40)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func size(t *testing.T, desk *op.Desk) int64 {
	t.Helper()
	var n int64
	err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) error {
		h, err := desk.Ledger.Head(tx, desk.Org)
		n = h.Size
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDeclareRefuses(t *testing.T) {
	panics := func(name string, fn func(), words string) {
		t.Helper()
		defer func() {
			if got := fmt.Sprint(recover()); !strings.Contains(got, words) {
				t.Errorf("%s: got panic %q, want %q", name, got, words)
			}
		}()
		fn()
	}
	for _, bad := range []string{"", "things", "things.", ".list", "Things.list", "things.list.all", "things list", "things.li-st", "things._list", "thíngs.list"} {
		panics(bad, func() {
			op.Read(bad, "s", auth.OrgRead, func(*op.Call, op.None) (op.None, error) { return op.None{}, nil })
		}, "want noun.verb")
		panics(bad, func() {
			op.Work(bad, "s", auth.OrgRead, func(*op.Call, op.None) (op.None, error) { return op.None{}, nil })
		}, "want noun.verb")
	}
	panics("text", func() { declare[string]() }, "want a struct")
	panics("no json name", func() { declare[struct{ A string }]() }, "field A: want an exported field with a json name")
	panics("left out", func() {
		declare[struct {
			A string `json:"-"`
		}]()
	}, "field A")
	panics("nested", func() {
		declare[struct {
			A struct{ B string } `json:"a"`
		}]()
	}, "cannot be a form field")
	panics("float", func() {
		declare[struct {
			A float64 `json:"a"`
		}]()
	}, "float64 cannot be")
	panics("map", func() {
		declare[struct {
			A map[string]string `json:"a"`
		}]()
	}, "cannot be")
	panics("pointer", func() {
		declare[struct {
			A *string `json:"a"`
		}]()
	}, "cannot be")
	panics("list of lists", func() {
		declare[struct {
			A [][]string `json:"a"`
		}]()
	}, "cannot be")
	declare[struct {
		A string      `json:"a"`
		B bool        `json:"b"`
		C int         `json:"c"`
		D int64       `json:"d"`
		E time.Time   `json:"e"`
		F []byte      `json:"f"`
		G []string    `json:"g"`
		H []time.Time `json:"h"`
	}]()
}

func declare[In any]() {
	op.Read("things.list", "s", auth.OrgRead, func(*op.Call, In) (op.None, error) { return op.None{}, nil })
}

func TestRightIsAskedBeforeAnythingElse(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		ran := false
		create := keep(func(*op.Call, thing) error { ran = true; return nil })
		employee := optest.Member(t, desk, auth.Employee)
		before := size(t, desk)
		for _, raw := range []string{`{"name":"a"}`, `{"name":""}`, `not even JSON`} {
			_, err := create.Run(t.Context(), employee, []byte(raw))
			if fault.KindOf(err) != fault.KindDenied {
				t.Errorf("%s: got %v, want denied", raw, err)
			}
		}
		_, err := create.Do(t.Context(), employee, thing{})
		if fault.KindOf(err) != fault.KindDenied || !strings.Contains(err.Error(), "controls:write") || !strings.Contains(err.Error(), "owner or compliance lead") {
			t.Errorf("got %v, want a denial that says which right and who has it", err)
		}
		stranger := *desk
		stranger.Actor = auth.Actor{}
		if _, err := create.Do(t.Context(), &stranger, thing{Name: "a"}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("got %v, want denied", err)
		}
		machine := desk.Engine.Machine(desk.Org, "sweeper", auth.ControlsRead)
		if _, err := create.Do(t.Context(), machine, thing{Name: "a"}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("got %v, want denied", err)
		}
		if ran || len(things(t, desk)) > 0 || size(t, desk) != before {
			t.Error("a denied operation did something")
		}
		if _, err := create.Do(t.Context(), desk.Engine.Machine(desk.Org, "keeper", auth.ControlsWrite), thing{Name: "a"}); err != nil {
			t.Errorf("the machine with the right: %v", err)
		}
	})
}

func TestReadIsHeldToReading(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		sly := op.Read("things.list", "s", auth.OrgRead, func(c *op.Call, _ op.None) (op.None, error) {
			_, err := c.Tx.Exec(insertThing, c.Org, "sly")
			return op.None{}, err
		})
		if _, err := sly.Do(t.Context(), desk, op.None{}); err == nil {
			t.Error("an operation that reads may write")
		}
		if got := things(t, desk); len(got) > 0 {
			t.Errorf("kept %v", got)
		}
	})
}

func TestWorkIsRefusedToSurfaces(t *testing.T) {
	work := op.Work("things.sweep", "Sweep.", auth.Anyone, func(*op.Call, map[string]any) (op.None, error) { return op.None{}, nil })
	if work.Offered() || !work.Writes() {
		t.Error("work of the machine is offered, or does not write")
	}
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		if _, err := work.Run(t.Context(), desk, []byte(`{}`)); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("got %v, want denied", err)
		}
		if _, err := work.Do(t.Context(), desk, map[string]any{"any": "shape"}); err != nil {
			t.Error(err)
		}
	})
}

func TestCallJoinsTheOuterOperation(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		inner := keep(fine)
		outer := op.Write("things.twice", "Keep two.", auth.ControlsWrite, func(c *op.Call, in thing) (op.None, error) {
			for _, n := range []string{in.Name + "1", in.Name + "2"} {
				if _, err := inner.Call(c, thing{Name: n}); err != nil {
					return op.None{}, err
				}
			}
			if in.Count > 0 {
				return op.None{}, fault.Conflict("no")
			}
			return op.None{}, nil
		})
		before := size(t, desk)
		if _, err := outer.Do(t.Context(), desk, thing{Name: "a"}); err != nil {
			t.Fatal(err)
		}
		if _, err := outer.Do(t.Context(), desk, thing{Name: "b", Count: 1}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("got %v, want a conflict", err)
		}
		if diff := cmp.Diff([]string{"a1", "a2"}, things(t, desk)); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
		if got := size(t, desk) - before; got != 1 {
			t.Errorf("%d entries, want the outer one's alone", got)
		}
	})
}

func TestFailureReturnsNothing(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		out, err := keep(func(*op.Call, thing) error { return errors.New("no") }).Do(t.Context(), desk, thing{Name: "a"})
		if err == nil || out != (made{}) {
			t.Errorf("got %+v, %v; want nothing and an error", out, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := keep(fine).Do(ctx, desk, thing{Name: "b"}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		if _, err := keep(func(*op.Call, thing) error { panic("oops") }).Do(t.Context(), desk, thing{Name: "c"}); err == nil || !strings.Contains(err.Error(), "oops") {
			t.Errorf("got %v, want the panic as an error", err)
		}
		if got := things(t, desk); len(got) > 0 {
			t.Errorf("kept %v", got)
		}
	})
}

func TestOperationsOfOneOrganizationDoNotReachAnother(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		other := optest.Found(t, desk.Engine, "Other")
		if _, err := keep(fine).Do(t.Context(), desk, thing{Name: "mine"}); err != nil {
			t.Fatal(err)
		}
		if _, err := keep(fine).Do(t.Context(), other, thing{Name: "theirs"}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"mine"}, things(t, desk)); diff != "" {
			t.Errorf("mine (-want +got):\n%s", diff)
		}
		for _, o := range entries(t, other, 0) {
			if strings.Contains(o.Payload, "mine") {
				t.Errorf("the other's log says %s", o.Payload)
			}
		}
	})
}

func TestPage(t *testing.T) {
	for _, c := range []struct{ asked, want int }{{0, op.DefaultLimit}, {-1, op.DefaultLimit}, {7, 7}, {1 << 40, op.MaxLimit}} {
		if got := op.Limit(c.asked); got != c.want {
			t.Errorf("asked for %d: got %d, want %d", c.asked, got, c.want)
		}
	}
	name := func(s string) string { return "after " + s }
	got := op.PageOf([]string{"a", "b", "c"}, 2, 9, name)
	if diff := cmp.Diff(op.Page[string]{Items: []string{"a", "b"}, Next: "after b", Total: 9}, got); diff != "" {
		t.Errorf("first page (-want +got):\n%s", diff)
	}
	got = op.PageOf([]string{"c"}, 2, 9, name)
	if diff := cmp.Diff(op.Page[string]{Items: []string{"c"}, Total: 9}, got); diff != "" {
		t.Errorf("last page (-want +got):\n%s", diff)
	}
}

// kindOf finds the kind of an entry.
func kindOf(t *testing.T, desk *op.Desk, index int64) canon.Kind {
	t.Helper()
	var k canon.Kind
	err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) error {
		row, err := desk.Ledger.Entry(tx, desk.Org, index)
		k = row.Kind
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

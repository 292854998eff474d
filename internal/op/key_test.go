package op_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

// with is the desk with an idempotency key.
func with(desk *op.Desk, key string) *op.Desk {
	d := *desk
	d.Key = key
	return &d
}

// stored is what the table of keys holds of one.
func stored(t *testing.T, desk *op.Desk, key string) (out []string) {
	t.Helper()
	err := desk.DB.Read(t.Context(), db.All, func(tx *db.Tx) error {
		return tx.Each("SELECT org_id, actor, op, input, output FROM op_key WHERE key = ?", []any{key}, func(scan func(...any) error) error {
			out = append(out, make([]string, 5)...)
			s := out[len(out)-5:]
			return scan(&s[0], &s[1], &s[2], &s[3], &s[4])
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// counted is an operation that answers differently each time it runs.
func counted() (*op.Op[thing, made], *atomic.Int32) {
	var n atomic.Int32
	return op.Write("things.count", "Count.", auth.ControlsWrite, func(c *op.Call, in thing) (made, error) {
		name := fmt.Sprintf("%s %d", in.Name, n.Add(1))
		_, err := c.Tx.Exec(insertThing, c.Org, name)
		return made{Name: name}, err
	}), &n
}

func TestSameKeyIsDoneOnce(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		count, _ := counted()
		d := with(desk, "k1")
		first, err := count.Do(t.Context(), d, thing{Name: "a"})
		if err != nil {
			t.Fatal(err)
		}
		before := size(t, desk)
		for range 3 {
			again, err := count.Do(t.Context(), d, thing{Name: "a"})
			if err != nil || again != first {
				t.Errorf("got %+v, %v; want the first answer %+v", again, err, first)
			}
			raw, err := count.Run(t.Context(), d, []byte(`{ "count": 0, "name": "a" }`))
			if err != nil || raw.(made) != first {
				t.Errorf("got %+v, %v; want the first answer %+v", raw, err, first)
			}
		}
		if len(things(t, desk)) != 1 || size(t, desk) != before {
			t.Error("it was done again")
		}
	})
}

func TestSameKeyForSomethingElseConflicts(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		count, _ := counted()
		d := with(desk, "k1")
		if _, err := count.Do(t.Context(), d, thing{Name: "a", Secret: "one"}); err != nil {
			t.Fatal(err)
		}
		for name, again := range map[string]func() error{
			"another name":      func() error { _, err := count.Do(t.Context(), d, thing{Name: "b", Secret: "one"}); return err },
			"another secret":    func() error { _, err := count.Do(t.Context(), d, thing{Name: "a", Secret: "two"}); return err },
			"another operation": func() error { _, err := keep(fine).Do(t.Context(), d, thing{Name: "a", Secret: "one"}); return err },
		} {
			if err := again(); fault.KindOf(err) != fault.KindConflict || !strings.Contains(err.Error(), `"k1" was used for something else`) {
				t.Errorf("%s: got %v, want a conflict", name, err)
			}
		}
		// The key belongs to one actor in one organization.
		for name, other := range map[string]*op.Desk{
			"another member": optest.Member(t, desk, auth.Lead), "another organization": optest.Found(t, desk.Engine, "Other"),
		} {
			if _, err := count.Do(t.Context(), with(other, "k1"), thing{Name: "c"}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestKeyOfAFailedActIsFree(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		d := with(desk, "k1")
		if _, err := keep(func(*op.Call, thing) error { return errors.New("no") }).Do(t.Context(), d, thing{Name: "a"}); err == nil {
			t.Fatal("no error")
		}
		if _, err := keep(fine).Do(t.Context(), d, thing{Name: "a"}); err != nil {
			t.Error(err)
		}
	})
}

func TestKeyIsForgottenAfterThirtyDays(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		count, n := counted()
		do := func() {
			t.Helper()
			if _, err := count.Do(t.Context(), with(desk, "k1"), thing{Name: "a"}); err != nil {
				t.Fatal(err)
			}
		}
		do()
		optest.Clock(desk).Advance(30*24*time.Hour - time.Millisecond)
		do()
		if n.Load() != 1 {
			t.Error("forgotten too early")
		}
		if err := op.ExpireKeys(t.Context(), desk.Engine); err != nil || len(stored(t, desk, "k1")) == 0 {
			t.Errorf("swept too early, %v", err)
		}
		optest.Clock(desk).Advance(time.Millisecond)
		do()
		if n.Load() != 2 {
			t.Error("not forgotten")
		}
		optest.Clock(desk).Advance(31 * 24 * time.Hour)
		if err := op.ExpireKeys(t.Context(), desk.Engine); err != nil || len(stored(t, desk, "k1")) != 0 {
			t.Errorf("not swept, %v", err)
		}
	})
}

func TestKeysThatNoDatabaseTakesAreRefused(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		for _, key := range []string{"a\x00b", strings.Repeat("k", 201), "a\nb\x1b", "\xff"} {
			if _, err := keep(fine).Do(t.Context(), with(desk, key), thing{Name: "a"}); fault.KindOf(err) != fault.KindInvalid {
				t.Errorf("%q: got %v, want invalid", key, err)
			}
		}
	})
}

func TestTheSameActAtOnceIsDoneOnce(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		count, _ := counted()
		before := size(t, desk)
		answers := make([]made, 8)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() {
				var err error
				if answers[i], err = count.Do(t.Context(), with(desk, "k1"), thing{Name: "a"}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, a := range answers {
			if a != answers[0] || a.Name == "" {
				t.Errorf("the answers differ: %v", answers)
			}
		}
		if got := things(t, desk); len(got) != 1 || size(t, desk) != before+1 {
			t.Errorf("kept %v in %d entries, want one of each", got, size(t, desk)-before)
		}
	})
}

// Before an organization exists, keys hold for whoever sets it up.
func TestKeyWithoutAnOrganization(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		n := 0
		enter := op.Write("things.enter", "Enter an organization.", auth.Anyone, func(c *op.Call, in thing) (made, error) {
			n++
			c.Enter(desk.Org, desk.Actor)
			_, err := c.Tx.Exec(insertThing, c.Org, in.Name)
			return made{Name: in.Name}, err
		})
		for range 2 {
			d := &op.Desk{Engine: desk.Engine, Actor: auth.Actor{Name: "somebody"}, Key: "k1"}
			if _, err := enter.Do(t.Context(), d, thing{Name: "a"}); err != nil {
				t.Fatal(err)
			}
		}
		if n != 1 {
			t.Errorf("done %d times", n)
		}
	})
}

func TestLostAnswerIsSettledByTheKey(t *testing.T) {
	p := optest.NewProxy(t, dbtest.Postgres(t))
	d, err := db.Open(t.Context(), p.URL, db.Options{Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	desk := optest.Found(t, optest.Engine(t, d), "Example")
	count, n := counted()

	p.Arm(optest.AfterCommit)
	got, err := count.Do(t.Context(), with(desk, "k1"), thing{Name: "a"})
	if err != nil || got.Name != "a 1" {
		t.Errorf("stored, but its answer is %+v, %v", got, err)
	}
	again, err := count.Do(t.Context(), with(desk, "k1"), thing{Name: "a"})
	if err != nil || again != got || n.Load() != 1 {
		t.Errorf("the second answer is %+v, %v after %d runs", again, err, n.Load())
	}

	p.Arm(optest.BeforeCommit)
	got, err = count.Do(t.Context(), with(desk, "k2"), thing{Name: "b"})
	if !errors.Is(err, db.ErrUnknown) || got != (made{}) {
		t.Errorf("not stored, but its answer is %+v, %v", got, err)
	}
	got, err = count.Do(t.Context(), with(desk, "k2"), thing{Name: "b"})
	if err != nil || got.Name != "b 3" {
		t.Errorf("the second try is answered %+v, %v", got, err)
	}

	p.Arm(optest.AfterCommit)
	if _, err := count.Do(t.Context(), desk, thing{Name: "c"}); !errors.Is(err, db.ErrUnknown) {
		t.Errorf("without a key: got %v, want %v", err, db.ErrUnknown)
	}
	if got := things(t, desk); len(got) != 3 {
		t.Errorf("kept %v, want three", got)
	}
	if _, err := desk.Ledger.Audit(context.Background(), desk.Org); err != nil {
		t.Error(err)
	}
}

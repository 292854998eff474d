package views_test

import (
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/views"
)

func TestAViewIsItsOwnersUntilItIsShared(t *testing.T) {
	optest.Each(t, func(t *testing.T, lead *op.Desk) {
		owner := optest.Member(t, lead, auth.ControlOwner)
		mine := optest.Do(t, lead, views.Create, views.Saved{List: "controls", Name: "Failing", Query: "f.status=fail&after=CHG-01&format=csv&sort=-since", Usual: true})
		if mine.Query != "f.status=fail&sort=-since" {
			t.Errorf("kept %q", mine.Query)
		}
		seen := func(d *op.Desk) []views.View {
			return optest.Do(t, d, views.List, views.Filter{List: "controls"}).Items
		}
		if got := seen(lead); len(got) != 1 || !got[0].Usual || !got[0].Mine {
			t.Errorf("the owner sees %+v", got)
		}
		if got := seen(owner); len(got) != 0 {
			t.Errorf("somebody else sees %+v", got)
		}
		optest.Do(t, lead, views.Update, views.Change{ID: string(mine.ID), Shared: true, Usual: true})
		got := seen(owner)
		if len(got) != 1 || got[0].Mine || got[0].Usual || !got[0].Shared {
			t.Fatalf("of a shared view they see %+v", got)
		}
		optest.Do(t, owner, views.Update, views.Change{ID: string(mine.ID), Shared: true, Usual: true})
		if !seen(owner)[0].Usual {
			t.Error("the list does not open with the shared view")
		}
		// Withdrawn, it is nobody else's any more, nor what their list opens with.
		optest.Do(t, lead, views.Update, views.Change{ID: string(mine.ID), Usual: true})
		if got := seen(owner); len(got) != 0 {
			t.Errorf("after it was withdrawn they see %+v", got)
		}
		optest.Do(t, lead, views.Remove, views.Ref{ID: string(mine.ID)})
		if got := seen(lead); len(got) != 0 {
			t.Errorf("removed, and still there: %+v", got)
		}
	})
}

func TestAViewIsRefused(t *testing.T) {
	optest.Each(t, func(t *testing.T, lead *op.Desk) {
		owner := optest.Member(t, lead, auth.ControlOwner)
		shared := optest.Do(t, lead, views.Create, views.Saved{List: "controls", Name: "All", Shared: true})
		optest.Do(t, owner, views.Create, views.Saved{List: "controls", Name: "Mine"})
		for name, act := range map[string]func() error{
			"taken name": func() error {
				_, err := views.Create.Do(t.Context(), owner, views.Saved{List: "controls", Name: "Mine"})
				return err
			},
			"shared by who may not": func() error {
				_, err := views.Create.Do(t.Context(), owner, views.Saved{List: "controls", Name: "For all", Shared: true})
				return err
			},
			"another's renamed": func() error {
				_, err := views.Update.Do(t.Context(), owner, views.Change{ID: string(shared.ID), Name: "Theirs", Shared: true})
				return err
			},
			"another's removed": func() error {
				_, err := views.Remove.Do(t.Context(), owner, views.Ref{ID: string(shared.ID)})
				return err
			},
			"no name": func() error {
				_, err := views.Create.Do(t.Context(), owner, views.Saved{List: "controls", Name: "  "})
				return err
			},
			"broken query": func() error {
				_, err := views.Create.Do(t.Context(), owner, views.Saved{List: "controls", Name: "x", Query: "a=%zz"})
				return err
			},
		} {
			if err := act(); err == nil || fault.KindOf(err) == fault.KindInternal {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

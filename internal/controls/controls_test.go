package controls_test

import (
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

func adopt(t *testing.T, desk *op.Desk, codes ...string) []controls.Control {
	t.Helper()
	p, err := controls.Adopt.Do(t.Context(), desk, controls.Adoption{Codes: codes})
	if err != nil {
		t.Fatal(err)
	}
	return p.Items
}

func TestAdoptedControlsCarryTheLibrarysTextAndAnOwner(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		got := adopt(t, desk, "CHG-01", "IAM-02")
		for _, c := range got {
			if !c.Designed() || c.Stated() || c.Owner != desk.Actor.User || c.Version != 1 {
				t.Errorf("%s: designed %v, stated %v, owner %q, version %d", c.Code, c.Designed(), c.Stated(), c.Owner, c.Version)
			}
		}
		list, err := controls.List.Do(t.Context(), desk, controls.Filter{Limit: 1})
		if err != nil || list.Total != 2 || len(list.Items) != 1 || list.Items[0].Code != "CHG-01" || list.Next != "CHG-01" {
			t.Fatalf("first page %+v, %v", list, err)
		}
		list, err = controls.List.Do(t.Context(), desk, controls.Filter{Limit: 1, After: list.Next})
		if err != nil || len(list.Items) != 1 || list.Items[0].Code != "IAM-02" || list.Next != "" {
			t.Fatalf("second page %+v, %v", list, err)
		}
		if len(list.Items[0].Criteria) == 0 || list.Items[0].OwnerName == "" {
			t.Errorf("a listed control lacks its criteria or its owner's name: %+v", list.Items[0])
		}
		shelf, err := controls.Shelf.Do(t.Context(), desk, controls.ShelfFilter{Criterion: "CC8.1"})
		if err != nil {
			t.Fatal(err)
		}
		marked := 0
		for _, s := range shelf.Items {
			if s.Adopted != "" {
				marked++
			}
		}
		if marked != 1 || shelf.Total < 5 {
			t.Errorf("of %d controls for CC8.1, %d are marked as adopted, want 1", shelf.Total, marked)
		}
	})
}

func TestAdoptTakesAllOrNothing(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		adopt(t, desk, "CHG-01")
		for name, c := range map[string]struct {
			in   controls.Adoption
			kind fault.Kind
		}{
			"a code the library lacks":  {controls.Adoption{Codes: []string{"CHG-02", "ZZZ-99"}}, fault.KindInvalid},
			"one that is adopted":       {controls.Adoption{Codes: []string{"CHG-02", "CHG-01"}}, fault.KindConflict},
			"an owner who is no member": {controls.Adoption{Codes: []string{"CHG-02"}, Owner: "usr_00000000000000000000000000"}, fault.KindInvalid},
			"no code at all":            {controls.Adoption{}, fault.KindInvalid},
		} {
			if _, err := controls.Adopt.Do(t.Context(), desk, c.in); fault.KindOf(err) != c.kind {
				t.Errorf("%s: %v, want %s", name, err, c.kind)
			}
		}
		if _, err := controls.Get.Do(t.Context(), desk, controls.Ref{ID: "CHG-02"}); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("a refused adoption left CHG-02 behind: %v", err)
		}
	})
}

func TestEveryChangeIsAVersionAndAStaleOneConflicts(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		ctx := t.Context()
		c := adopt(t, desk, "CHG-01")[0]
		change := controls.Change{ID: c.Code, Title: "Second pair of eyes", Text: "Every change is read by another engineer before it is merged.",
			Frequency: "per_event", Owner: string(c.Owner), Key: true, Version: 1}
		if _, err := controls.Update.Do(ctx, desk, change); err != nil {
			t.Fatal(err)
		}
		_, err := controls.Update.Do(ctx, desk, change)
		if e := fault.As(err); e == nil || e.Kind != fault.KindConflict || e.Current.(controls.Control).Version != 2 {
			t.Errorf("a stale change got %v, want a conflict that shows version 2", err)
		}
		got, err := controls.Implement.Do(ctx, desk, controls.Statement{ID: string(c.ID), Text: "Branch rule of the main repository.", Version: 2})
		if err != nil || !got.Stated() || got.ImplementedBy != desk.Actor.Name {
			t.Fatalf("statement: %+v, %v", got, err)
		}
		if _, err := controls.Retire.Do(ctx, desk, controls.Retirement{ID: c.Code, Reason: "Merged into CHG-02.", Version: 3}); err != nil {
			t.Fatal(err)
		}
		history, err := controls.Versions.Do(ctx, desk, controls.Ref{ID: string(c.ID)})
		if err != nil || history.Total != 4 || history.Items[3].Control.Title == "Second pair of eyes" || history.Items[0].Control.Retired.IsZero() {
			t.Errorf("history of %d versions, %v", history.Total, err)
		}
		list, err := controls.List.Do(ctx, desk, controls.Filter{})
		if err != nil || list.Total != 0 {
			t.Errorf("a retired control is listed as in force: %+v, %v", list, err)
		}
	})
}

func TestOwnControlsNameExistingCriteria(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		own := controls.Own{Code: "OWN-01", Title: "Own control", Text: "The platform team looks at the ledger on Mondays.",
			Criteria: []string{"CC7.2"}, Frequency: "weekly"}
		bad := own
		bad.Criteria = []string{"CC7.9"}
		if _, err := controls.Create.Do(t.Context(), desk, bad); fault.As(err) == nil || fault.As(err).Field != "criteria" {
			t.Errorf("criterion CC7.9 was accepted: %v", err)
		}
		bad = own
		bad.Code = "own1"
		if _, err := controls.Create.Do(t.Context(), desk, bad); fault.As(err) == nil || fault.As(err).Field != "code" {
			t.Errorf("code own1 was accepted: %v", err)
		}
		c, err := controls.Create.Do(t.Context(), desk, own)
		if err != nil || c.Nature != "manual" || len(c.Criteria) != 1 {
			t.Errorf("%+v, %v", c, err)
		}
		owner := optest.Member(t, desk, auth.ControlOwner)
		if _, err := controls.Create.Do(t.Context(), owner, own); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("a control owner added a control: %v", err)
		}
	})
}

package scopes_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/scopes"
)

func TestSecurityIsInScopeBeforeAnyoneDecides(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s, err := scopes.Get.Do(t.Context(), desk, op.None{})
		if err != nil {
			t.Fatal(err)
		}
		if s.Decided() || !cmp.Equal(s.Categories, []string{"security"}) || s.Catalogue == "" {
			t.Errorf("undecided scope is %+v", s)
		}
	})
}

func TestEachDecisionIsAVersionAndTheEarlierOnesStay(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		ctx := t.Context()
		first, err := scopes.Set.Do(ctx, desk, scopes.Decision{Type: scopes.TypeII, Requester: "Acme",
			Categories: []string{"confidentiality", "availability", "availability"}, Starts: "2026-01-01", Ends: "2026-12-31"})
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"security", "availability", "confidentiality"}; !cmp.Equal(first.Categories, want) {
			t.Errorf("categories %v, want %v: catalogue order, Security first, each once", first.Categories, want)
		}
		if _, err := scopes.Set.Do(ctx, desk, scopes.Decision{Type: scopes.TypeI, AsOf: "2026-12-31", Version: 1}); err != nil {
			t.Fatal(err)
		}
		all, err := scopes.History.Do(ctx, desk, op.None{})
		if err != nil || all.Total != 2 || all.Items[0].Version != 2 || all.Items[1].Requester != "Acme" {
			t.Errorf("history %+v, %v", all, err)
		}
		_, err = scopes.Set.Do(ctx, desk, scopes.Decision{Type: scopes.TypeI, Version: 1})
		if e := fault.As(err); e == nil || e.Kind != fault.KindConflict || e.Current.(scopes.Scope).Version != 2 {
			t.Errorf("a stale decision got %v, want a conflict that shows version 2", err)
		}
	})
}

func TestSetRefuses(t *testing.T) {
	cases := map[string]struct {
		in    scopes.Decision
		field string
	}{
		"an unknown type":            {scopes.Decision{Type: "type_3"}, "type"},
		"an unknown category":        {scopes.Decision{Type: scopes.TypeII, Categories: []string{"safety"}}, "categories"},
		"a date that is none":        {scopes.Decision{Type: scopes.TypeI, AsOf: "2026-02-30"}, "as_of"},
		"a period for Type I":        {scopes.Decision{Type: scopes.TypeI, Starts: "2026-01-01", Ends: "2026-02-01"}, "starts"},
		"a date for Type II":         {scopes.Decision{Type: scopes.TypeII, AsOf: "2026-01-01"}, "as_of"},
		"half a period":              {scopes.Decision{Type: scopes.TypeII, Starts: "2026-01-01"}, "ends"},
		"an end before the start":    {scopes.Decision{Type: scopes.TypeII, Starts: "2026-02-01", Ends: "2026-01-01"}, "ends"},
		"more than two years":        {scopes.Decision{Type: scopes.TypeII, Starts: "2024-01-01", Ends: "2026-12-31"}, "ends"},
		"a version that never was":   {scopes.Decision{Type: scopes.TypeII, Version: 7}, ""},
		"control characters in text": {scopes.Decision{Type: scopes.TypeII, System: "a\x01b"}, "system"},
	}
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		for name, c := range cases {
			_, err := scopes.Set.Do(t.Context(), desk, c.in)
			if e := fault.As(err); e == nil || e.Field != c.field {
				t.Errorf("%s: got %v, want a fault of field %q", name, err, c.field)
			}
		}
		s, err := scopes.Get.Do(t.Context(), desk, op.None{})
		if err != nil || s.Decided() {
			t.Errorf("a refused decision left %+v, %v", s, err)
		}
		employee := optest.Member(t, desk, auth.Employee)
		if _, err := scopes.Set.Do(t.Context(), employee, scopes.Decision{Type: scopes.TypeII}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("an employee decided the scope: %v", err)
		}
	})
}

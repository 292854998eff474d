package optest_test

import (
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
)

func TestEachGivesAnOwnerAndMembers(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		for _, role := range auth.Roles() {
			if m := optest.Member(t, desk, role); m.Actor.Roles[0] != role || m.Org != desk.Org {
				t.Errorf("got %v in %s, want %s in %s", m.Actor.Roles, m.Org, role, desk.Org)
			}
		}
		other := optest.Found(t, desk.Engine, "Other Inc")
		got, err := orgs.Members.Do(t.Context(), other, op.None{})
		if err != nil || got.Total != 1 {
			t.Errorf("the other organization has %d members, %v; want its owner", got.Total, err)
		}
		head, err := desk.Ledger.Wait(t.Context(), desk.Org, 0)
		if err != nil || head.Size == 0 {
			t.Errorf("no signed head: %v", err)
		}
	})
}

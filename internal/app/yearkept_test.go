package app_test

import (
	"slices"
	"testing"

	"github.com/tickmark/tickmark/internal/app"
	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/tasks"
	"github.com/tickmark/tickmark/internal/views"
)

// owned looks at the register of assets on the last morning.
func owned(t *testing.T, lead *op.Desk) {
	r := optest.Do(t, lead, assets.Reconcile, assets.Comparing{List: assets.ListUnknown})
	if r.Unknown != 1 || len(r.Resources) != 1 || r.Resources[0].Key != "app-07" || r.Ignored != 1 || r.Known != r.Shown-2 {
		t.Errorf("what sources show: %+v", r)
	}
	if g := optest.Do(t, lead, assets.Look, op.None{}); g.Unknown != 1 || g.More {
		t.Errorf("a short look finds %+v", g)
	}
	stale := optest.Do(t, lead, assets.Reconcile, assets.Comparing{List: assets.ListStale})
	if !slices.ContainsFunc(stale.Assets, func(a assets.Standing) bool { return a.Name == "app-06" && a.Linked == 1 }) || stale.Seen == 0 {
		t.Errorf("stale are %+v", stale.Assets)
	}
	for scope, want := range map[string]struct{ name, asker, approver string }{
		assets.Out: {"printer-2f", "Jonas Lindqvist", "Rashid Adeyemi"}, assets.Pending: {"Error tracking", "Priya Natarajan", ""}} {
		list := optest.Do(t, lead, assets.List, assets.Filter{Scope: scope})
		if len(list.Items) != 1 || list.Items[0].Name != want.name || list.Items[0].Asker != want.asker || list.Items[0].Approver != want.approver || list.Items[0].Reason == "" {
			t.Errorf("%s: %+v", scope, list.Items)
		}
	}
}

// lookedAt follows a report that was sent back, and a task that was escalated.
func lookedAt(t *testing.T, a *app.App, lead *op.Desk) {
	list := optest.Do(t, lead, evidence.List, evidence.Filter{State: evidence.SentBack})
	if len(list.Items) != 1 || list.Items[0].SupersededBy == "" {
		t.Fatalf("returned are %+v", list.Items)
	}
	after := optest.Do(t, lead, evidence.Get, evidence.Ref{ID: string(list.Items[0].SupersededBy)})
	if after.Decision != evidence.Accepted || after.Supersedes != list.Items[0].ID {
		t.Errorf("what took its place: %+v", after)
	}
	owner := seat(t, a, auth.Owner)
	told := optest.Do(t, owner, notify.List, notify.Filter{Limit: 500})
	if !slices.ContainsFunc(told.Items, func(n notify.Notice) bool {
		return n.Kind == tasks.Escalated.Name && n.At.Format("2006-01-02") == "2026-09-16"
	}) {
		t.Errorf("the owner was told %+v", told.Items)
	}
	if p := optest.Do(t, seat(t, a, auth.ControlOwner), notify.Get, op.None{}); p.Version == 0 || p.QuietFrom != "19:00" {
		t.Errorf("the control owner wants %+v", p)
	}
	saved := optest.Do(t, lead, views.List, views.Filter{List: "evidence"})
	if len(saved.Items) != 1 || !saved.Items[0].Shared {
		t.Errorf("views of evidence: %+v", saved.Items)
	}
}

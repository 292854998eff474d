package app_test

import (
	"fmt"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/erasures"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
)

// firmly reports whether the tenant is a CPA firm, which has no evidence of its
// own.
func (x *tenant) firmly() bool { return x.least() == auth.Staff }

// partner is another person who may erase, where the tenant's people work.
func (x *tenant) partner() *op.Desk {
	x.t.Helper()
	if !x.firmly() {
		return x.second()
	}
	m := x.fresh(auth.Partner)
	return &op.Desk{Engine: x.app.Engine, Org: x.desk.Org, Actor: auth.Actor{User: m.ID, Name: m.Name, Email: m.Email, Roles: m.Roles, Via: "api"}}
}

// other than who: whoever asks does not approve.
func (x *tenant) beside(who *op.Desk) *op.Desk {
	if who != nil && who.Actor.User == x.desk.Actor.User {
		return x.partner()
	}
	return x.desk
}

// unneeded is something that may be erased: a record, or what an entry says.
func (x *tenant) unneeded() erasures.Asking {
	x.t.Helper()
	a := erasures.Asking{Basis: "recorded_in_error", Reason: "Not meant for " + x.mark}
	if !x.firmly() {
		a.Evidence = []string{string(do(x.t, x, evidence.Submit, x.submission()).ID)}
		return a
	}
	for _, h := range do(x.t, x, erasures.HoldList, op.None{}).Items { // a firm's are on everything
		if h.Released.IsZero() {
			_, err := erasures.HoldRelease.Do(x.t.Context(), x.partner(), erasures.Releasing{ID: string(h.ID), Note: "Settled by " + x.mark})
			x.must(err)
		}
	}
	do(x.t, x, orgs.Invite, orgs.InvitationWish{Role: string(auth.Staff), Note: fmt.Sprint(x.mark, x.next())})
	a.Entries = []int64{do(x.t, x, evidence.Entries, evidence.EntryFilter{Kind: "op", Limit: 1}).Items[0].Index}
	return a
}

// asked is an erasure that waits, asked for by another than who.
func (x *tenant) asked(who *op.Desk) erasures.Erasure {
	x.t.Helper()
	e, err := erasures.Create.Do(x.t.Context(), x.beside(who), x.unneeded())
	x.must(err)
	e, err = erasures.Get.Do(x.t.Context(), x.desk, erasures.Ref{ID: string(e.ID)})
	x.must(err)
	return e
}

// holding is a hold on what nothing else needs.
func (x *tenant) holding() erasures.Holding {
	x.t.Helper()
	h := erasures.Holding{Scope: erasures.HoldRecords, Reason: "A dispute of " + x.mark}
	if x.firmly() {
		return erasures.Holding{Scope: erasures.HoldAll, Reason: h.Reason}
	}
	h.Targets = []string{string(do(x.t, x, evidence.Submit, x.submission()).ID)}
	return h
}

// erasing are the examples of what is erased, held and kept. A firm's hold is on
// everything, so that it is released at once.
var erasing = map[string]func(x *tenant, who *op.Desk) input{
	"erasures.create": func(x *tenant, _ *op.Desk) input {
		a := x.unneeded()
		return wished(input{"basis": a.Basis, "reason": a.Reason}, a)
	},
	"erasures.preview": func(x *tenant, _ *op.Desk) input { return wished(input{}, x.unneeded()) },
	"erasures.approve": func(x *tenant, who *op.Desk) input {
		e := x.asked(who)
		return input{"id": string(e.ID), "plan": e.Plan.Digest}
	},
	"erasures.refuse": func(x *tenant, who *op.Desk) input {
		return input{"id": string(x.asked(who).ID), "note": "Not so at " + x.mark}
	},
	"erasures.get":  func(x *tenant, who *op.Desk) input { return input{"id": string(x.asked(who).ID)} },
	"erasures.list": nothing,
	"holds.create": func(x *tenant, _ *op.Desk) input {
		h := x.holding()
		in := input{"scope": h.Scope, "reason": h.Reason}
		if len(h.Targets) > 0 {
			in["targets"] = h.Targets
		}
		return in
	},
	"holds.release": func(x *tenant, who *op.Desk) input {
		h, err := erasures.HoldNew.Do(x.t.Context(), x.beside(who), x.holding())
		x.must(err)
		return input{"id": string(h.ID), "note": "Settled by " + x.mark}
	},
	"holds.list":    nothing,
	"retention.get": nothing,
	"retention.due": nothing,
	"retention.update": func(x *tenant, _ *op.Desk) input {
		now := do(x.t, x, erasures.PolicyGet, op.None{})
		return input{"evidence_years": 8, "file_years": 6, "reason": "Counsel of " + x.mark, "version": now.Version}
	},
}

// standing is a hold that nobody needs.
func (x *tenant) standing() string {
	x.t.Helper()
	return string(do(x.t, x, erasures.HoldNew, x.holding()).ID)
}

func wished(in input, a erasures.Asking) input {
	if len(a.Evidence) > 0 {
		in["evidence"] = a.Evidence
	}
	if len(a.Entries) > 0 {
		in["entries"] = a.Entries
	}
	return in
}

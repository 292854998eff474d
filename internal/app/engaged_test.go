package app_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/opinions"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/reports"
)

// Engagements of a tenant. Each is there once, taken to where the name says;
// pages and operations that need another state find the one they need.
const (
	working   = "working"   // in fieldwork: a sample drawn and tested, a deviation classified
	offered   = "offered"   // proposed, and not accepted
	begun     = "begun"     // engaged, with a plan, and ready to be planned
	weighing  = "weighing"  // in evaluation, no criterion concluded
	reviewing = "reviewing" // a draft is with management
	signing   = "signing"   // at sign-off, not signed
)

// The list that the sample of the working engagement comes from.
const (
	listed  = "POP-08"
	drafted = "POP-09" // built, not sealed
	layered = "POP-10" // its sample is stratified
	rowsOf  = 60
)

// private begins every text that the firm writes for itself.
const private = "workpaper"

// secret is a word that stands in every text of the firm's workpapers, and in
// nothing that the client is meant to read.
func (x *tenant) secret() string { return private + "-on-" + x.mark }

// seat is the desk of somebody who has a role, on whichever side it is.
func (x *tenant) seat(role auth.Role) *op.Desk {
	x.t.Helper()
	if x.seats[role] == nil {
		switch {
		case role == auth.Partner:
			x.seats[role] = x.hire().desk
		case auth.IsFirm(role):
			x.seats[role] = optest.Member(x.t, x.hire().desk, role)
		default:
			x.seats[role] = optest.Member(x.t, x.desk, role)
		}
	}
	return x.seats[role]
}

// hire has a firm of the tenant's own accept an invitation. It is a tenant
// like the other, and has less.
func (x *tenant) hire() *tenant {
	x.t.Helper()
	if x.firm == nil {
		desk := optest.Firm(x.t, x.desk, "Auditors of "+x.mark)
		f := &tenant{t: x.t, app: x.app, desk: desk, mark: x.mark, made: 5000, ids: map[string]string{"org": string(desk.Org), "owner": string(desk.Actor.User), "entry": "0", "job": x.ids["job"]}}
		f.ids["token"] = string(do(x.t, f, orgs.NewToken, orgs.TokenWish{Name: "CI of " + x.mark}).ID)
		x.firm, x.ids["firm"] = f, f.ids["org"]
	}
	return x.firm
}

// as does an operation as somebody of a role; it has to succeed.
func as[In, Out any](x *tenant, role auth.Role, o *op.Op[In, Out], in In) Out {
	x.t.Helper()
	out, err := o.Do(x.t.Context(), x.seat(role), in)
	if err != nil {
		x.t.Fatalf("%s by %s of %s: %v", o.Name(), role, x.mark, err)
	}
	return out
}

// engagement is the one of a name, made when it is first asked for.
func (x *tenant) engagement(name string) string {
	x.t.Helper()
	if e := x.engagements[name]; e != "" {
		return e
	}
	var e string
	switch name {
	case working:
		e = x.work()
	case offered:
		e = x.propose()
	case begun:
		e = x.reach(engagements.Engaged)
	case weighing:
		e = x.reach(engagements.Evaluation)
	case reviewing:
		e = x.reach(engagements.ManagementReview)
	case signing:
		e = x.reach(engagements.SignOff)
	}
	x.engagements[name] = e
	return e
}

// engage fills the tenant's examination, with the ids of its records.
func (x *tenant) engage() {
	x.t.Helper()
	if x.ids["engagement"] != "" {
		return
	}
	x.ids["engagement"] = x.engagement(working)
	ref := populations.Ref{Engagement: x.ids["engagement"], Population: listed}
	x.ids["population"] = string(as(x, auth.Staff, populations.Get, ref).ID)
	p := as(x, auth.Staff, procedures.Get, procedures.Ref{Engagement: ref.Engagement, Control: x.sampled})
	x.ids["procedure"], x.ids["sample"] = string(p.ID), string(p.Sample.ID)
	x.ids["deviation"] = string(as(x, auth.Staff, procedures.Deviations, procedures.DeviationFilter{Engagement: ref.Engagement}).Items[0].ID)
	x.ids["report"] = x.newestPrint(x.engagement(reviewing))
	x.ids["file"] = string(x.file(ref.Engagement))
}

// file is the tenant that holds the firm's side of an engagement.
func (x *tenant) file(engagement string) id.Org {
	x.t.Helper()
	var file id.Org
	x.must(x.app.DB.Read(x.t.Context(), db.All, func(tx *db.Tx) error {
		return tx.Row("SELECT file_org FROM engagement_side WHERE org_id = ? AND engagement_id = ?", []any{x.desk.Org, engagement}, &file)
	}))
	return file
}

// holders are the organizations that hold something of the tenant: itself, its
// firm, and the files of its engagements that have a name, or are in an input.
func (x *tenant) holders(in ...input) []id.Org {
	x.t.Helper()
	out := []id.Org{x.desk.Org}
	if x.firm == nil {
		return out
	}
	out = append(out, x.firm.desk.Org)
	for _, name := range slices.Sorted(maps.Keys(x.engagements)) {
		out = append(out, x.file(x.engagements[name]))
	}
	for _, i := range in {
		if e := about(i); e != "" && !slices.Contains(slices.Collect(maps.Values(x.engagements)), e) {
			out = append(out, x.file(e))
		}
	}
	return out
}

// about is the engagement that an input names.
func about(in input) string {
	for _, field := range []string{"engagement", "id"} {
		if e, ok := in[field].(string); ok && strings.HasPrefix(e, "eng_") {
			return e
		}
	}
	return ""
}

func (x *tenant) propose() string {
	x.t.Helper()
	return string(as(x, auth.Lead, engagements.Propose, x.proposal()).ID)
}

func (x *tenant) proposal() engagements.Proposal {
	return engagements.Proposal{Name: fmt.Sprintf("Report %d of %s", x.next(), x.mark), Firm: string(x.hire().desk.Org), Type: "type_2", Starts: "2026-01-01", Ends: "2026-10-31",
		System: "System of " + x.mark}
}

func (x *tenant) advance(e string, to ...engagements.State) {
	x.t.Helper()
	for _, s := range to {
		role := auth.Partner
		if s == engagements.SignOff {
			role = auth.Lead
		}
		as(x, role, engagements.Advance, engagements.Advancing{ID: e, To: string(s)})
	}
}

// security lists the criteria that every engagement is about.
func security(t *testing.T) []string {
	t.Helper()
	cat, err := frameworks.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cat.InScope([]string{frameworks.Security})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, k := range in {
		out = append(out, k.Code)
	}
	return out
}

// looked is a control that answers every criterion and is itself looked at.
func (x *tenant) looked() string {
	x.t.Helper()
	if x.covers == "" {
		own := x.ownControl()
		own.Criteria, own.Key = security(x.t), true
		x.covers = do(x.t, x, controls.Create, own).Code
	}
	return x.covers
}

// begin makes an engagement whose plan is recorded.
func (x *tenant) begin() string {
	x.t.Helper()
	e := x.propose()
	as(x, auth.Partner, engagements.Accept, engagements.Acceptance{ID: e, Independence: "Nobody has an interest in it."})
	as(x, auth.Staff, engagements.Plan, engagements.Planning{ID: e, Considerations: "Access and change, " + x.secret()})
	as(x, auth.Partner, reports.SetText, reports.Wording{Engagement: e, Place: "IV.introduction", Text: "Not for the client before it is printed, " + x.secret()})
	for _, control := range x.keys() {
		x.inspection(e, control)
	}
	return e
}

// keys are the controls that criteria rest on, and that every engagement looks
// at.
func (x *tenant) keys() []string {
	x.t.Helper()
	out := []string{x.looked()}
	for _, c := range do(x.t, x, controls.List, controls.Filter{Limit: 500}).Items {
		if c.Key && c.Code != out[0] {
			out = append(out, c.Code)
		}
	}
	return out
}

// inspection plans that a control itself is looked at.
func (x *tenant) inspection(e, control string) {
	x.t.Helper()
	as(x, auth.Staff, procedures.PlanOp, procedures.Planning{Engagement: e, Control: control, Basis: procedures.ByInspection, Attributes: []string{"A in force throughout"}})
}

// exhibit is evidence of the client that a conclusion may rest on.
func (x *tenant) exhibit() string {
	x.t.Helper()
	s := x.submission()
	s.Controls, s.Level = nil, 4
	return string(do(x.t, x, evidence.Submit, s).ID)
}

// linked answers for a control that is looked at.
func (x *tenant) linked(e, control string) {
	x.t.Helper()
	as(x, auth.ControlOwner, procedures.Answer, procedures.Linking{Engagement: e, Control: control, Items: []string{control}, Evidence: x.exhibit()})
}

func (x *tenant) marked(e, control, mark string) {
	x.t.Helper()
	as(x, auth.Staff, procedures.Set, procedures.Marking{Engagement: e, Control: control, Items: []string{control}, Attributes: []string{"A"}, Mark: mark, Reason: "As seen, " + x.secret()})
}

func (x *tenant) concluded(e, control string) {
	x.t.Helper()
	as(x, auth.Staff, procedures.Conclude, procedures.Decision{Engagement: e, Control: control, Decision: procedures.Effective, Reason: "Everything agrees, " + x.secret()})
}

// reach makes an engagement and takes it to a state, the shortest way there is.
func (x *tenant) reach(to engagements.State) string {
	x.t.Helper()
	keys := x.keys()
	e := x.begin()
	before := map[engagements.State]func(){
		engagements.Evaluation: func() {
			for _, control := range keys {
				x.linked(e, control)
				x.marked(e, control, procedures.Agrees)
				x.concluded(e, control)
			}
		},
		engagements.DraftReport: func() {
			as(x, auth.Staff, opinions.Accept, opinions.Acceptance{Engagement: e, Criteria: security(x.t)})
		},
		engagements.ManagementReview: func() {
			for _, part := range []string{"description", "design", "operation"} {
				as(x, auth.Manager, opinions.Decide, opinions.Ruling{Engagement: e, Part: part, Decision: "unmodified", Reason: "Nothing speaks against it, " + x.secret()})
			}
			as(x, auth.Partner, reports.SetText, reports.Wording{Engagement: e, Place: "I.opinion", Text: "In our opinion, in all material respects, all is well."})
			as(x, auth.Staff, reports.Draft, reports.Ref{Engagement: e})
			for _, control := range keys {
				as(x, auth.Manager, procedures.Review, procedures.Signature{Engagement: e, Control: control, Comment: "Read it, " + x.secret()})
			}
		},
	}
	for _, s := range engagements.Path("type_2")[2:] {
		if to.Before(s) {
			break
		}
		if fn := before[s]; fn != nil {
			fn()
		}
		x.advance(e, s)
	}
	return e
}

// signed is an engagement whose report can be issued.
func (x *tenant) signed() string {
	x.t.Helper()
	e := x.reach(engagements.SignOff)
	as(x, auth.Sponsor, reports.Sign, x.signature(e))
	return e
}

func (x *tenant) signature(e string) reports.Signing {
	return reports.Signing{Engagement: e, Report: x.newestPrint(e), Title: "Chief Executive", Text: "We assert that the controls of " + x.mark + " are as described."}
}

func (x *tenant) newestPrint(e string) string {
	x.t.Helper()
	return string(as(x, auth.Partner, reports.Get, reports.Ref{Engagement: e}).Prints[0].ID)
}

// deployments is a list of changes as the client's system exports it.
func (x *tenant) deployments() []byte {
	var b strings.Builder
	b.WriteString("change,summary,author,approver,approved_at,deployed_at\n")
	for i := range rowsOf {
		at := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC).AddDate(0, 0, 4*i)
		fmt.Fprintf(&b, "C-%04d,Change %d of %s,ada,bo,%s,%s\n", i+1, i+1, x.mark, at.Add(-time.Hour).Format(time.RFC3339), at.Format(time.RFC3339))
	}
	return []byte(b.String())
}

// built is a list that the client has built and not sealed.
func (x *tenant) built(e, code string) populations.Sealing {
	x.t.Helper()
	as(x, auth.Staff, populations.Request, populations.Wish{Engagement: e, Code: code, Title: "Changes of " + x.mark})
	v := as(x, auth.Lead, populations.Build, x.material(e, code))
	if v.Blocked() > 0 {
		x.t.Fatalf("%s of %s: %v", code, x.mark, v.Problems)
	}
	return populations.Sealing{Engagement: e, Population: code, Version: v.Version}
}

func (x *tenant) material(e, code string) populations.Material {
	return populations.Material{Engagement: e, Population: code, From: populations.FromFile, Source: "deployer of " + x.mark, Query: "select * from deployments", Data: x.deployments(),
		Key: "change", Time: "deployed_at", Label: "summary", Environment: "production", Extracted: x.desk.Clock.Now()}
}

// sealed is a list that waits for the auditor's judgement.
func (x *tenant) sealed(e, code string) populations.Verdict {
	x.t.Helper()
	in := x.built(e, code)
	as(x, auth.Lead, populations.Seal, in)
	return populations.Verdict{Engagement: e, Population: code, Version: in.Version, Decision: populations.Complete}
}

func (x *tenant) freshList() string { return fmt.Sprintf("POP-%d", 100+x.next()) }

// approved is what the samples of the tenant are tested by: A by people, D by
// what the list says.
var (
	approved     = []string{"A asked for in a ticket", "D approved before it was deployed"}
	approvedExpr = []string{"D timestamp(r.approved_at) < timestamp(r.deployed_at)"}
)

// sampling plans a sample from an accepted list, of a control that nothing
// else needs.
func (x *tenant) sampling(e, list, cadence string) string {
	x.t.Helper()
	control := x.freshCode()
	as(x, auth.Staff, procedures.PlanOp, procedures.Planning{Engagement: e, Control: control, Basis: procedures.BySample, Population: list, Cadence: cadence, Risk: "low",
		Attributes: approved, Expressions: approvedExpr})
	return control
}

// drawn is a control with its sample.
func (x *tenant) drawn(e, cadence string) (control string, items []string) {
	x.t.Helper()
	control = x.sampling(e, listed, cadence)
	as(x, auth.Staff, procedures.Draw, procedures.Drawing{Engagement: e, Control: control})
	return control, x.items(e, control)
}

func (x *tenant) items(e, control string) (out []string) {
	x.t.Helper()
	for _, r := range as(x, auth.Staff, procedures.GridOp, procedures.GridPart{Engagement: e, Control: control, Limit: 500}).Rows {
		out = append(out, r.Item)
	}
	return out
}

// deviating is a control whose sample is tested, with one isolated deviation.
func (x *tenant) deviating(e string) (control string) {
	x.t.Helper()
	control, items := x.drawn(e, "many-a-day")
	as(x, auth.ControlOwner, procedures.Answer, procedures.Linking{Engagement: e, Control: control, Items: items, Evidence: x.exhibit()})
	as(x, auth.Staff, procedures.Confirm, procedures.Confirmation{Engagement: e, Control: control, Items: items})
	as(x, auth.Staff, procedures.Set, procedures.Marking{Engagement: e, Control: control, Items: items[1:], Attributes: []string{"A"}, Mark: procedures.Agrees, Reason: "Seen, " + x.secret()})
	as(x, auth.Staff, procedures.Set, procedures.Marking{Engagement: e, Control: control, Items: items[:1], Attributes: []string{"A"}, Mark: procedures.Deviates, Reason: "No ticket, " + x.secret()})
	d := as(x, auth.Staff, procedures.Deviations, procedures.DeviationFilter{Engagement: e, Control: control}).Items[0]
	as(x, auth.Staff, procedures.Classify, x.classification(e, d))
	return control
}

func (x *tenant) classification(e string, d procedures.Deviation) procedures.Classification {
	return procedures.Classification{Engagement: e, ID: string(d.ID), Cause: "people", Extent: "isolated", Reason: "One ticket was lost, " + x.secret(), Impact: "None that was seen, " + x.secret(),
		Disclosure: "One change of " + x.mark + " had no ticket.", Version: d.Version}
}

// work is the engagement that most examples are about.
func (x *tenant) work() string {
	x.t.Helper()
	e := x.begin()
	x.advance(e, engagements.Planned, engagements.Observing)
	in := x.sealed(e, listed)
	as(x, auth.Staff, populations.Judge, populations.Judgement{Engagement: e, Population: listed, Version: in.Version, Procedure: "observed", Result: "holds", Note: "Watched it, " + x.secret()})
	as(x, auth.Staff, populations.Accept, in)
	as(x, auth.Staff, populations.Accept, x.sealed(e, layered))
	x.advance(e, engagements.PeriodClosed, engagements.Fieldwork)
	as(x, auth.Staff, procedures.Draw, procedures.Drawing{Engagement: e, Control: x.sampling(e, layered, "event"), Method: "stratified", StrataBy: "author"})
	x.sampled = x.deviating(e)
	x.linked(e, x.looked())
	x.marked(e, x.looked(), procedures.Agrees)
	x.concluded(e, x.looked())
	x.built(e, drafted)
	x.undrawn = x.sampling(e, listed, "event")
	return e
}

// inspected is a control of the working engagement taken through its test up
// to a stage, that nothing else needs.
func (x *tenant) inspected(stage string) (e, control string) {
	x.t.Helper()
	e, control = x.engagement(working), x.freshCode()
	steps := []struct {
		name string
		do   func()
	}{
		{"planned", func() { x.inspection(e, control) }},
		{"linked", func() { x.linked(e, control) }},
		{"marked", func() { x.marked(e, control, procedures.Agrees) }},
		{"concluded", func() { x.concluded(e, control) }},
	}
	last := slices.IndexFunc(steps, func(s struct {
		name string
		do   func()
	}) bool {
		return s.name == stage
	})
	for _, s := range steps[:last+1] {
		s.do()
	}
	return e, control
}

// freshCode is the code of a control that nothing else needs.
func (x *tenant) freshCode() string {
	x.t.Helper()
	own := x.ownControl()
	own.Key = false
	return do(x.t, x, controls.Create, own).Code
}

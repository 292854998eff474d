// Package engagements is the examination that a CPA firm and its client share:
// its terms, its states, and the gates between them. The firm's side of each
// is a file of its own, with a key and a log that the client cannot read.
package engagements

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/sample"
	"github.com/tickmark/tickmark/internal/scopes"
)

// Everything that can be done to an engagement as a whole.
var (
	List       = op.Read("engagements.list", "List the engagements of your organization or firm, newest first.", auth.EngageRead, list)
	Get        = op.Read("engagements.get", "Show an engagement: its terms, where it stands, and what the next state waits for.", auth.EngageRead, get)
	Propose    = op.Write("engagements.propose", "Propose an engagement to a CPA firm that accepted an invitation.", auth.EngageWrite, propose)
	Accept     = op.Write("engagements.accept", "Accept a proposed engagement as its partner, stating the team's independence.", auth.AuditSign, accept)
	Plan       = op.Write("engagements.plan", "Record the audit plan: materiality, risk, and the methodology that applies.", auth.AuditWrite, plan)
	Reschedule = op.Write("engagements.reschedule", "Agree other dates. The earlier ones stay on record.", auth.EngageWrite, reschedule)
	Advance    = op.Write("engagements.advance", "Take an engagement to its next state, if everything that state waits for is there.", auth.EngageWrite, advance)
	Withdraw   = op.Write("engagements.withdraw", "End an engagement without a report.", auth.AuditSign, withdraw)

	MethodGet  = op.Read("methodologies.get", "Show the firm's methodology: sample sizes and what supports a control.", auth.AuditRead, methodology)
	MethodList = op.Read("methodologies.list", "List every version of the firm's methodology, newest first.", auth.AuditRead, methodologies)
	MethodSet  = op.Write("methodologies.set", "Put a new version of the firm's methodology in force for engagements planned from now on.", auth.FirmWrite, setMethodology)

	Evidence        = op.Read("engagement_evidence.list", "List the client's evidence, newest first, as the auditor sees it.", auth.AuditRead, evidenceList)
	EvidenceGet     = op.Read("engagement_evidence.get", "Show one of the client's evidence records.", auth.AuditRead, evidenceGet)
	EvidenceContent = op.Read("engagement_evidence.content", "Return the bytes of one of the client's evidence records, in base64.", auth.AuditRead, evidenceContent)
	Controls        = op.Read("engagement_controls.list", "List the controls that the client has adopted, for planning their tests.", auth.AuditRead, controlList)
	Entries         = op.Read("engagement_entries.list", "List the entries of the engagement's own log, newest first.", auth.AuditRead, entries)
	EntryGet        = op.Read("engagement_entries.get", "Show an entry of the engagement's own log with its proof.", auth.AuditRead, entry)

	Operations = []op.Operation{List, Get, Propose, Accept, Plan, Reschedule, Advance, Withdraw, MethodGet, MethodList, MethodSet,
		Evidence, EvidenceGet, EvidenceContent, Entries, EntryGet, HeadGet, ScrubGet, ExportNew, Controls}
)

// Party is one of the two organizations.
type Party struct {
	Org  id.Org `json:"org"`
	Name string `json:"name"`
}

// An Engagement is what both sides know of it.
type Engagement struct {
	ID         id.Engagement  `json:"id"`
	Name       string         `json:"name"`
	Type       string         `json:"type"` // scopes.TypeI or TypeII
	Categories []string       `json:"categories"`
	Catalogue  string         `json:"catalogue"`
	System     string         `json:"system"`
	AsOf       string         `json:"as_of,omitempty"`
	Starts     string         `json:"starts,omitempty"`
	Ends       string         `json:"ends,omitempty"`
	Zone       string         `json:"zone"`
	Firm       Party          `json:"firm"`
	Client     Party          `json:"client"`
	Partner    string         `json:"partner,omitempty"`
	Profile    sample.Profile `json:"profile"`
	State      State          `json:"state"`
	Since      time.Time      `json:"since"`
	Version    int64          `json:"version"`
	Created    time.Time      `json:"created"`

	plan string // the firm's own
}

const (
	columns = `id, name, type, categories, catalogue, system, as_of, starts, ends, zone, firm_org, firm_name, client_org, client_name,
		partner, profile, plan, version, state, since, created`
	insertEngagement = "INSERT INTO engagement (org_id, " + columns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	selectEngagement = "SELECT " + columns + " FROM engagement WHERE org_id = ? AND id = ?"
	insertSide       = "INSERT INTO engagement_side (org_id, engagement_id, file_org, other_org, side) VALUES (?, ?, ?, ?, ?)"
	selectSides      = "SELECT engagement_id, file_org, other_org, side FROM engagement_side WHERE org_id = ? ORDER BY engagement_id DESC"
	selectSide       = "SELECT engagement_id, file_org, other_org, side FROM engagement_side WHERE org_id = ? AND engagement_id = ?"
	updatePlan       = "UPDATE engagement SET plan = ?, profile = ? WHERE org_id = ? AND id = ?"
	updatePartner    = "UPDATE engagement SET partner = ?, profile = ? WHERE org_id = ? AND id = ?"
	updateDates      = "UPDATE engagement SET as_of = ?, starts = ?, ends = ?, version = version + 1 WHERE org_id = ? AND id = ? AND version = ?"
	insertVersion    = "INSERT INTO engagement_version (org_id, engagement_id, version, body, reason, at, actor) VALUES (?, ?, ?, ?, ?, ?, ?)"
)

func scan(scan func(...any) error, e *Engagement) error {
	var (
		categories, profile string
		since, created      int64
	)
	err := scan(&e.ID, &e.Name, &e.Type, &categories, &e.Catalogue, &e.System, &e.AsOf, &e.Starts, &e.Ends, &e.Zone, &e.Firm.Org, &e.Firm.Name,
		&e.Client.Org, &e.Client.Name, &e.Partner, &profile, &e.plan, &e.Version, &e.State, &since, &created)
	if err != nil {
		return err
	}
	e.Since, e.Created, e.Categories = clock.FromMillis(since), clock.FromMillis(created), strings.Fields(categories)
	return json.Unmarshal([]byte(profile), &e.Profile)
}

// Ref names an engagement.
type Ref struct {
	ID string `json:"id" doc:"The engagement's id."`
}

func list(c *op.Call, _ op.None) (op.Page[Engagement], error) {
	sides, err := db.Rows(c.Tx, selectSides, []any{c.Org}, scanSide)
	if err != nil {
		return op.Page[Engagement]{}, err
	}
	out := op.Page[Engagement]{Total: int64(len(sides))}
	for _, s := range sides {
		r, err := s.room(c)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, r.Engagement)
	}
	return out, nil
}

// View is an engagement with where it stands.
type View struct {
	Engagement
	Side     Side     `json:"side"`
	Warnings []string `json:"warnings,omitempty"`
	Steps    []Step   `json:"steps"`
	// Next is the gate ahead; nil when there is none.
	Next *GateView `json:"next,omitempty"`
	// Keys are what a verifier pins: of the engagement's log, then of the client's.
	Keys []string `json:"keys"`
	// Plan is shown to the firm only.
	Plan string `json:"plan,omitempty"`
}

func get(c *op.Call, in Ref) (View, error) {
	r, err := Open(c, in.ID)
	if err != nil {
		return View{}, err
	}
	return r.view(c)
}

func (r *Room) view(c *op.Call) (View, error) {
	v := View{Engagement: r.Engagement, Side: r.Side, Warnings: warnings(r.Engagement)}
	if r.Side == FirmSide {
		v.Plan = r.plan
	}
	var err error
	if v.Steps, err = r.steps(c); err != nil {
		return v, err
	}
	if next := r.State.next(r.Type); next != "" {
		if v.Next, err = Check(c, r, next); err != nil {
			return v, err
		}
	}
	for _, org := range []id.Org{r.File, r.Client.Org} {
		lg, err := c.Ledger.LogOf(c.Tx, org)
		if err != nil {
			return v, err
		}
		v.Keys = append(v.Keys, lg.VKey())
	}
	return v, nil
}

// Planning is the audit plan.
type Planning struct {
	ID             string `json:"id" doc:"The engagement's id."`
	Considerations string `json:"considerations" minLength:"1" maxLength:"8000" doc:"Materiality, and the risks of material misstatement the team saw. The client cannot read it."`
}

func plan(c *op.Call, in Planning) (View, error) {
	r, err := AsFirm(c, in.ID)
	if err != nil {
		return View{}, err
	}
	if err := r.Within(Engaged); err != nil {
		return View{}, err
	}
	text := strings.TrimSpace(in.Considerations)
	if text == "" {
		return View{}, fault.Invalid("considerations", "say what the team considers material, and where it sees risk")
	}
	m, err := current(c.For(r.Firm.Org))
	if err != nil {
		return View{}, err
	}
	profile, err := json.Marshal(m.Profile)
	if err != nil {
		return View{}, err
	}
	if _, err := c.Tx.Exec(updatePlan, text, string(profile), c.Org, r.ID); err != nil {
		return View{}, err
	}
	r.Engagement.plan, r.Profile = text, m.Profile
	return r.view(c)
}

// Rescheduling is a change of dates that both sides agreed.
type Rescheduling struct {
	ID      string `json:"id" doc:"The engagement's id."`
	AsOf    string `json:"as_of,omitempty" maxLength:"10" doc:"Type I: the date, as 2026-12-31."`
	Starts  string `json:"starts,omitempty" maxLength:"10" doc:"Type II: first day of the period."`
	Ends    string `json:"ends,omitempty" maxLength:"10" doc:"Type II: last day of the period."`
	Reason  string `json:"reason" minLength:"1" maxLength:"2000" doc:"Why."`
	Version int64  `json:"version" doc:"The version that was read."`
}

func reschedule(c *op.Call, in Rescheduling) (View, error) {
	r, err := AsFirm(c, in.ID)
	if err != nil {
		return View{}, err
	}
	fixed := PeriodClosed
	if r.Type == scopes.TypeI {
		fixed = AsOf
	}
	if !r.State.Before(fixed) {
		return View{}, fault.Conflict("The dates are fixed: %s is %s.", r.Name, r.State.Words())
	}
	e := r.Engagement
	e.AsOf, e.Starts, e.Ends = in.AsOf, in.Starts, in.Ends
	if err := dates(e); err != nil {
		return View{}, err
	}
	n, err := c.Tx.Exec(updateDates, e.AsOf, e.Starts, e.Ends, c.Org, r.ID, in.Version)
	if err != nil {
		return View{}, err
	}
	if n == 0 {
		stale := fault.Conflict("The engagement was changed since you read it.")
		stale.Current = r.Engagement
		return View{}, stale
	}
	e.Version++
	r.Engagement = e
	if err := r.keepVersion(c, in.Reason); err != nil {
		return View{}, err
	}
	return r.view(c)
}

// keepVersion stores the terms as they are now agreed.
func (r *Room) keepVersion(c *op.Call, reason string) error {
	body, err := json.Marshal(r.Engagement)
	if err != nil {
		return err
	}
	_, err = c.Tx.Exec(insertVersion, r.File, r.ID, r.Version, string(body), reason, clock.Millis(c.Now), c.Actor.Name)
	return err
}

// EvidenceFilter narrows the client's evidence.
type EvidenceFilter struct {
	Engagement string `json:"engagement" doc:"The engagement's id."`
	Control    string `json:"control,omitempty" doc:"Only what is linked to one control."`
	After      string `json:"after,omitempty" doc:"Continue after this page: the value of next."`
	Limit      int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

func evidenceList(c *op.Call, in EvidenceFilter) (op.Page[evidence.Record], error) {
	r, err := firmRoom(c, in.Engagement)
	if err != nil {
		return op.Page[evidence.Record]{}, err
	}
	return evidence.List.Call(r.AtClient(c), evidence.Filter{Control: in.Control, After: in.After, Limit: in.Limit})
}

// EvidenceRef names an evidence record within an engagement.
type EvidenceRef struct {
	Engagement string `json:"engagement" doc:"The engagement's id."`
	ID         string `json:"id" doc:"The record's id."`
}

func evidenceGet(c *op.Call, in EvidenceRef) (evidence.Record, error) {
	r, err := firmRoom(c, in.Engagement)
	if err != nil {
		return evidence.Record{}, err
	}
	return evidence.Get.Call(r.AtClient(c), evidence.Ref{ID: in.ID})
}

func evidenceContent(c *op.Call, in EvidenceRef) (evidence.Bytes, error) {
	r, err := firmRoom(c, in.Engagement)
	if err != nil {
		return evidence.Bytes{}, err
	}
	return evidence.Content.Call(r.AtClient(c), evidence.Ref{ID: in.ID})
}

// ControlFilter names the engagement.
type ControlFilter struct {
	Engagement string `json:"engagement" doc:"The engagement's id."`
}

func controlList(c *op.Call, in ControlFilter) (op.Page[controls.Control], error) {
	r, err := firmRoom(c, in.Engagement)
	if err != nil {
		return op.Page[controls.Control]{}, err
	}
	rows, err := controls.Active(r.AtClient(c))
	return op.Page[controls.Control]{Items: rows, Total: int64(len(rows))}, err
}

// EntryFilter narrows the list of entries.
type EntryFilter struct {
	Engagement string `json:"engagement" doc:"The engagement's id."`
	Kind       string `json:"kind,omitempty" enum:"log,anchor,run,gap,evidence,population,sample,test,conclusion,signoff,erasure,op" doc:"Only entries of one kind."`
	After      string `json:"after,omitempty" doc:"Continue after this page: the value of next."`
	Limit      int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

func entries(c *op.Call, in EntryFilter) (op.Page[evidence.Entry], error) {
	r, err := firmRoom(c, in.Engagement)
	if err != nil {
		return op.Page[evidence.Entry]{}, err
	}
	return evidence.Entries.Call(r.InFile(c), evidence.EntryFilter{Kind: in.Kind, After: in.After, Limit: in.Limit})
}

// EntryRef names an entry of the engagement's log.
type EntryRef struct {
	Engagement string `json:"engagement" doc:"The engagement's id."`
	ID         int64  `json:"id" minimum:"0" doc:"The entry's index, from 0."`
}

func entry(c *op.Call, in EntryRef) (evidence.ProvenEntry, error) {
	r, err := firmRoom(c, in.Engagement)
	if err != nil {
		return evidence.ProvenEntry{}, err
	}
	return evidence.EntryGet.Call(r.InFile(c), evidence.EntryRef{ID: in.ID})
}

// warnings say what is unusual about the terms.
func warnings(e Engagement) []string {
	if e.Type != scopes.TypeII {
		return nil
	}
	from, to, err := span(e)
	if err != nil {
		return nil
	}
	switch {
	case to.Before(from.AddDate(0, 6, 0)):
		return []string{"The period is shorter than 6 months. Some readers will ask for a longer one."}
	case to.After(from.AddDate(0, 12, 0)):
		return []string{"The period is longer than 12 months. Most reports cover 12 at most."}
	}
	return nil
}

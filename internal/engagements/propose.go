package engagements

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/sample"
	"github.com/tickmark/tickmark/internal/scopes"
)

// Proposal is what a client asks a firm to examine.
type Proposal struct {
	Name       string   `json:"name" minLength:"1" maxLength:"120" doc:"What both call it, such as: Larchmere 2026."`
	Firm       string   `json:"firm" doc:"Id of the firm."`
	Type       string   `json:"type" enum:"type_1,type_2" doc:"type_1: design at a date. type_2: design and operation over a period."`
	AsOf       string   `json:"as_of,omitempty" maxLength:"10" doc:"Type I: the date, as 2026-12-31."`
	Starts     string   `json:"starts,omitempty" maxLength:"10" doc:"Type II: first day of the period."`
	Ends       string   `json:"ends,omitempty" maxLength:"10" doc:"Type II: last day of the period. At least 3 months."`
	Categories []string `json:"categories,omitempty" maxItems:"5" doc:"The categories; those of the scope in force if left out."`
	System     string   `json:"system,omitempty" maxLength:"200" doc:"The system; that of the scope in force if left out."`
}

func propose(c *op.Call, in Proposal) (View, error) {
	client, err := orgs.Get.Call(c, op.None{})
	if err != nil {
		return View{}, err
	}
	if client.Kind == orgs.Firm {
		return View{}, fault.Denied("The organization that is examined proposes; %s accepts.", client.Name)
	}
	firm, err := firmOf(c, in.Firm)
	if err != nil {
		return View{}, err
	}
	e := Engagement{ID: id.New[id.Engagement](c.Now), Name: strings.TrimSpace(in.Name), Type: in.Type, AsOf: in.AsOf, Starts: in.Starts, Ends: in.Ends,
		Zone: client.Zone, Firm: Party{firm.ID, firm.Name}, Client: Party{client.ID, client.Name}, Profile: sample.Customary(),
		State: Proposed, Since: c.Now, Version: 1, Created: c.Now}
	if e.Name == "" {
		return View{}, fault.Invalid("name", "give a name such as: %s 2026", client.Name)
	}
	if err := within(c, &e, in); err != nil {
		return View{}, err
	}
	if err := dates(e); err != nil {
		return View{}, err
	}
	r := &Room{Engagement: e, File: id.New[id.Org](c.Now), Side: ClientSide}
	if err := r.create(c); err != nil {
		return View{}, err
	}
	c.Note("id", string(e.ID))
	return r.view(c)
}

// firmOf finds the firm among those that accepted an invitation.
func firmOf(c *op.Call, ref string) (orgs.Org, error) {
	all, err := orgs.Firms.Call(c, op.None{})
	if err != nil {
		return orgs.Org{}, err
	}
	i := slices.IndexFunc(all.Items, func(o orgs.Org) bool { return string(o.ID) == ref })
	if i < 0 {
		return orgs.Org{}, fault.Invalid("firm", "no firm with this id has accepted an invitation of yours: invite one under Settings")
	}
	return all.Items[i], nil
}

// within takes categories and system from the proposal, or from the scope.
func within(c *op.Call, e *Engagement, in Proposal) error {
	scope, err := scopes.Current(c)
	if err != nil {
		return err
	}
	if len(in.Categories) == 0 {
		in.Categories = scope.Categories
	}
	cat, err := frameworks.Shipped()
	if err != nil {
		return err
	}
	if _, err := cat.InScope(in.Categories); err != nil {
		return err
	}
	for _, k := range cat.Current().Categories { // Security is always in
		if k.Code == frameworks.Security || slices.Contains(in.Categories, k.Code) {
			e.Categories = append(e.Categories, k.Code)
		}
	}
	e.Catalogue = cat.Current().ID
	if e.System = strings.TrimSpace(in.System); e.System == "" {
		e.System = scope.System
	}
	if e.System == "" {
		return fault.Invalid("system", "name the system or service the report is about")
	}
	return nil
}

// shortest is the least period that is examined, in months.
const shortest = 3

// dates refuses terms that no report has.
func dates(e Engagement) error {
	if e.Type == scopes.TypeI {
		if e.Starts != "" || e.Ends != "" {
			return fault.Invalid("starts", "a Type I report is as of one date; leave the period empty or choose Type II")
		}
		if _, err := time.Parse(time.DateOnly, e.AsOf); err != nil {
			return fault.Invalid("as_of", "give the date as 2026-12-31")
		}
		return nil
	}
	if e.AsOf != "" {
		return fault.Invalid("as_of", "a Type II report covers a period; give its first and last day instead")
	}
	for _, d := range [][2]string{{"starts", e.Starts}, {"ends", e.Ends}} {
		if _, err := time.Parse(time.DateOnly, d[1]); err != nil {
			return fault.Invalid(d[0], "give a date as 2026-12-31")
		}
	}
	from, to, err := span(e)
	if err != nil {
		return err
	}
	if to.Before(from.AddDate(0, shortest, 0)) {
		return fault.Invalid("ends", "a period has at least %d months: from %s it ends on %s or later", shortest, e.Starts,
			from.AddDate(0, shortest, -1).Format(time.DateOnly))
	}
	if to.After(from.AddDate(2, 0, 0)) {
		return fault.Invalid("ends", "a period of more than two years is not examined at once; 3 to 12 months is usual")
	}
	return nil
}

// create stores a new engagement with its file.
func (r *Room) create(c *op.Call) error {
	if err := c.Beside(r.File, r.Firm.Org); err != nil {
		return err
	}
	own, err := c.Ledger.LogOf(c.Tx, c.Org)
	if err != nil {
		return err
	}
	if err := c.Vault.NewOrg(c.Tx, r.File); err != nil {
		return err
	}
	if _, err := c.Ledger.Create(c.Tx, r.File, own.Demo, c.Now); err != nil {
		return err
	}
	profile, err := json.Marshal(r.Profile)
	if err != nil {
		return err
	}
	_, err = c.Tx.Exec(insertEngagement, r.File, r.ID, r.Name, r.Type, strings.Join(r.Categories, " "), r.Catalogue, r.System, r.AsOf, r.Starts, r.Ends,
		r.Zone, r.Firm.Org, r.Firm.Name, r.Client.Org, r.Client.Name, "", string(profile), "", r.Version, string(r.State), clock.Millis(r.Since), clock.Millis(r.Created))
	if err != nil {
		return err
	}
	for _, s := range []struct {
		org, other id.Org
		side       Side
	}{{r.Firm.Org, r.Client.Org, FirmSide}, {r.Client.Org, r.Firm.Org, ClientSide}} {
		if _, err := c.Tx.Exec(insertSide, s.org, r.ID, r.File, s.other, string(s.side)); err != nil {
			return err
		}
	}
	if err := r.keepState(c, ""); err != nil {
		return err
	}
	return r.keepVersion(c, "proposed")
}

// Acceptance is a partner's agreement to examine.
type Acceptance struct {
	ID           string `json:"id" doc:"The engagement's id."`
	Independence string `json:"independence" minLength:"1" maxLength:"4000" doc:"What the team stated about its independence of the client: relationships, other services, fees, safeguards."`
}

func accept(c *op.Call, in Acceptance) (View, error) {
	r, err := AsFirm(c, in.ID)
	if err != nil {
		return View{}, err
	}
	if err := r.Within(Proposed); err != nil {
		return View{}, err
	}
	if strings.TrimSpace(in.Independence) == "" {
		return View{}, fault.Invalid("independence", "state the relationships, other services and safeguards, or that there are none")
	}
	m, err := current(c.For(r.Firm.Org))
	if err != nil {
		return View{}, err
	}
	profile, err := json.Marshal(m.Profile)
	if err != nil {
		return View{}, err
	}
	if _, err := c.Tx.Exec(updatePartner, c.Actor.Name, string(profile), c.Org, r.ID); err != nil {
		return View{}, err
	}
	r.Partner, r.Profile = c.Actor.Name, m.Profile
	if err := Enter(c, r, Engaged, ""); err != nil {
		return View{}, err
	}
	return r.view(c)
}

package opinions

import (
	"fmt"
	"slices"

	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/words"
)

// Read returns the conclusions of an engagement as they stand, for other
// operations. It may be called from either side.
func Read(c *op.Call, r *engagements.Room) (Conclusions, error) {
	x := Conclusions{Engagement: r.ID, Name: r.Name, Type: r.Type, State: r.State}
	tested, err := procedures.Concluded(c, r)
	if err != nil {
		return x, err
	}
	x.Tested = tested
	known, err := gather(c, r, tested)
	if err != nil {
		return x, err
	}
	if err := x.criteria(c, r, known); err != nil {
		return x, err
	}
	return x, x.parts(c, r, tested)
}

// inForce are the controls that the engagement is about: those of today while
// it is under way, and those of its last day once it is over. What was adopted
// after a report has nothing to do with it.
func inForce(c *op.Call, r *engagements.Room) ([]controls.Control, error) {
	if r.State == engagements.Issued || r.State == engagements.Withdrawn {
		return controls.ActiveAt(r.AtClient(c), r.Since)
	}
	return controls.Active(r.AtClient(c))
}

// gather joins the controls that were examined to those in force that nobody
// has planned to examine: they answer criteria too.
func gather(c *op.Call, r *engagements.Room, tested []procedures.Summary) ([]Control, error) {
	var out []Control
	seen := map[string]bool{}
	for _, s := range tested {
		k := Control{Code: s.Control, Title: s.Title, Text: s.Text, Key: s.Key, Criteria: s.Criteria, Facts: s.Facts, Deviations: count(s), Entry: s.Entry, Planned: true}
		if s.Done {
			k.Decision = s.Decision
		}
		seen[s.Control] = true
		out = append(out, k)
	}
	active, err := inForce(c, r)
	if err != nil {
		return nil, err
	}
	for _, a := range active {
		if seen[a.Code] {
			continue
		}
		k := Control{Code: a.Code, Title: a.Title, Text: a.Text, Key: a.Key}
		for _, m := range a.Criteria {
			k.Criteria = append(k.Criteria, m.Criterion)
		}
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b Control) int {
		if a.Code < b.Code {
			return -1
		}
		return 1
	})
	return out, nil
}

// count is how many deviations a control had, listed one by one or not.
func count(s procedures.Summary) int { return max(s.Deviating, len(s.Deviations)+s.Unlisted) }

func (x *Conclusions) criteria(c *op.Call, r *engagements.Room, known []Control) error {
	cat, err := frameworks.Shipped()
	if err != nil {
		return err
	}
	edition, err := cat.Version(r.Catalogue)
	if err != nil {
		return err
	}
	scope, err := edition.InScope(r.Categories)
	if err != nil {
		return err
	}
	held, err := decided(r.InFile(c), selectCriteria, r.ID)
	if err != nil {
		return err
	}
	for _, k := range scope {
		y := Criterion{Code: k.Code, Title: k.Title, Text: k.Text, Series: k.Series, Category: k.Category, Controls: []Control{}, Decision: held[k.Code]}
		for _, control := range known {
			if slices.Contains(control.Criteria, k.Code) {
				y.Controls = append(y.Controls, control)
			}
		}
		x.Criteria = append(x.Criteria, y)
	}
	for i := range x.Criteria {
		x.standing(&x.Criteria[i])
	}
	return nil
}

// standing makes the proposal and asks whether what was decided still stands.
func (x *Conclusions) standing(k *Criterion) {
	var chosen []string
	if k.Decision != nil {
		chosen = k.Decision.Compensating
	}
	rests, err := x.relied(k, chosen)
	if err != nil { // what was relied on no longer holds
		rests, chosen = k.Controls, nil
	}
	k.Proposal = Propose(rests, chosen)
	for _, control := range rests {
		x.Last = max(x.Last, control.Entry)
	}
	d := k.Decision
	if d == nil {
		return
	}
	x.Last = max(x.Last, d.Entry)
	switch {
	case err != nil:
		d.Stale = fmt.Sprintf("%s was relied on, and no longer counts as effective.", words.List(d.Compensating))
	case len(k.Proposal.Waits) > 0:
		d.Stale = fmt.Sprintf("%s is not concluded any more.", words.List(k.Proposal.Waits))
	default:
		for _, control := range rests {
			if control.Entry > d.Entry {
				d.Stale = fmt.Sprintf("%s was concluded anew in entry %d.", control.Code, control.Entry)
			}
		}
	}
	if d.Stands() {
		x.Concluded++
	}
}

// Open lists the criteria on which nobody has concluded.
func (x Conclusions) Open() []string {
	out := []string{}
	for _, k := range x.Criteria {
		if !k.Decision.Stands() {
			out = append(out, k.Code)
		}
	}
	return out
}

// Undecided lists the parts of the opinion that nobody has decided.
func (x Conclusions) Undecided() []string {
	out := []string{}
	for _, p := range x.Parts {
		if !p.Decision.Stands() {
			out = append(out, p.Part)
		}
	}
	return out
}

func (x *Conclusions) parts(c *op.Call, r *engagements.Room, tested []procedures.Summary) error {
	held, err := decided(r.InFile(c), selectParts, r.ID)
	if err != nil {
		return err
	}
	newest := x.Last
	for _, name := range Parts(r.Type) {
		p := Part{Part: name, Provisional: len(x.Open()) > 0, Decision: held[name]}
		if name == Description {
			p.Proposal, p.Provisional = ProposeDescription(r.Type, nil), false
		} else {
			p.Proposal = ProposePart(r.Type, name, x.findings(), disclosed(tested))
		}
		if d := p.Decision; d != nil {
			x.Last = max(x.Last, d.Entry)
			if d.Entry < newest && name != Description {
				d.Stale = fmt.Sprintf("Something it rests on was concluded anew in entry %d.", newest)
			}
		}
		x.Parts = append(x.Parts, p)
	}
	return nil
}

// findings are the criteria as the parts weigh them.
func (x *Conclusions) findings() []Finding {
	var out []Finding
	for _, k := range x.Criteria {
		f := Finding{Code: k.Code, Series: k.Series, Category: k.Category, Status: k.Proposal.Value, Undesigned: len(k.Controls) == 0}
		if k.Decision.Stands() {
			f.Status, f.Why = k.Decision.Value, k.Decision.Reason
		}
		for _, control := range k.Controls {
			f.Undesigned = f.Undesigned || control.Decision == undesigned
		}
		if f.Why == "" && (f.Status == NotMet || f.Status == Undetermined) && len(k.Proposal.Reasons) > 0 {
			f.Why = k.Proposal.Reasons[0]
		}
		out = append(out, f)
	}
	return out
}

// disclosed are the controls whose deviations a report states.
func disclosed(tested []procedures.Summary) []Disclosure {
	var out []Disclosure
	for _, s := range tested {
		if n := count(s); n > 0 {
			out = append(out, Disclosure{Control: s.Control, Facts: s.Facts, Count: n})
		}
	}
	return out
}

// What stands before the next states, as far as conclusions go.
var (
	_ = engagements.Gate(engagements.Condition{Into: engagements.DraftReport, Title: "Every criterion in scope is concluded", Private: true,
		Check: func(c *op.Call, r *engagements.Room) ([]engagements.Missing, string, error) {
			x, err := Read(c, r)
			var out []engagements.Missing
			for _, code := range x.Open() {
				out = append(out, engagements.Missing{Text: code, Href: "/conclusions#" + code})
			}
			return out, fmt.Sprintf("%d of %d", x.Concluded, len(x.Criteria)), err
		}})
	_ = engagements.Gate(engagements.Condition{Into: engagements.SignOff, Title: "Every part of the opinion is decided", Private: true, Check: undecided})
)

func undecided(c *op.Call, r *engagements.Room) ([]engagements.Missing, string, error) {
	x, err := Read(c, r)
	var out []engagements.Missing
	for _, part := range x.Undecided() {
		out = append(out, engagements.Missing{Text: part, Href: "/conclusions#" + part})
	}
	return out, fmt.Sprintf("%d of %d", len(x.Parts)-len(out), len(x.Parts)), err
}

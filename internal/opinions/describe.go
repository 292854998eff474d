package opinions

import (
	"fmt"

	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/words"
)

// A Review is what was found when the description was examined against the
// description criteria.
type Review struct {
	Criteria  []string // DC1 to DC9 that were examined
	Misstated []Misstatement
}

// A Misstatement is where the description says what is not so, or omits it.
type Misstatement struct {
	Criterion string
	Why       string
	Pervasive bool
}

// ProposeDescription proposes the part on the description. Without a review
// there is nothing to propose from, and it says so.
func ProposeDescription(engagementType string, r *Review) PartProposal {
	p := PartProposal{Reasons: []string{}, Change: []string{}, Weights: []Weight{}, Disclosed: []Disclosure{}}
	if r == nil {
		last := "DC9"
		if engagementType == scopes.TypeI {
			last = "DC8"
		}
		p.Reasons = append(p.Reasons, fmt.Sprintf("Nothing is proposed. The description was not examined here against DC1 to %s: "+
			"this program keeps no record of that work yet.", last),
			"A person decides from work done elsewhere, and says in the reason what was examined.")
		p.Change = append(p.Change, "A record of what was read, compared and found for each description criterion would let a proposal be made.")
		return p
	}
	p.Value = Unmodified
	if len(r.Misstated) == 0 {
		p.Reasons = append(p.Reasons, fmt.Sprintf("Nothing was found misstated or left out against %s.", words.List(r.Criteria)))
		p.Change = append(p.Change, "A material misstatement or omission would lead to a qualified opinion, a pervasive one to an adverse opinion.")
		return p
	}
	w := Weight{Nature: Failure, Series: []string{}, Prompts: []Prompt{}, Share: percent(len(r.Misstated), len(r.Criteria))}
	for _, m := range r.Misstated {
		w.Criteria = append(w.Criteria, m.Criterion)
		w.Pervasive = w.Pervasive || m.Pervasive
		p.Reasons = append(p.Reasons, m.Criterion+": "+m.Why)
	}
	w.Opinion = Modify(Failure, true, w.Pervasive)
	p.Value, p.Weights = w.Opinion, append(p.Weights, w)
	p.Change = append(p.Change, "A corrected description would remove the matter.")
	return p
}

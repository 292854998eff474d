package readiness

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/checks"
)

// Action is one thing to do, and what it would settle.
type Action struct {
	Kind   string        `json:"kind"` // fix, unblock, renew, adopt, state, collect
	Status checks.Status `json:"status"`
	// Text says what to do; Finding what is wrong or not known.
	Text    string `json:"text"`
	Finding string `json:"finding,omitempty"`
	// Owner is who does it; empty means nobody yet.
	Owner    string   `json:"owner,omitempty"`
	Settles  []string `json:"settles"`
	Severity string   `json:"severity,omitempty"`
	// Check or Control is what it is about.
	Check   string `json:"check,omitempty"`
	Control string `json:"control,omitempty"`
	How     string `json:"how,omitempty"`
	// Exception is the one that ends soon.
	Exception string `json:"exception,omitempty"`
}

// Kinds of action, in the order in which they help most.
const (
	Fix     = "fix"
	Unblock = "unblock"
	Renew   = "renew"
	Adopt   = "adopt"
	StateIt = "state"
	Gather  = "collect"
)

// actions lists what to do next: failures first, the gravest and those that
// settle most in front; then what would make the unknown known; then what has
// not been started.
func (p *Picture) actions() []Action {
	out := append(p.failures(), p.blind()...)
	out = append(out, p.endings()...)
	out = append(out, p.adoptions()...)
	place := map[string]int{} // of the criteria in scope
	for i, k := range p.Criteria {
		place[k.Code] = i
	}
	out = slices.Grow(out, len(p.Controls))
	for i := range p.Controls {
		x := &p.Controls[i]
		a := Action{Control: x.Code, Owner: x.OwnerName, Status: checks.NotApplicable}
		switch {
		case x.InPlace != Full:
			a.Kind, a.Text = StateIt, "State how "+x.Code+" is done: "+x.Title
		case x.Evidenced == Empty:
			a.Kind, a.Text = Gather, "Add evidence for "+x.Code+": "+x.Title
		default:
			continue
		}
		a.Settles = inScope(x, place)
		out = append(out, a)
	}
	// What would make a criterion ready comes before what would not.
	settles := func(a Action) bool {
		return slices.ContainsFunc(a.Settles, func(code string) bool {
			i, in := place[code]
			return in && p.Criteria[i].Verdict != Ready
		})
	}
	first, idle := out[:0], []Action(nil)
	for _, a := range out {
		if settles(a) {
			first = append(first, a)
		} else {
			idle = append(idle, a)
		}
	}
	return append(first, idle...)
}

func (p *Picture) failures() []Action {
	var out []Action
	for _, a := range p.Answers {
		if a.Looked && a.Status == checks.Fail {
			out = append(out, Action{Kind: Fix, Status: checks.Fail, Text: firstSentence(cmp.Or(a.Fix, a.Title)), Finding: orTitle(a),
				Owner: p.ownerOf(a), Severity: a.Severity, Settles: p.mapped(a), Check: a.ID, How: a.Fix})
		}
	}
	slices.SortStableFunc(out, func(a, b Action) int {
		return cmp.Or(cmp.Compare(rank(a.Severity), rank(b.Severity)), cmp.Compare(len(b.Settles), len(a.Settles)))
	})
	return out
}

func rank(severity string) int { return slices.Index([]string{"high", "medium", "low"}, severity) }

func orTitle(a checks.Check) string { return strings.TrimSuffix(cmp.Or(a.Summary, a.Title), ".") }

// firstSentence is the act itself, without how to go about it.
func firstSentence(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	for i := range len(s) - 1 {
		if s[i] == '.' && s[i+1] == ' ' {
			return s[:i]
		}
	}
	for _, loose := range []string{".", ":", ", then", ","} {
		s = strings.TrimSuffix(s, loose)
	}
	return s
}

// blind groups unknown checks by the one act that would settle them.
func (p *Picture) blind() []Action {
	var out []Action
	at := map[string]int{}
	for _, a := range p.Answers {
		if !a.Looked || a.Status != checks.Unknown {
			continue
		}
		key := cmp.Or(a.Remedy, a.Reason)
		if i, have := at[key]; have {
			for _, k := range p.mapped(a) {
				if !slices.Contains(out[i].Settles, k) {
					out[i].Settles = append(out[i].Settles, k)
				}
			}
			continue
		}
		at[key] = len(out)
		out = append(out, Action{Kind: Unblock, Status: checks.Unknown, Text: firstSentence(cmp.Or(a.Remedy, a.Reason, a.Title)),
			Finding: cmp.Or(a.Reason, a.Title), Owner: p.ownerOf(a), Severity: a.Severity, Settles: p.mapped(a), Check: a.ID, How: a.Remedy})
	}
	slices.SortStableFunc(out, func(a, b Action) int { return cmp.Compare(len(b.Settles), len(a.Settles)) })
	return out
}

// endings are the exceptions that end soon and that nobody has renewed: what
// they cover fails openly from then on.
func (p *Picture) endings() []Action {
	var out []Action
	for _, w := range p.Ending {
		a := Action{Kind: Renew, Status: checks.Excepted, Owner: w.Owner, Settles: []string{}, Exception: string(w.ID),
			Text: "Repair what the exception for " + w.Check + " covers, or renew it by " + w.Ends.Format("2 January"), Finding: "It ends " + w.Ends.Format("2 January 2006 15:04 UTC") + ": " + w.Reason}
		for _, x := range p.Answers {
			if x.ID == w.Check {
				a.Severity, a.Settles, a.How = x.Severity, p.mapped(x), x.Fix
			}
		}
		out = append(out, a)
	}
	return out
}

// adoptions is one act for what was found, and one for what was not.
func (p *Picture) adoptions() []Action {
	var found, rest []string
	for _, k := range p.Criteria {
		if k.Verdict != NotStarted {
			continue
		}
		if len(k.Proposed) > 0 {
			found = append(found, k.Code)
		} else {
			rest = append(rest, k.Code)
		}
	}
	var out []Action
	if len(p.Proposed) > 0 {
		out = append(out, Action{Kind: Adopt, Status: checks.NotApplicable, Settles: found,
			Text: fmt.Sprintf("Adopt the %d controls that match what was found", len(p.Proposed))})
	}
	if len(rest) > 0 {
		out = append(out, Action{Kind: Adopt, Status: checks.NotApplicable, Settles: rest,
			Text: fmt.Sprintf("Choose controls for %d criteria that no machine can see", len(rest))})
	}
	return out
}

// ownerOf is who owns the first adopted control the check speaks for.
func (p *Picture) ownerOf(a checks.Check) string {
	for _, x := range p.Controls {
		if slices.Contains(a.Controls, x.Code) && x.OwnerName != "" {
			return x.OwnerName
		}
	}
	return ""
}

// mapped are the criteria in scope that a check speaks for.
func (p *Picture) mapped(a checks.Check) []string {
	out := []string{}
	for _, k := range p.Criteria {
		if slices.ContainsFunc(a.Map, func(m checks.Mapping) bool { return m.Criterion == k.Code }) {
			out = append(out, k.Code)
		}
	}
	return out
}

// inScope are the criteria in scope that a control answers, in their order.
func inScope(x *Control, place map[string]int) []string {
	out := make([]string, 0, len(x.Criteria))
	for _, m := range x.Criteria {
		if _, in := place[m.Criterion]; in && !slices.Contains(out, m.Criterion) {
			out = append(out, m.Criterion)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Compare(place[a], place[b]) })
	return out
}

// sentence says it in at most two short sentences: the count, then what is
// wrong.
func (p *Picture) sentence() string {
	t := p.Total
	first := fmt.Sprintf("%d of %d criteria are ready.", t.Ready, t.InScope)
	switch {
	case t.Ready == t.InScope:
		return fmt.Sprintf("All %d criteria are ready.", t.InScope)
	case len(p.Controls) == 0:
		return fmt.Sprintf("None of %d criteria is ready, because no control has been adopted.", t.InScope)
	case t.Ready == 0:
		first = fmt.Sprintf("None of %d criteria is ready.", t.InScope)
	case t.Ready == 1:
		first = fmt.Sprintf("1 of %d criteria is ready.", t.InScope)
	}
	not, unknown := number(t.NotReady), number(t.Unknown)
	switch {
	case t.Unknown == 0 && t.NotReady > 0:
		return first + " " + upper(not) + plural(t.NotReady, " is not.", " are not.")
	case t.NotReady == 0:
		return first + " " + upper(unknown) + " cannot be known until a source answers."
	}
	return first + " " + upper(not) + plural(t.NotReady, " is not", " are not") + ", and " + unknown + " cannot be known until a source answers."
}

var words = []string{"none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}

// number writes counts below ten as words, as running text does.
func number(n int) string {
	if n < len(words) {
		return words[n]
	}
	return fmt.Sprint(n)
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

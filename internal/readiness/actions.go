package readiness

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/words"
)

// Action is one thing to do, and what it would settle.
type Action struct {
	Kind   string        `json:"kind"` // fix, unblock, renew, adopt, state, collect
	Status checks.Status `json:"status"`
	// Text says what to do; Finding what is wrong or not known.
	Text    string `json:"text"`
	Finding string `json:"finding,omitempty"`
	// Owner is who does it; empty means nobody yet.
	Owner   string   `json:"owner,omitempty"`
	Settles []string `json:"settles"`
	// Beside is true where doing it changes the verdict of no criterion.
	Beside bool `json:"beside,omitempty"`
	// Silent are the sources that would have to be read again.
	Silent   []string `json:"silent,omitempty"`
	Severity string   `json:"severity,omitempty"`
	// Check or Control is what it is about.
	Check   string `json:"check,omitempty"`
	Control string `json:"control,omitempty"`
	How     string `json:"how,omitempty"`
	// Exception is the one that ends soon.
	Exception string `json:"exception,omitempty"`
	// Due is the civil date by which it is to be done, where anything says it.
	Due string `json:"due,omitempty"`

	about []string // every check that it would settle
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

// actions lists what to do next. What would make a criterion ready comes before
// what would not, and what is wrong before what is not known: failures, the
// gravest and those that settle most in front, and what is overdue; then what
// would make the unknown known; then what has not been started.
func (p *Picture) actions() []Action {
	out := append(p.failures(), p.blind()...)
	out = append(out, p.endings()...)
	out = append(out, p.adoptions()...)
	out = append(out, p.duties()...)
	open := p.open()
	for i := range out {
		out[i].Beside = out[i].beside(open)
	}
	slices.SortStableFunc(out, func(a, b Action) int {
		if c := cmp.Compare(after(a), after(b)); c != 0 || a.Beside {
			return c
		}
		return cmp.Compare(urgency(a), urgency(b))
	})
	return out
}

func after(a Action) int {
	if a.Beside {
		return 1
	}
	return 0
}

// urgency puts what is wrong before what is unknown, and both before the rest.
func urgency(a Action) int {
	switch a.Status {
	case checks.Fail:
		return -2
	case checks.Unknown:
		return -1
	}
	return 0
}

// duties are what people do, control by control: say how it is done, and show it.
func (p *Picture) duties() []Action {
	var out []Action
	place := map[string]int{} // of the criteria in scope
	for i, k := range p.Criteria {
		place[k.Code] = i
	}
	for i := range p.Controls {
		x := &p.Controls[i]
		a := Action{Control: x.Code, Owner: x.OwnerName, Status: checks.NotApplicable}
		switch {
		case x.InPlace != Full:
			a.Kind, a.Text = StateIt, "State how "+x.Code+" is done: "+x.Title
		case x.Evidenced == Empty && !x.Newest.IsZero():
			a.Kind, a.Status = Gather, checks.Fail // it was done, and then it was not
			a.Text = "Add the overdue evidence of " + x.Code + ": " + x.Title
			a.Finding = "The newest is of " + x.Newest.Format("2 January 2006")
		case x.Evidenced == Empty:
			a.Kind, a.Text = Gather, "Add evidence for "+x.Code+": "+x.Title
		default:
			continue
		}
		a.Settles = inScope(x, place)
		out = append(out, a)
	}
	return out
}

// open are the criteria in scope that are not ready, each with the checks on
// which the controls that answer it rest.
func (p *Picture) open() map[string]map[string]bool {
	out, begun := map[string]map[string]bool{}, map[string]bool{}
	for _, k := range p.Criteria {
		if k.Verdict != Ready {
			out[k.Code], begun[k.Code] = map[string]bool{}, k.Verdict != NotStarted
		}
	}
	for i := range p.Controls {
		for _, m := range p.Controls[i].Criteria {
			for _, check := range p.Controls[i].Checks {
				if begun[m.Criterion] {
					out[m.Criterion][check] = true
				}
			}
		}
	}
	for code := range out {
		if !begun[code] {
			out[code] = nil // whatever bears on it helps
		}
	}
	return out
}

// beside reports whether an act changes no verdict: all it bears on is ready, or
// rests on controls that are not what it is about.
func (a Action) beside(open map[string]map[string]bool) bool {
	for _, code := range a.Settles {
		rests, in := open[code]
		if in && (a.Check == "" || rests == nil || rests[a.Check] || slices.ContainsFunc(a.about, func(c string) bool { return rests[c] })) {
			return false
		}
	}
	return true
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
		owner, silent := p.ownerOf(a), a.Silent()
		key := cmp.Or(a.Remedy, a.Title)
		if len(silent) > 0 {
			key = "silent " + owner // what is to be done is one thing, however many are silent
		}
		i, have := at[key]
		if !have {
			i, at[key] = len(out), len(out)
			out = append(out, Action{Kind: Unblock, Status: checks.Unknown, Text: toKnow(a), Finding: words.Capital(cmp.Or(a.Reason, a.Title)),
				Owner: owner, Severity: a.Severity, Settles: []string{}, Check: a.ID, How: a.Remedy})
		}
		x := &out[i]
		x.about = append(x.about, a.ID)
		x.Settles = also(x.Settles, p.mapped(a))
		if x.Silent = also(x.Silent, silent); len(x.Silent) > 0 {
			x.Text = "Have " + words.List(x.Silent) + " read again"
		}
		if have && len(x.Silent) > 1 {
			x.Finding = "Each was looked at for the last time too long ago"
		}
	}
	slices.SortStableFunc(out, func(a, b Action) int { return cmp.Compare(len(b.Settles), len(a.Settles)) })
	return out
}

// toKnow is the act that would make an unknown check known: what its source
// says is missing, or to find out.
func toKnow(a checks.Check) string {
	if a.Remedy != "" {
		return firstSentence(a.Remedy)
	}
	return "Find out whether " + lower(strings.TrimSuffix(a.Title, "."))
}

// also adds what a list does not have yet.
func also(list, more []string) []string {
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// lower begins with a small letter, unless the first word is an abbreviation.
func lower(s string) string {
	if len(s) > 1 && s[1] >= 'a' && s[1] <= 'z' || strings.HasPrefix(s, "A ") {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
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
		text := fmt.Sprintf("Choose controls for %d criteria that no machine can see", len(rest))
		if p.Checks.Total() == 0 { // nothing was read, so nobody knows what a machine would see
			text = fmt.Sprintf("Choose controls for %d criteria", len(rest))
		}
		if len(rest) == 1 {
			text = "Choose a control for " + p.named(rest[0])
		}
		out = append(out, Action{Kind: Adopt, Status: checks.NotApplicable, Settles: rest, Text: text})
	}
	return out
}

// named is a criterion by its code and title.
func (p *Picture) named(code string) string {
	for _, k := range p.Criteria {
		if k.Code == code {
			return code + ": " + k.Title
		}
	}
	return code
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
	not, unknown := words.Spelled(t.NotReady), words.Spelled(t.Unknown)
	switch {
	case t.Unknown == 0 && t.NotReady > 0:
		return first + " " + words.Capital(not) + words.Pick(t.NotReady, " is not.", " are not.")
	case t.NotReady == 0:
		return first + " " + words.Capital(unknown) + " cannot be known until a source answers."
	}
	return first + " " + words.Capital(not) + words.Pick(t.NotReady, " is not", " are not") + ", and " + unknown + " cannot be known until a source answers."
}

package opinions

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/words"
)

// The opinions a part can carry. Withdrawal is no opinion: no report follows.
const (
	Unmodified = "unmodified"
	Qualified  = "qualified"
	Adverse    = "adverse"
	Disclaimer = "disclaimer"
	Withdraw   = "withdraw"
)

// The parts of an opinion, each decided for itself.
const (
	Description = "description"
	Design      = "design"
	Operation   = "operation"
)

// Parts lists the parts of an opinion on an engagement of a type.
func Parts(engagementType string) []string {
	if engagementType == scopes.TypeI {
		return []string{Description, Design}
	}
	return []string{Description, Design, Operation}
}

// Nature is what kind of matter stands against an unmodified opinion.
type Nature string

// The natures. They are weighed apart, and one never answers for another.
const (
	Failure   Nature = "failure"   // known: misstated, not suitably designed, not operating
	Evidence  Nature = "evidence"  // sufficient evidence could not be had
	Refusal   Nature = "refusal"   // management refuses its written assertion
	Withheld  Nature = "withheld"  // management refuses representations or restricts evidence
	Integrity Nature = "integrity" // an intentional misstatement, or independence impaired
)

// Modify is the decision table: what a matter leads to by its nature and reach.
// A pervasive matter is material.
func Modify(n Nature, material, pervasive bool) string {
	if !material && !pervasive {
		return Unmodified
	}
	switch n {
	case Failure:
		if pervasive {
			return Adverse
		}
		return Qualified
	case Evidence, Withheld:
		if pervasive {
			return Disclaimer
		}
		return Qualified
	default:
		return Withdraw
	}
}

// A Finding is what is held of one criterion when the parts are weighed.
type Finding struct {
	Code, Series, Category string
	// Status is the decision of a person, or the proposal while there is none.
	Status string
	// Undesigned says that the matter is one of design too: what is not designed
	// cannot operate.
	Undesigned bool
	Why        string
}

// A Disclosure is a control whose deviations the report will state.
type Disclosure struct {
	Control string `json:"control"`
	Facts   string `json:"facts"`
	Count   int    `json:"count"`
}

// A Prompt is a sign that a matter may be pervasive. Those that Decide make
// the proposal so; the others ask a person to consider it.
type Prompt struct {
	Code    string `json:"code"`
	Text    string `json:"text"`
	Decides bool   `json:"decides,omitempty"`
}

// A Weight is what matters of one nature come to.
type Weight struct {
	Nature    Nature   `json:"nature"`
	Criteria  []string `json:"criteria"`
	Series    []string `json:"series"`
	Share     string   `json:"share"` // "27.3", percent of the criteria in scope
	Pervasive bool     `json:"pervasive"`
	Prompts   []Prompt `json:"prompts"`
	Opinion   string   `json:"opinion"`
}

// A PartProposal is what the criteria say of one part of the opinion, why, and
// what would change it.
type PartProposal struct {
	Value     string       `json:"value,omitempty"` // empty: the program proposes nothing
	Reasons   []string     `json:"reasons"`
	Change    []string     `json:"change"`
	Weights   []Weight     `json:"weights"`
	Disclosed []Disclosure `json:"disclosed"`
}

// ProposePart weighs the criteria for the design or the operation.
func ProposePart(engagementType, part string, findings []Finding, disclosed []Disclosure) PartProposal {
	p := PartProposal{Reasons: []string{}, Change: []string{}, Weights: []Weight{}, Disclosed: []Disclosure{}}
	counted := slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool { return f.Status == NotRelevant })
	failed := bearing(counted, func(f Finding) bool {
		return f.Status == NotMet && (part == Operation || engagementType == scopes.TypeI || f.Undesigned)
	})
	unclear := bearing(counted, func(f Finding) bool {
		return f.Status == Undetermined && (part == Operation || engagementType == scopes.TypeI)
	})
	if part == Operation {
		p.Disclosed = append(p.Disclosed, disclosed...)
	}
	if n := len(bearing(counted, func(f Finding) bool { return f.Status == "" })); n > 0 {
		p.Reasons = append(p.Reasons, fmt.Sprintf("Nothing can be proposed: of %s, %d %s on controls that are not concluded.", words.Plural(len(counted), "criterion", "criteria"), n,
			map[bool]string{true: "rests", false: "rest"}[n == 1]))
		p.Change = append(p.Change, "Conclusions on those controls.")
		return p
	}
	p.Value = Unmodified
	for _, x := range []struct {
		nature Nature
		of     []Finding
	}{{Failure, failed}, {Evidence, unclear}} {
		if len(x.of) > 0 {
			p.Weights = append(p.Weights, weigh(x.nature, x.of, counted))
		}
	}
	p.combine()
	p.explain(part, counted, failed, unclear)
	return p
}

func bearing(all []Finding, keep func(Finding) bool) []Finding {
	var out []Finding
	for _, f := range all {
		if keep(f) {
			out = append(out, f)
		}
	}
	return out
}

// combine takes the graver of the weights. A known pervasive failure is never
// hidden behind a disclaimer.
func (p *PartProposal) combine() {
	for _, opinion := range []string{Adverse, Disclaimer, Qualified} {
		if slices.ContainsFunc(p.Weights, func(w Weight) bool { return w.Opinion == opinion }) {
			p.Value = opinion
			return
		}
	}
}

// seriesPrompt and sharePrompt are when matters count as pervasive: prompts of
// ours, not law.
const (
	seriesPrompt = 3
	shareParts   = 4 // more than one in four
)

// foundation are criteria on which others rest.
func foundation(code string) bool {
	return strings.HasPrefix(code, "CC1.") || code == "CC6.1" || code == "CC8.1"
}

func weigh(n Nature, of, all []Finding) Weight {
	w := Weight{Nature: n, Criteria: codes(of), Share: percent(len(of), len(all)), Prompts: []Prompt{}, Series: []string{}}
	var common, based []string
	for _, f := range of {
		if !slices.Contains(w.Series, f.Series) {
			w.Series = append(w.Series, f.Series)
			if strings.HasPrefix(f.Series, "CC") {
				common = append(common, f.Series)
			}
		}
		if foundation(f.Code) {
			based = append(based, f.Code)
		}
	}
	add := func(code string, decides bool, format string, args ...any) {
		w.Prompts = append(w.Prompts, Prompt{Code: code, Decides: decides, Text: fmt.Sprintf(format, args...)})
		w.Pervasive = w.Pervasive || decides
	}
	if len(common) >= seriesPrompt {
		add("series", true, "They span %d series of the common criteria: %s.", len(common), words.List(common))
	}
	if len(of)*shareParts > len(all) {
		add("share", true, "They are %d of %d criteria in scope, %s %%: more than 25 %%.", len(of), len(all), w.Share)
	}
	for _, category := range whole(of, all) {
		add("category", true, "They are all criteria of %s.", strings.ReplaceAll(category, "_", " "))
	}
	if len(based) > 0 {
		add("foundation", false, "Others rest on %s: if it failed for most of the period, consider whether that is pervasive.", words.List(based))
	}
	w.Opinion = Modify(n, true, w.Pervasive)
	return w
}

// whole lists the categories of which every criterion is among these.
func whole(of, all []Finding) []string {
	in := map[string]int{}
	for _, f := range all {
		in[f.Category]++
	}
	for _, f := range of {
		in[f.Category]--
	}
	var out []string
	for _, f := range of {
		if in[f.Category] == 0 && !slices.Contains(out, f.Category) {
			out = append(out, f.Category)
		}
	}
	return out
}

func codes(of []Finding) []string {
	out := make([]string, len(of))
	for i, f := range of {
		out[i] = f.Code
	}
	return out
}

// percent is n of m with one decimal, half up, without floating point.
func percent(n, m int) string {
	if m == 0 {
		return "0.0"
	}
	tenths := (n*2000 + m) / (2 * m)
	return fmt.Sprintf("%d.%d", tenths/10, tenths%10)
}

// explain gives the reasons, and what would change the proposal.
func (p *PartProposal) explain(part string, all, failed, unclear []Finding) {
	verb := map[string]string{Design: "not met in design", Operation: "not met"}[part]
	for _, w := range p.Weights {
		what := verb
		if w.Nature == Evidence {
			what = "undetermined, because evidence could not be had"
		}
		reach := "material, not pervasive"
		if w.Pervasive {
			reach = "material and pervasive"
		}
		are := "are"
		if len(w.Criteria) == 1 {
			are = "is"
		}
		p.Reasons = append(p.Reasons, fmt.Sprintf("%s of %d %s %s: %s. By the prompts this is %s, and taken alone leads to %s.",
			words.Plural(len(w.Criteria), "criterion", "criteria"), len(all), are, what, words.List(w.Criteria), reach, spoken[w.Opinion]))
	}
	for _, f := range slices.Concat(failed, unclear) {
		if f.Why != "" {
			p.Reasons = append(p.Reasons, f.Code+": "+f.Why)
		}
	}
	if len(p.Weights) == 2 {
		p.Reasons = append(p.Reasons, "Known failure and missing evidence are weighed apart: whatever is proposed, the report states both.")
	}
	if len(p.Weights) == 0 {
		p.Reasons = append(p.Reasons, fmt.Sprintf("Of %s, nothing speaks against the %s.", words.Plural(len(all), "criterion", "criteria"), part))
	}
	if n := len(p.Disclosed); n > 0 {
		total := 0
		for _, d := range p.Disclosed {
			total += d.Count
		}
		p.Reasons = append(p.Reasons, fmt.Sprintf("%s in %s %s disclosed.", words.Plural(total, "deviation", "deviations"),
			words.Plural(n, "control", "controls"), map[bool]string{true: "is", false: "are"}[total == 1]))
	}
	p.changes(all, failed, unclear)
}

var spoken = map[string]string{Unmodified: "an unmodified opinion", Qualified: "a qualified opinion", Adverse: "an adverse opinion",
	Disclaimer: "a disclaimer of opinion", Withdraw: "withdrawal"}

func (p *PartProposal) changes(all, failed, unclear []Finding) {
	add := func(format string, args ...any) { p.Change = append(p.Change, fmt.Sprintf(format, args...)) }
	if len(failed) > 0 {
		add("A tested compensating control that the auditor chooses to rely on would turn %s into met with deviations.", orEach(failed))
	}
	if len(unclear) > 0 {
		add("Evidence for %s would settle %s one way or the other.", words.List(codes(unclear)), map[bool]string{true: "it", false: "them"}[len(unclear) == 1])
	}
	for _, w := range p.Weights {
		if !w.Pervasive {
			to := map[Nature]string{Failure: Adverse, Evidence: Disclaimer}[w.Nature]
			more := len(all)/shareParts + 1 - len(w.Criteria)
			add("%s more of the same kind would be more than 25 %% of the criteria, and a reach over %s series of the common criteria would count as well: both lead to %s.",
				words.Capital(words.Spelled(more)), words.Spelled(seriesPrompt), spoken[to])
			add("A person who judges the matter not material may decide for an unmodified opinion, with a reason.")
			continue
		}
		add("A person who judges the matter confined, and not pervasive, may decide for a qualified opinion, with a reason.")
	}
	if len(p.Weights) == 0 {
		add("One criterion that is not met, or cannot be determined, would be material: consider a qualified opinion.")
	}
}

func orEach(f []Finding) string {
	if len(f) == 1 {
		return f[0].Code
	}
	return "each of " + words.List(codes(f))
}

package checks

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tickmark/tickmark/internal/sources"
)

// A Result is what a check says about all that one run saw of its kind.
type Result struct {
	Status Status
	// Total is every resource of the kind: the four others add up to it.
	Total, Passing, Failing, Unknown, NotApplicable int
	// Class tells causes of Unknown apart without their wording, as an Outcome's
	// does. Reason says why the status is unknown, Remedy what would settle it.
	Class  string
	Reason string
	Remedy string
	// Summary is one line for people.
	Summary string
}

// Applicable is the number of resources that the check speaks about.
func (r Result) Applicable() int { return r.Total - r.NotApplicable }

// Outcome is the result as one interval of the check as a whole keeps it.
func (r Result) Outcome() Outcome {
	o := Outcome{Status: r.Status, Class: r.Class, Reason: r.Reason}
	if r.Status == Fail {
		o.Message = r.Summary
	}
	return o
}

// Classes that only a result as a whole can have.
const (
	classMissing   = "missing"
	classUncovered = "uncovered"
	classEmpty     = "empty"
)

// A Tally adds up outcomes, so that a run of a million resources needs no list
// of them.
type Tally struct {
	definition Definition
	result     Result
	causes     map[string]*cause // by class
	only       string            // what the first failing resource's message says
}

// A cause is why some resources are unknown.
type cause struct {
	count  int
	reason string
}

// NewTally starts counting for one check.
func NewTally(d Definition) *Tally {
	return &Tally{definition: d, causes: map[string]*cause{}}
}

// Add counts one resource. A status that no rule gives counts as unknown.
func (t *Tally) Add(o Outcome) {
	t.result.Total++
	switch o.Status {
	case Pass:
		t.result.Passing++
	case Fail:
		t.result.Failing++
		if t.result.Failing == 1 {
			t.only = o.Message
		}
	case NotApplicable:
		t.result.NotApplicable++
	default:
		t.result.Unknown++
		c := t.causes[o.Class]
		if c == nil {
			c = &cause{reason: o.Reason}
			t.causes[o.Class] = c
		}
		c.count++
	}
}

// Result sums up. Covered says whether the run looked at the kind completely,
// missing what it could not read. Only a kind that was covered, with nothing
// missing of it as a whole, can pass: what was not seen might fail.
func (t *Tally) Result(covered bool, missing []sources.Missing) Result {
	r := t.result
	kind := t.definition.Kind
	gap := find(missing, kind, "")
	switch {
	case r.Failing > 0:
		r.Status = Fail
	case gap != nil:
		r.Status, r.Class, r.Reason, r.Remedy = Unknown, classMissing, gap.Reason, gap.Remedy
	case !covered:
		r.Status, r.Class, r.Reason = Unknown, classUncovered, "the run did not look at every "+kind
		if partial := findAny(missing, kind); partial != nil {
			r.Reason, r.Remedy = partial.Reason, partial.Remedy
		}
	case r.Unknown > 0:
		r.Status = Unknown
		r.Class, r.Reason, r.Remedy = t.explain(missing)
	case r.Passing > 0:
		r.Status = Pass
	case r.NotApplicable > 0:
		r.Status = NotApplicable
	default:
		r.Status = t.definition.Empty
		if r.Status == Unknown {
			r.Class, r.Reason = classEmpty, "the source was read and has no "+kind+" to judge"
			if t.definition.Unknown != "" {
				r.Reason = t.definition.Unknown
			}
		}
	}
	r.Summary = t.summary(r)
	return r
}

// explain gives the cause that most unknown resources share: what the source
// said of the field, else the author's words, else ours.
func (t *Tally) explain(missing []sources.Missing) (class, reason, remedy string) {
	var most *cause
	for name, c := range t.causes {
		if most == nil || c.count > most.count || c.count == most.count && name < class {
			most, class = c, name
		}
	}
	reason = most.reason
	if field, is := strings.CutPrefix(class, classAbsent); is {
		if m := find(missing, t.definition.Kind, field); m != nil {
			return class, m.Reason, m.Remedy
		}
		if reason == (&absent{field: field}).Error() && t.definition.Unknown != "" {
			reason = t.definition.Unknown
		}
	}
	if reason == "" {
		reason = "the source did not say enough"
	}
	return class, reason, ""
}

func (t *Tally) summary(r Result) string {
	number := strconv.Itoa
	switch r.Status {
	case Fail:
		if r.Failing == 0 {
			return "there is no " + t.definition.Kind + ", and there should be"
		}
		if r.Applicable() == 1 && t.only != "" {
			return t.only // of one thing, its own message says more than a count
		}
		return strings.NewReplacer(
			"{failing}", number(r.Failing), "{passing}", number(r.Passing),
			"{unknown}", number(r.Unknown), "{total}", number(r.Applicable()),
		).Replace(t.definition.Summary)
	case Pass:
		if r.Total == 0 {
			return "there is no " + t.definition.Kind + ", as it should be"
		}
		return fmt.Sprintf("%d of %d pass", r.Passing, r.Applicable())
	case NotApplicable:
		return fmt.Sprintf("applies to none of %d", r.Total)
	}
	if r.Unknown == 0 {
		return "not judged: " + r.Reason
	}
	return fmt.Sprintf("%d of %d could not be judged: %s", r.Unknown, r.Applicable(), r.Reason)
}

func find(missing []sources.Missing, kind, field string) *sources.Missing {
	for i := range missing {
		if missing[i].Kind == kind && missing[i].Field == field {
			return &missing[i]
		}
	}
	return nil
}

func findAny(missing []sources.Missing, kind string) *sources.Missing {
	for i := range missing {
		if missing[i].Kind == kind {
			return &missing[i]
		}
	}
	return nil
}

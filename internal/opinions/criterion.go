package opinions

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/words"
)

// What can be held of a criterion.
const (
	Met               = "met"
	MetWithDeviations = "met_with_deviations"
	NotMet            = "not_met"
	Undetermined      = "undetermined"
	NotRelevant       = "not_relevant"
)

// What can be held of a control, as procedures says it.
const (
	effective   = procedures.Effective
	deviated    = procedures.WithDeviations
	ineffective = procedures.NotEffective
	undesigned  = procedures.NotDesigned
	idle        = procedures.NoOccurrence
	unknown     = procedures.Undetermined
)

// A Control is what a conclusion rests on: a control of the organization and
// what was concluded of it.
type Control struct {
	Code       string   `json:"code"`
	Title      string   `json:"title"`
	Text       string   `json:"text,omitempty"`
	Key        bool     `json:"key"`
	Criteria   []string `json:"criteria"`
	Decision   string   `json:"decision,omitempty"` // empty: not concluded
	Facts      string   `json:"facts,omitempty"`    // "1 of 38"
	Deviations int      `json:"deviations,omitempty"`
	Entry      int64    `json:"entry,omitempty"` // of its conclusion
	// Planned says that the firm has a workpaper for it.
	Planned bool `json:"planned"`
}

// waits reports whether the criterion cannot be concluded before this control
// is: one that the firm planned to test, or a key control.
func (c Control) waits() bool { return c.Decision == "" && (c.Planned || c.Key) }

// A Proposal is what the figures say of a criterion. It decides nothing.
type Proposal struct {
	Value   string   `json:"value,omitempty"` // empty: nothing can be proposed yet
	Reasons []string `json:"reasons"`
	// Compensating are tested and effective controls that the auditor may choose
	// to rely on in place of those that failed.
	Compensating []string `json:"compensating,omitempty"`
	// Waits are controls without a conclusion.
	Waits []string `json:"waits,omitempty"`
}

// Propose weighs the controls that answer one criterion. chosen are those that
// the auditor relies on instead of what failed: the program never chooses them.
func Propose(controls []Control, chosen []string) Proposal {
	p := Proposal{Reasons: []string{}}
	if len(controls) == 0 {
		p.Value = NotMet
		p.Reasons = append(p.Reasons, "No control of the organization answers this criterion.")
		return p
	}
	tested := slices.ContainsFunc(controls, func(c Control) bool { return c.Decision != "" })
	for _, c := range controls {
		if c.waits() || !tested {
			p.Waits = append(p.Waits, c.Code)
		}
	}
	if len(p.Waits) > 0 {
		p.Reasons = append(p.Reasons, fmt.Sprintf("Not concluded yet: %s.", strings.Join(p.Waits, ", ")))
		return p
	}
	return p.weigh(controls, chosen)
}

func (p Proposal) weigh(controls []Control, chosen []string) Proposal {
	controls = slices.Clone(controls)
	controls = slices.DeleteFunc(controls, func(c Control) bool {
		if c.Decision == "" {
			p.Reasons = append(p.Reasons, c.Code+" was not tested and is not relied on.")
		}
		return c.Decision == ""
	})
	anyKey := slices.ContainsFunc(controls, func(c Control) bool { return c.Key })
	var failed, unclear, disclosed, relied []string
	for _, c := range controls {
		necessary := c.Key || !anyKey
		switch c.Decision {
		case effective, deviated:
			if slices.Contains(chosen, c.Code) {
				relied = append(relied, c.Code)
			}
			if c.Decision == deviated {
				disclosed = append(disclosed, c.Code)
			}
			p.Compensating = append(p.Compensating, c.Code)
			p.Reasons = append(p.Reasons, c.said())
		case ineffective, undesigned:
			p.Reasons = append(p.Reasons, c.said())
			if necessary {
				failed = append(failed, c.Code)
			} else {
				disclosed = append(disclosed, c.Code)
			}
		case unknown:
			p.Reasons = append(p.Reasons, c.said())
			if necessary {
				unclear = append(unclear, c.Code)
			}
		default:
			p.Reasons = append(p.Reasons, c.said())
		}
	}
	covered := len(relied) > 0
	switch {
	case len(failed) > 0 && !covered:
		p.Value = NotMet
	case len(unclear) > 0 && !covered:
		p.Value = Undetermined
	case len(failed)+len(unclear) > 0:
		p.Value = MetWithDeviations
		p.Reasons = append(p.Reasons, fmt.Sprintf("%s %s in place of %s, as chosen by the auditor.", words.List(relied), stand(len(relied)), words.List(append(failed, unclear...))))
	case len(disclosed) > 0:
		p.Value = MetWithDeviations
	default:
		p.Value = Met
	}
	if len(failed)+len(unclear) == 0 || covered {
		p.Compensating = nil
	}
	return p
}

func stand(n int) string {
	if n == 1 {
		return "stands"
	}
	return "stand"
}

// said is one control's part in a reason.
func (c Control) said() string {
	facts := ""
	if c.Facts != "" {
		facts = ", " + c.Facts
	}
	return c.Code + " " + map[string]string{
		effective:   "is effective",
		deviated:    "is effective, with deviations to disclose",
		ineffective: "is not effective",
		undesigned:  "is not suitably designed",
		idle:        "had no occasion to operate",
		unknown:     "is undetermined: evidence was not available",
	}[c.Decision] + facts + "."
}

package auth

import (
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

// aloneAfter is how long an act waits that two people should agree on and only
// one can.
const aloneAfter = 72 * time.Hour

// An Approver is a member who may approve what another asked for.
type Approver struct {
	ID   id.User `json:"id"`
	Name string  `json:"name"`
}

// A Second is who may agree to an act that one person asked for: the others who
// have the right or, where nobody else has it, the asker from AloneFrom on.
type Second struct {
	Approvers []Approver
	AloneFrom time.Time
}

// SecondOf says who may agree to what asker asked for at a time.
func SecondOf(members []Member, right Right, asker id.User, asked time.Time) Second {
	var s Second
	var self []Approver
	for _, m := range members {
		switch a := (Approver{m.ID, m.Name}); {
		case !Actor{Roles: m.Roles}.May(right):
		case m.ID == asker:
			self = append(self, a)
		default:
			s.Approvers = append(s.Approvers, a)
		}
	}
	if len(s.Approvers) == 0 && len(self) > 0 {
		s.Approvers, s.AloneFrom = self, asked.Add(aloneAfter)
	}
	return s
}

// Agree reports whether the actor agrees alone, or refuses. What names the act
// in a sentence, such as "this exception".
func (s Second) Agree(a Actor, asker id.User, what string, now time.Time) (alone bool, err error) {
	alone = a.User == asker
	switch {
	case a.User == "":
		return false, fault.Denied("Sign in: %s is approved by a person, never by the machine.", what)
	case alone && s.AloneFrom.IsZero():
		return false, fault.Denied("You asked for %s, so another person approves it: %s.", what, s.Names())
	case alone && now.Before(s.AloneFrom):
		return false, fault.Conflict("You asked for %s and nobody else here may approve it. You may yourself from %s on.", what, s.AloneFrom.Format("2 January 2006 15:04 UTC"))
	}
	return alone, nil
}

// Names lists who may agree, for a sentence.
func (s Second) Names() string {
	out := make([]string, len(s.Approvers))
	for i, a := range s.Approvers {
		out[i] = a.Name
	}
	return strings.Join(out, " or ")
}

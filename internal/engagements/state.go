package engagements

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/scopes"
)

// State is where an engagement stands.
type State string

// The states, in their order. A Type I engagement has AsOf where a Type II one
// has Observing and PeriodClosed.
const (
	Proposed         State = "proposed"
	Engaged          State = "engaged"
	Planned          State = "planned"
	AsOf             State = "as_of"
	Observing        State = "observing"
	PeriodClosed     State = "period_closed"
	Fieldwork        State = "fieldwork"
	Evaluation       State = "evaluation"
	DraftReport      State = "draft_report"
	ManagementReview State = "management_review"
	SignOff          State = "sign_off"
	Issued           State = "issued"
	Withdrawn        State = "withdrawn"
)

var order = []State{Proposed, Engaged, Planned, AsOf, Observing, PeriodClosed, Fieldwork, Evaluation, DraftReport, ManagementReview, SignOff, Issued}

// Path lists the states of an engagement of a type.
func Path(kind string) []State {
	return slices.DeleteFunc(slices.Clone(order), func(s State) bool {
		if kind == scopes.TypeI {
			return s == Observing || s == PeriodClosed
		}
		return s == AsOf
	})
}

// Before reports whether s comes earlier than t. Withdrawn is after all.
func (s State) Before(t State) bool {
	at := func(s State) int {
		if i := slices.Index(order, s); i >= 0 {
			return i
		}
		return len(order)
	}
	return at(s) < at(t)
}

// Words is the state as running text has it.
func (s State) Words() string {
	if s == AsOf {
		return "at its date"
	}
	return strings.ReplaceAll(string(s), "_", " ")
}

// next is the state that follows, "" after the last.
func (s State) next(kind string) State {
	path := Path(kind)
	if i := slices.Index(path, s); i >= 0 && i+1 < len(path) {
		return path[i+1]
	}
	return ""
}

// Missing is one thing that a gate waits for. Href leads to it, below the
// engagement's own address.
type Missing struct {
	Text string `json:"text"`
	Href string `json:"href,omitempty"`
}

// A Condition is something that must hold before an engagement enters a state.
type Condition struct {
	Into  State
	Type  string // only for one type of report; both if empty
	Title string
	// Private conditions name workpapers: the client learns how many are
	// missing, and no more.
	Private bool
	Check   func(c *op.Call, r *Room) (missing []Missing, note string, err error)
}

var conditions []Condition

// Gate registers a condition. Areas above this one know what it knows not; each
// does so once, as a package variable.
func Gate(c Condition) struct{} {
	conditions = append(conditions, c)
	return struct{}{}
}

// Held is a condition as it stands.
type Held struct {
	Title   string    `json:"title"`
	Holds   bool      `json:"holds"`
	Count   int       `json:"count"` // of what is missing
	Missing []Missing `json:"missing,omitempty"`
	Note    string    `json:"note,omitempty"`
}

// GateView is what stands before a state.
type GateView struct {
	Into       State  `json:"into"`
	Open       bool   `json:"open"`
	Conditions []Held `json:"conditions"`
}

// Check asks every condition of a state.
func Check(c *op.Call, r *Room, into State) (*GateView, error) {
	g := &GateView{Into: into, Open: true}
	for _, x := range conditions {
		if x.Into != into || x.Type != "" && x.Type != r.Type {
			continue
		}
		missing, note, err := x.Check(c, r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", x.Title, err)
		}
		h := Held{Title: x.Title, Holds: len(missing) == 0, Count: len(missing), Missing: missing, Note: note}
		if x.Private && r.Side == ClientSide {
			h.Missing, h.Note = nil, ""
		}
		g.Conditions = append(g.Conditions, h)
		g.Open = g.Open && h.Holds
	}
	return g, nil
}

// Refusal says what is missing; nil when the gate is open.
func (g *GateView) Refusal(r *Room) error {
	var lacks []string
	for _, h := range g.Conditions {
		if h.Holds {
			continue
		}
		text := fmt.Sprintf("%s (%d missing", h.Title, h.Count)
		for i, m := range h.Missing {
			if i == 3 {
				text += ", …"
				break
			}
			text += ", " + m.Text
		}
		lacks = append(lacks, text+")")
	}
	if len(lacks) == 0 {
		return nil
	}
	return fault.Conflict("%s cannot become %s yet: %s.", r.Name, g.Into.Words(), strings.Join(lacks, "; "))
}

const (
	insertState = "INSERT INTO engagement_state (org_id, engagement_id, seq, state, at, actor, reason) VALUES (?, ?, (SELECT COUNT(*) FROM engagement_state WHERE org_id = ? AND engagement_id = ?), ?, ?, ?, ?)"
	selectState = "SELECT state, at, actor, reason FROM engagement_state WHERE org_id = ? AND engagement_id = ? ORDER BY seq"
	updateState = "UPDATE engagement SET state = ?, since = ? WHERE org_id = ? AND id = ? AND state = ?"
)

// Enter puts an engagement into a state. It checks no gate: who calls it has.
func Enter(c *op.Call, r *Room, to State, reason string) error {
	n, err := c.Tx.Exec(updateState, string(to), clock.Millis(c.Now), r.File, r.ID, string(r.State))
	if err == nil && n == 0 {
		err = fault.Conflict("The engagement has moved on since you read it.")
	}
	if err != nil {
		return err
	}
	c.Note("state", string(to))
	r.State, r.Since = to, c.Now
	return r.keepState(c, reason)
}

func (r *Room) keepState(c *op.Call, reason string) error {
	_, err := c.Tx.Exec(insertState, r.File, r.ID, r.File, r.ID, string(r.State), clock.Millis(c.Now), c.Actor.Name, reason)
	return err
}

// Step is one state on the path.
type Step struct {
	State  State     `json:"state"`
	Status string    `json:"status"` // done, now, next, future
	At     time.Time `json:"at,omitzero"`
	Actor  string    `json:"actor,omitempty"`
}

func (r *Room) steps(c *op.Call) ([]Step, error) {
	type entered struct {
		state         State
		at            int64
		actor, reason string
	}
	rows, err := db.Rows(c.Tx, selectState, []any{r.File, r.ID}, func(scan func(...any) error, e *entered) error {
		return scan(&e.state, &e.at, &e.actor, &e.reason)
	})
	if err != nil {
		return nil, err
	}
	path := Path(r.Type)
	if r.State == Withdrawn {
		path = append(slices.DeleteFunc(path, func(s State) bool {
			return !slices.ContainsFunc(rows, func(e entered) bool { return e.state == s })
		}), Withdrawn)
	}
	var out []Step
	next := r.State.next(r.Type)
	for _, s := range path {
		x := Step{State: s, Status: "future"}
		for _, e := range rows {
			if e.state == s {
				x.At, x.Actor, x.Status = clock.FromMillis(e.at), e.actor, "done"
			}
		}
		switch s {
		case r.State:
			x.Status = "now"
		case next:
			x.Status = "next"
		}
		out = append(out, x)
	}
	return out, nil
}

// Advancing takes an engagement on.
type Advancing struct {
	ID string `json:"id" doc:"The engagement's id."`
	To string `json:"to" enum:"planned,as_of,observing,period_closed,fieldwork,evaluation,draft_report,management_review,sign_off" doc:"The state to enter. A proposal is accepted, and a report issued, by acts of their own."`
}

// managements are the states that management enters: its own word that it has
// nothing more to say on the draft.
var managements = []State{SignOff}

func advance(c *op.Call, in Advancing) (View, error) {
	to := State(in.To)
	enter := AsFirm
	if slices.Contains(managements, to) {
		enter = AsClient
	}
	r, err := enter(c, in.ID)
	if err != nil {
		return View{}, err
	}
	if next := r.State.next(r.Type); next != to {
		if next == "" {
			return View{}, fault.Conflict("%s is %s; nothing follows.", r.Name, r.State.Words())
		}
		return View{}, fault.Conflict("After %s comes %s, not %s.", r.State.Words(), next.Words(), to.Words())
	}
	if r.State == Proposed {
		return View{}, fault.Conflict("A partner of %s accepts the proposal first.", r.Firm.Name)
	}
	g, err := Check(c, r, to)
	if err != nil {
		return View{}, err
	}
	if err := g.Refusal(r); err != nil {
		return View{}, err
	}
	if err := Enter(c, r, to, ""); err != nil {
		return View{}, err
	}
	return r.view(c)
}

// Withdrawal ends an engagement.
type Withdrawal struct {
	ID     string `json:"id" doc:"The engagement's id."`
	Reason string `json:"reason" minLength:"1" maxLength:"4000" doc:"Why there will be no report."`
}

func withdraw(c *op.Call, in Withdrawal) (View, error) {
	r, err := AsFirm(c, in.ID)
	if err != nil {
		return View{}, err
	}
	if r.State == Issued || r.State == Withdrawn {
		return View{}, fault.Conflict("%s is %s already.", r.Name, r.State.Words())
	}
	if err := Enter(c, r, Withdrawn, in.Reason); err != nil {
		return View{}, err
	}
	return r.view(c)
}

var (
	_ = Gate(Condition{Into: Planned, Title: "Materiality and risk are considered", Private: true, Check: func(c *op.Call, r *Room) ([]Missing, string, error) {
		if r.plan == "" {
			return []Missing{{"the audit plan", "/plan"}}, "", nil
		}
		return nil, "Methodology " + fmt.Sprintf("%s, version %d", r.Profile.Name, r.Profile.Version), nil
	}})
	_ = Gate(Condition{Into: AsOf, Type: scopes.TypeI, Title: "The date has come", Check: func(c *op.Call, r *Room) ([]Missing, string, error) {
		_, to := r.Bounds()
		if c.Now.Before(to) {
			return []Missing{{r.AsOf + " has to pass", ""}}, "", nil
		}
		return nil, r.AsOf, nil
	}})
	_ = Gate(Condition{Into: Observing, Type: scopes.TypeII, Title: "The period has begun", Check: func(c *op.Call, r *Room) ([]Missing, string, error) {
		if from, _ := r.Bounds(); c.Now.Before(from) {
			return []Missing{{"it begins on " + r.Starts, ""}}, "", nil
		}
		return nil, r.Starts, nil
	}})
	_ = Gate(Condition{Into: PeriodClosed, Type: scopes.TypeII, Title: "The period is over", Check: func(c *op.Call, r *Room) ([]Missing, string, error) {
		if _, to := r.Bounds(); c.Now.Before(to) {
			return []Missing{{r.Ends + " has to pass", ""}}, "", nil
		}
		return nil, r.Ends, nil
	}})
)

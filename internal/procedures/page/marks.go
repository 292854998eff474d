package page

import (
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/site"
)

// markForm is what the grid posts: several cells with one mark. A page without
// a script posts one.
type markForm struct {
	Items      []string `json:"items"`
	Attributes []string `json:"attributes"`
	Item       string   `json:"item"`
	Attribute  string   `json:"attribute"`
	Mark       string   `json:"mark"`
	Reason     string   `json:"reason"`
	Code       string   `json:"code"`
	Confirm    bool     `json:"confirm"`
	Back       string   `json:"back"`
}

// setMark records marks. The script gets the rows as they stand now and what
// the numbers say; a person without one goes to the next cell.
func setMark(v *site.Visit) error {
	if err := v.Actor.Require(auth.AuditWrite); err != nil {
		return err
	}
	var in markForm
	if err := v.Form(&in); err != nil {
		return err
	}
	if in.Item != "" {
		in.Items, in.Attributes = []string{in.Item}, []string{in.Attribute}
	}
	if in.Mark == string(site.TickNotAvail) {
		in.Mark = procedures.NotApplicable
	}
	if in.Mark != procedures.Deviates {
		in.Code = "" // the choice of a form that shows it for every mark
	}
	done, err := in.record(v)
	if err != nil {
		return markRefused(v, in, err)
	}
	if !v.Partial() {
		e, err := open(v)
		if err != nil {
			return err
		}
		if to := in.Back; strings.HasPrefix(to, at(e, v.Path("ref")).work("/items/")) {
			return v.Goto(to)
		}
		return v.Goto(at(e, v.Path("ref")).work(""))
	}
	e, err := open(v)
	if err != nil {
		return err
	}
	x, err := blank(v, e, v.Path("ref"))
	if err != nil {
		return err
	}
	x.Grid.Rows = done.Rows
	if len(in.Items) > 0 {
		x.Item = in.Items[len(in.Items)-1]
	}
	x.Letter = or(first(in.Attributes), x.Letter)
	g := x.gridView()
	g.Part = true
	return v.Fragment(markedParts(x, g))
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func (in markForm) record(v *site.Visit) (procedures.Marked, error) {
	if in.Confirm {
		return procedures.Confirm.Do(v.Context(), v.Desk, procedures.Confirmation{Engagement: v.Path("id"), Control: v.Path("ref"), Items: in.Items, Reason: in.Reason})
	}
	return procedures.Set.Do(v.Context(), v.Desk, procedures.Marking{Engagement: v.Path("id"), Control: v.Path("ref"), Items: in.Items, Attributes: in.Attributes,
		Mark: in.Mark, Reason: in.Reason, Code: in.Code})
}

// markRefused shows at the cell why nothing was recorded. What was written
// stays in its field.
func markRefused(v *site.Visit, in markForm, err error) error {
	text := message(err)
	if v.Partial() || text == "" || in.Item == "" {
		return err
	}
	x, item, readErr := readItem(v, in.Item)
	if readErr != nil {
		return readErr
	}
	if slices.ContainsFunc(x.Attributes, func(a procedures.Attribute) bool { return a.Letter == in.Attribute }) {
		x.Letter = in.Attribute
	}
	pane := x.ownPane(x.pane(item, x.Letter), item)
	if pane.Mark != nil {
		pane.Mark.Error, pane.Mark.Reason = text, in.Reason
		for tick, mark := range map[site.Tick]string{site.TickAgrees: procedures.Agrees, site.TickDeviation: procedures.Deviates, site.TickNotAvail: procedures.NotApplicable, site.TickReperformed: procedures.Reperformed} {
			if mark == in.Mark {
				pane.Mark.Mark = tick
			}
		}
	}
	return v.ShowWrongIn(x.View.Engagement, x.itemShell(item), itemBody(x, item, pane))
}

package page

import (
	"time"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

// capture helps to take a picture that says when and where it was taken.
type capture struct {
	Ticket string
	Now    time.Time
	Form   site.FormView
}

func showCapture(v *site.Visit) error {
	if err := v.Actor.Require(auth.EvidenceWrite); err != nil {
		return err
	}
	x := capture{Ticket: v.Query("ticket"), Now: v.Clock.Now()}
	if x.Ticket != "" {
		a, err := opened(v, nil, "")
		if err != nil {
			return err
		}
		x.Form = a.Form
		for i := range x.Form.Fields {
			switch f := &x.Form.Fields[i]; f.Name {
			case "ticket":
				f.Value = x.Ticket
			case "captured":
				f.Value = x.Now.UTC().Format("2006-01-02T15:04")
			case "level":
				for j := range f.Options {
					f.Options[j].Chosen = f.Options[j].Value == "5"
				}
			}
		}
	} else {
		x.Form = site.FormView{Action: "/evidence/capture", Buttons: []site.ButtonView{{Text: "Hand out a ticket"}}, Attrs: templ.Attributes{}}
	}
	return v.Show(evidenceShell("Capture", site.Crumb{Text: "Capture"}), captureBody(x))
}

func takeTicket(v *site.Visit) error {
	t, err := evidence.TicketNew.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	return v.Goto("/evidence/capture?ticket=" + t.Code)
}

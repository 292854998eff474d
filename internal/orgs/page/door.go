package page

import (
	"net/http"
	"strconv"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
)

// doorPart is what the settings say of how people come in.
type doorPart struct {
	orgs.Door
	Form    site.FormView
	Rows    []site.FactRow // how the installation is reached, as it is
	Shared  bool           // with another organization of its kind
	May     bool           // make a further organization
	Further site.FormView
	Letter  string // what became of a letter to oneself
	Wrong   string
	Mail    bool
}

func readDoor(v *site.Visit) (doorPart, error) {
	d := doorPart{Rows: v.Web.Door, Mail: v.Mail != nil}
	var err error
	if d.Door, err = orgs.GetDoor.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return d, err
	}
	first := false
	err = v.DB.Read(v.Context(), db.All, func(tx *db.Tx) (err error) {
		if d.Shared, err = orgs.Shared(tx, v.Org); err == nil {
			first, err = orgs.KeepsInstallation(tx, v.Org)
		}
		return err
	})
	for _, r := range v.Actor.Roles {
		d.May = d.May || first && r == auth.Owner
	}
	d.Form, d.Further = doorForm(d.Door), furtherForm()
	if v.Query("letter") != "" {
		d.Letter = "A letter to " + v.Actor.Email + " is on its way."
	}
	return d, err
}

func doorForm(d orgs.Door) site.FormView {
	demand := site.FieldView{Kind: site.FieldChecks, Name: "second_factor", Label: "Second factor", Prefix: "door", Optional: true, Help: "Whoever has none is led to set one up before anything else. Tokens of programs are not affected.",
		Options: []site.Option{{Value: "true", Text: "Every member who signs in with a browser has one", Chosen: d.SecondFactor}}}
	return site.FormView{ID: "door", Action: "/settings/door", Version: strconv.FormatInt(d.Version, 10), Fields: []site.FieldView{demand,
		{Kind: site.FieldNumber, Name: "idle_hours", Label: "Hours without use after which a session ends", Help: "1 to 168. Every session ends after seven days.", Value: strconv.FormatInt(d.IdleHours, 10), Prefix: "door", Short: true, Attrs: templ.Attributes{"min": "1", "max": "168"}},
	}, Buttons: []site.ButtonView{{Text: "Save how people sign in"}}}
}

func furtherForm() site.FormView {
	z := zoneField("UTC")
	z.Prefix = "further"
	return site.FormView{ID: "further", Action: "/settings/organizations", Fields: []site.FieldView{
		{Name: "organization", Label: "Organization", Help: "The name its reports will carry. You become its owner.", Prefix: "further", Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "200"}}, z, site.OnceKey(),
	}, Buttons: []site.ButtonView{{Text: "Create the organization"}}}
}

func (d doorPart) rows() []site.FactRow {
	factor := "not required"
	if d.SecondFactor {
		factor = "required of everybody"
	}
	return []site.FactRow{site.Text("Second factor", factor), site.Text("Sessions end after", site.Plural(d.IdleHours, "hour", "hours")+" without use")}
}

func saveDoor(v *site.Visit) error {
	var in orgs.DoorChange
	err := v.Form(&in)
	if err == nil {
		_, err = orgs.SetDoor.Do(v.Context(), v.Desk, in)
	}
	if err != nil {
		return refuse(v, func(s *settings) *site.FormView { return &s.Door.Form }, err)
	}
	return v.Goto("/settings#door")
}

func testLetter(v *site.Visit) error {
	_, err := orgs.TestLetter.Do(v.Context(), v.Desk, op.None{})
	if err == nil {
		return v.Goto("/settings?letter=1#letters")
	}
	f := fault.As(err)
	if f == nil || f.Kind != fault.KindConflict {
		return err
	}
	s, readErr := read(v)
	if readErr != nil {
		return readErr
	}
	s.Door.Wrong = f.Message
	return show(v, http.StatusUnprocessableEntity, settingsShell(), settingsBody(s))
}

// further makes another organization and goes on in it.
func further(v *site.Visit) error {
	var in orgs.FurtherOrg
	err := v.Form(&in)
	var made orgs.Created
	if err == nil {
		made, err = orgs.Further.Do(v.Context(), v.Desk, in)
	}
	if err != nil {
		return refuse(v, func(s *settings) *site.FormView { return &s.Door.Further }, err)
	}
	v.Key = ""
	if _, err := orgs.Move.Do(v.Context(), v.Desk, orgs.Going{Org: id.Org(made.Org), Secret: before(v)}); err != nil {
		return err
	}
	return v.Goto("/")
}

package page

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/reports"
	"github.com/tickmark/tickmark/internal/site"
)

// writing is the page of the words for one place.
type writing struct {
	book
	P     reports.Place
	Form  site.FormView
	Stale bool
}

func openText(v *site.Visit) (writing, error) {
	x := writing{}
	var err error
	if x.book, err = read(v); err != nil {
		return x, err
	}
	i := slices.IndexFunc(x.Places, func(p reports.Place) bool { return p.Key == v.Path("place") })
	if i < 0 {
		return x, fault.NotFound("The report of %s has no place %s for you to fill.", x.Name, v.Path("place"))
	}
	x.P = x.Places[i]
	x.Form = site.FormView{Action: x.at("/texts/" + x.P.Key), Version: strconv.FormatInt(x.P.Version, 10), Fields: []site.FieldView{
		{Kind: site.FieldArea, Name: "text", Label: "Words as they will be printed", Help: "A blank line begins a paragraph. Leave it empty to take the words back.", Optional: true, Rows: 14, Value: x.P.Text,
			Attrs: templ.Attributes{"maxlength": "20000"}}, site.OnceKey(),
	}, Buttons: []site.ButtonView{{Text: "Keep these words"}, {Text: "Cancel", Href: x.at("")}}}
	return x, nil
}

func (x writing) show(v *site.Visit, wrong bool) error {
	s := x.shell(x.P.Title, site.Crumb{Text: x.P.Title})
	if wrong {
		return v.ShowWrongIn(x.Room.Engagement, s, textBody(x))
	}
	return v.ShowIn(x.Room.Engagement, s, textBody(x))
}

func showText(v *site.Visit) error {
	x, err := openText(v)
	if err != nil {
		return err
	}
	return x.show(v, false)
}

func setText(v *site.Visit) error {
	in := reports.Wording{}
	err := v.Form(&in)
	in.Engagement, in.Place = v.Path("id"), v.Path("place")
	if err == nil {
		_, err = reports.SetText.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		return v.Goto("/engagements/" + in.Engagement + "/report#" + reports.Anchor(in.Place))
	}
	if fault.KindOf(err) == fault.KindDenied {
		return err
	}
	x, readErr := openText(v)
	if readErr != nil {
		return readErr
	}
	if !refuse(v, &x.Form, err) {
		return err
	}
	x.Stale = fault.As(err).Current != nil
	return x.show(v, true)
}

// asserting is management's signing: first the words, then exactly what is
// signed.
type asserting struct {
	book
	Form   site.FormView
	Text   string // shown for signing; empty while it is written
	SHA256 string
}

func openAssertion(v *site.Visit) (asserting, error) {
	x := asserting{}
	if err := v.Actor.Require(auth.AssertSign); err != nil {
		return x, err
	}
	var err error
	if x.book, err = read(v); err != nil {
		return x, err
	}
	switch {
	case x.Firm:
		return x, fault.Denied("Management of %s signs its assertion.", x.Room.Client.Name)
	case x.State != engagements.SignOff:
		return x, fault.Conflict("The assertion is signed at sign-off; %s is %s.", x.Name, x.State.Words())
	case x.Newest() == nil:
		return x, fault.Conflict("There is no draft to sign against.")
	}
	x.Form = site.FormView{Action: x.at("/assertion"), Fields: []site.FieldView{
		{Kind: site.FieldArea, Name: "text", Label: "The assertion, word for word", Rows: 14, Value: x.proposed(), Attrs: templ.Attributes{"maxlength": "20000"},
			Help: "On the next page you see it as it will be signed, with its digest."},
		{Name: "title", Label: "Your office", Optional: true, Short: true, Help: "Such as Chief Executive.", Attrs: templ.Attributes{"maxlength": "100"}},
	}, Buttons: []site.ButtonView{{Text: "Show what I sign", Name: "step", Value: "show"}, {Text: "Cancel", Href: x.at("")}}}
	return x, nil
}

// proposed is the text to begin with: what was signed before, or the words
// supplied for Section II.
func (x book) proposed() string {
	if x.Assertion != nil {
		return x.Assertion.Text
	}
	for _, p := range x.Places {
		if p.Section == "II" {
			return p.Text
		}
	}
	return ""
}

func (x asserting) show(v *site.Visit, wrong bool) error {
	s := x.shell("Assertion", site.Crumb{Text: "Assertion"})
	if wrong {
		return v.ShowWrongIn(x.Room.Engagement, s, assertionBody(x))
	}
	return v.ShowIn(x.Room.Engagement, s, assertionBody(x))
}

func showAssertion(v *site.Visit) error {
	x, err := openAssertion(v)
	if err != nil {
		return err
	}
	return x.show(v, false)
}

// sign shows the exact text at its first step, and signs it at the second.
func sign(v *site.Visit) error {
	in := reports.Signing{}
	if err := v.Form(&in); err != nil {
		return err
	}
	in.Engagement = v.Path("id")
	x, err := openAssertion(v)
	if err != nil {
		return err
	}
	if v.R.PostForm.Get("step") == "sign" {
		if in.SHA256 == "" {
			return fault.Invalid("sha256", "sign what was shown, with its digest")
		}
		if _, err = reports.Sign.Do(v.Context(), v.Desk, in); err == nil {
			return v.Goto("/engagements/" + in.Engagement + "/report#assertion")
		}
		if !refuse(v, &x.Form, err) {
			return err
		}
		return x.show(v, true)
	}
	x.Form.Keep(v.R.PostForm)
	text := tidy(in.Text)
	if len(text) < shortest {
		x.Form.Fields[0].Error = "Write what management asserts, in 20 characters or more."
		return x.show(v, true)
	}
	sum := sha256.Sum256([]byte(text))
	x.Text, x.SHA256 = text, hex.EncodeToString(sum[:])
	x.Form = site.FormView{Action: x.at("/assertion"), Fields: []site.FieldView{
		{Kind: site.FieldHidden, Name: "text", Value: text}, {Kind: site.FieldHidden, Name: "title", Value: in.Title}, {Kind: site.FieldHidden, Name: "sha256", Value: x.SHA256},
		{Kind: site.FieldHidden, Name: "report", Value: string(x.Newest().ID)}, site.OnceKey(),
	}, Buttons: []site.ButtonView{{Text: "Sign as " + x.Me, Name: "step", Value: "sign"}, {Text: "Change the words", Href: x.at("/assertion")}}}
	return x.show(v, false)
}

// shortest is the least an assertion says.
const shortest = 20

// tidy gives text the form in which it is digested.
func tidy(s string) string { return reports.Tidy(s) }

// issuing is the partner's page: exactly what is signed.
type issuing struct {
	book
	Form site.FormView
}

func openIssue(v *site.Visit) (issuing, error) {
	x := issuing{}
	if err := v.Actor.Require(auth.AuditSign); err != nil {
		return x, err
	}
	var err error
	if x.book, err = read(v); err != nil {
		return x, err
	}
	if x.over() {
		return x, fault.Conflict("%s is %s: nothing in it changes any more.", x.Name, x.State.Words())
	}
	x.Form = site.FormView{Action: x.at("/issue"), Fields: []site.FieldView{
		{Kind: site.FieldDate, Name: "date", Label: "Date of the report", Value: x.today(), Help: "Not before the last conclusion or signature, and not ahead."},
		{Kind: site.FieldHidden, Name: "sha256", Value: x.SHA256}, site.OnceKey(),
	}, Buttons: []site.ButtonView{{Text: "Sign and issue the report"}, {Text: "Cancel", Href: x.at("")}}}
	return x, nil
}

func (x issuing) show(v *site.Visit, wrong bool) error {
	s := x.shell("Issue", site.Crumb{Text: "Issue"})
	if wrong {
		return v.ShowWrongIn(x.Room.Engagement, s, issueBody(x))
	}
	return v.ShowIn(x.Room.Engagement, s, issueBody(x))
}

func showIssue(v *site.Visit) error {
	x, err := openIssue(v)
	if err != nil {
		return err
	}
	return x.show(v, false)
}

func issue(v *site.Visit) error {
	in := reports.Issuing{}
	err := v.Form(&in)
	in.Engagement = v.Path("id")
	if err == nil {
		_, err = reports.Issue.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		return v.Goto("/engagements/" + in.Engagement + "/report")
	}
	x, readErr := openIssue(v)
	if readErr != nil {
		return readErr
	}
	shown := x.Form.Fields[1].Value
	if !refuse(v, &x.Form, err) {
		return err
	}
	x.Form.Fields[1].Value = shown // the digest of what is on this page, not of what was
	return x.show(v, true)
}

// title of the page of one place.
func (x writing) about() []site.Fact {
	out := []site.Fact{{Text: "Section " + x.P.Section}, {Text: x.P.Asks}}
	if x.P.Version > 0 {
		out = append(out, site.Fact{Text: "Version " + strconv.FormatInt(x.P.Version, 10) + " by", Person: x.P.Actor})
	}
	return out
}

func (x writing) sentence() string {
	switch {
	case x.P.Text != "":
		return x.P.Title + " is supplied."
	case x.book.mine(x.P):
		return x.P.Title + " is to be supplied."
	}
	return x.P.Title + " is to be supplied by " + x.party(x.P) + "."
}

func (x book) today() string {
	return x.Now.In(clock.Zone(x.Room.Engagement.Zone)).Format("2006-01-02")
}

func (x issuing) draftFacts() []site.FactRow {
	var out []site.FactRow
	if p := x.Newest(); p != nil {
		out = append(out, site.FactRow{Key: "Newest draft", Value: "Print " + strconv.FormatInt(p.Number, 10), Href: x.at("/prints/" + string(p.ID))})
	}
	if a := x.Assertion; a != nil && a.Newest {
		out = append(out, site.FactRow{Key: "Assertion", Value: a.Name + ", " + site.Date(a.At)})
	}
	if n := x.Empty["firm"] + x.Empty["client"]; n > 0 {
		out = append(out, site.FactRow{Key: "Not supplied", Value: site.Plural(int64(n), "text is", "texts are") + " printed as a box that says who must supply it", Status: site.StatusUnknown})
	}
	return append(out, x.parts()...)
}

func hasBasis(list []string) bool { return strings.Join(list, "") != "" }

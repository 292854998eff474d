package page

import (
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
)

// guests is the page of invitations.
type guests struct {
	Org   orgs.Org
	List  []orgs.Invitation
	Names map[string]string // members and firms, by id
	Form  site.FormView
	Now   time.Time
	Made  orgs.GrantedInvitation // just now
	Link  string

	Letters  bool
	Sent     string // who was written to just now
	ManyForm site.FormView
	Links    []site.FactRow // of several, to hand over
}

func readGuests(v *site.Visit) (guests, error) {
	g := guests{Now: v.Clock.Now(), Names: map[string]string{}}
	var err error
	if g.Org, err = orgs.Get.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return g, err
	}
	list, err := orgs.Invitations.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return g, err
	}
	g.List = list.Items
	members, err := orgs.Members.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return g, err
	}
	for _, m := range members.Items {
		g.Names[string(m.ID)] = m.Name
	}
	if v.Actor.May(auth.EngageWrite) {
		firms, err := orgs.Firms.Do(v.Context(), v.Desk, op.None{})
		if err != nil {
			return g, err
		}
		for _, f := range firms.Items {
			g.Names[string(f.ID)] = f.Name
		}
	}
	g.Form, g.ManyForm, g.Letters = inviteForm(g.Org, v.Query("role"), v.Letters()), manyForm(g.Org), v.Letters()
	return g, nil
}

func inviteForm(o orgs.Org, chosen string, letters bool) site.FormView {
	role := roleField(o, "", usual(o))
	role.Label, role.Value = "As what", string(usual(o))
	if o.Kind != orgs.Firm {
		for i := range role.Options {
			role.Options[i].Group = "A person of " + o.Name
		}
		role.Options = append(role.Options, site.Option{Value: orgs.AsFirm, Text: "CPA firm that examines " + o.Name, Group: "The other side"})
	}
	for _, r := range role.Options {
		if r.Value == chosen {
			role.Value = chosen
		}
	}
	email, button := "The link is written to it.", "Invite"
	if !letters {
		email, button = "For your own list: this installation sends no letters, so that you hand the link over.", "Make the link"
	}
	return site.FormView{ID: "invite", Action: "/settings/invitations", Fields: []site.FieldView{role,
		{Kind: site.FieldEmail, Name: "email", Label: "Address", Help: email, Optional: true, Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "254"}},
		{Name: "note", Label: "For whom", Help: "For your own list; whoever has the link does not see it.", Optional: true, Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "200"}},
		site.OnceKey(),
	}, Buttons: []site.ButtonView{{Text: button}}}
}

// asText says as what an invitation brings somebody in.
func asText(role string) string {
	if role == orgs.AsFirm {
		return "CPA firm"
	}
	return strings.ReplaceAll(role, "_", " ")
}

func (g guests) open() (n int64) {
	for _, x := range g.List {
		if g.isOpen(x) {
			n++
		}
	}
	return n
}

func (g guests) isOpen(x orgs.Invitation) bool {
	return x.Used.IsZero() && x.Revoked.IsZero() && g.Now.Before(x.Expires)
}

func (g guests) sentence() string {
	switch n := g.open(); n {
	case 0:
		return "No invitation is open."
	default:
		return site.Capital(site.Several(n, "invitation is", "invitations are")) + " open."
	}
}

func (g guests) name(id, otherwise string) string {
	if n := g.Names[id]; n != "" {
		return n
	}
	return otherwise
}

func (g guests) table() site.TableView {
	t := site.TableView{Caption: "Invitations", Columns: []site.Column{{Head: "As what", Phone: site.PlaceFirst}, {Head: "For whom", Wide: true}, {Head: "By"}, {Head: "Made"},
		{Head: "Status"}, {Head: "Act", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "No invitations yet.", Text: "Whoever has the link of one chooses a password of their own; nobody here ever knows it."}}
	for _, x := range g.List {
		status, act := site.Mark(site.StatusNotStarted, "Open until "+site.Date(x.Expires)), site.Words("")
		switch {
		case x.Firm != "":
			status = site.Mark(site.StatusPass, "Accepted by "+g.name(string(x.Firm), "a firm")+", "+site.Date(x.Used))
		case !x.Used.IsZero():
			status = site.Mark(site.StatusPass, "Accepted by "+g.name(string(x.User), "a former member")+", "+site.Date(x.Used))
		case !x.Revoked.IsZero():
			status = site.Mark(site.StatusNotApplicable, "Taken back "+site.Date(x.Revoked))
		case !g.isOpen(x):
			status = site.Mark(site.StatusNotApplicable, "Ran out "+site.Date(x.Expires))
		default:
			act = site.Node(openActs(x))
		}
		t.Rows = append(t.Rows, site.Row{Cells: []site.Cell{site.Words(site.Capital(asText(x.Role))), site.Words(forWhom(x)), site.Words(x.By), site.Words(site.Date(x.Created)), status, act}})
	}
	return t
}

// forWhom is the address and the note of an invitation.
func forWhom(x orgs.Invitation) string {
	if x.Email == "" || x.Note == "" {
		return x.Email + x.Note
	}
	return x.Email + ", " + x.Note
}

func invitationsShell() site.Shell {
	s := settingsShell()
	s.Title = "Invitations"
	s.Crumbs = []site.Crumb{{Text: "Settings", Href: "/settings"}, {Text: "Invitations"}}
	return s
}

func showInvitations(v *site.Visit) error {
	g, err := readGuests(v)
	if err != nil {
		return err
	}
	return v.Show(invitationsShell(), invitationsBody(g))
}

// invite answers with the page itself and not with a redirect: the secret is in
// this answer and nowhere else.
func invite(v *site.Visit) error {
	var in orgs.InvitationWish
	err := v.Form(&in)
	var made orgs.GrantedInvitation
	if err == nil {
		made, err = orgs.Invite.Do(v.Context(), v.Desk, in)
	}
	g, readErr := readGuests(v)
	if readErr != nil {
		return readErr
	}
	if err != nil {
		g.Form.Keep(v.R.PostForm)
		if fault.KindOf(err) == fault.KindDenied || !g.Form.Refused(err) {
			return err
		}
		return v.ShowWrong(invitationsShell(), invitationsBody(g))
	}
	g.Made, g.Link, g.Sent = made, linkTo(v, "/join", made.Secret), letterWords([]orgs.GrantedInvitation{made})
	return v.Show(invitationsShell(), invitationsBody(g))
}

// linkTo is a whole address with a secret in it; empty for one that was shown
// already, because a button was pressed twice.
func linkTo(v *site.Visit, path, secret string) string {
	if secret == "" {
		return ""
	}
	return address(v) + path + "?" + url.Values{"token": {secret}}.Encode()
}

// resend makes a link anew.
func resend(v *site.Visit) error {
	made, err := orgs.Resend.Do(v.Context(), v.Desk, orgs.InvitationRef{ID: v.Path("id")})
	if err != nil {
		return err
	}
	g, err := readGuests(v)
	if err != nil {
		return err
	}
	g.Made, g.Link = made, linkTo(v, "/join", made.Secret)
	g.Sent = letterWords([]orgs.GrantedInvitation{made})
	return v.Show(invitationsShell(), invitationsBody(g))
}

// letterWords says to whom letters are on their way.
func letterWords(list []orgs.GrantedInvitation) string {
	var to []string
	for _, x := range list {
		if !x.Sent.IsZero() {
			to = append(to, x.Email)
		}
	}
	switch {
	case len(to) == 0:
		return ""
	case len(to) > 5:
		return site.Plural(int64(len(to)), "letter is", "letters are") + " on its way."
	}
	return "A letter is on its way to " + strings.Join(to, ", ") + "."
}

// inviteMany invites whoever was pasted, in the same answer.
func inviteMany(v *site.Visit) error {
	var in struct {
		Emails string `json:"emails"`
		Role   string `json:"role"`
		Note   string `json:"note"`
	}
	err := v.Form(&in)
	var made orgs.Many
	list := orgs.Addresses(in.Emails)
	if err == nil && len(list) == 0 {
		err = fault.Invalid("emails", "paste addresses such as name@example.com, one to a line")
	}
	if err == nil {
		made, err = orgs.InviteMany.Do(v.Context(), v.Desk, orgs.ManyWish{Emails: list, Role: in.Role, Note: in.Note})
	}
	g, readErr := readGuests(v)
	if readErr != nil {
		return readErr
	}
	if err != nil {
		g.ManyForm.Keep(v.R.PostForm)
		if fault.KindOf(err) == fault.KindDenied || !g.ManyForm.Refused(err) {
			return err
		}
		return v.ShowWrong(invitationsShell(), invitationsBody(g))
	}
	g.Sent = letterWords(made.List)
	for _, x := range made.List {
		if x.Secret != "" {
			g.Links = append(g.Links, site.Text(x.Email, linkTo(v, "/join", x.Secret)))
		}
	}
	return v.Show(invitationsShell(), invitationsBody(g))
}

func manyForm(o orgs.Org) site.FormView {
	role := roleField(o, "many", usual(o))
	role.Label = "As what"
	return site.FormView{ID: "many", Action: "/settings/invitations/many", Fields: []site.FieldView{
		{Kind: site.FieldArea, Name: "emails", Label: "Addresses", Help: "Up to 100, one to a line or as a mail program writes them.", Prefix: "many", Rows: 5, Autocomplete: "off", Attrs: templ.Attributes{"spellcheck": "false"}},
		role,
		{Name: "note", Label: "Note", Help: "For your own list.", Prefix: "many", Optional: true, Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "200"}},
		site.OnceKey(),
	}, Buttons: []site.ButtonView{{Text: "Invite them"}}}
}

func uninvite(v *site.Visit) error {
	if _, err := orgs.Uninvite.Do(v.Context(), v.Desk, orgs.InvitationRef{ID: v.Path("id")}); err != nil {
		return err
	}
	return v.Goto("/settings/invitations")
}

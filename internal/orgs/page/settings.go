package page

import (
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
)

// settings is everything the page shows.
type settings struct {
	Org     orgs.Org
	Stale   orgs.Org // as it is now, when a change came too late
	Members []auth.Member
	Tokens  []tokenRow
	Me      auth.Actor
	Now     time.Time

	OrgForm, Member, TokenForm site.FormView
	Door                       doorPart

	MayEdit, MayAdd, MayToken bool
	SecretName, Secret        string // a token made just now
}

type tokenRow struct {
	auth.Token
	State string
	Good  bool
}

func read(v *site.Visit) (settings, error) {
	s := settings{Me: v.Actor, Now: v.Clock.Now(),
		MayEdit: v.Actor.May(auth.OrgWrite), MayAdd: v.Actor.May(auth.MembersWrite), MayToken: v.Actor.May(auth.TokensWrite)}
	var err error
	if s.Org, err = orgs.Get.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return s, err
	}
	members, err := orgs.Members.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return s, err
	}
	s.Members = members.Items
	list, err := orgs.Tokens.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return s, err
	}
	for _, t := range list.Items {
		s.Tokens = append(s.Tokens, stateOf(t, s.Now))
	}
	if s.Door, err = readDoor(v); err != nil {
		return s, err
	}
	s.OrgForm, s.Member, s.TokenForm = orgForm(s.Org), memberForm(s.Org), tokenForm()
	return s, nil
}

func stateOf(t auth.Token, now time.Time) tokenRow {
	switch {
	case !t.Revoked.IsZero():
		return tokenRow{t, "revoked " + site.Date(t.Revoked), false}
	case now.After(t.Expires):
		return tokenRow{t, "ended " + site.Date(t.Expires), false}
	}
	return tokenRow{t, "until " + site.Date(t.Expires), true}
}

func (s settings) sentence() string {
	n := 0
	for _, t := range s.Tokens {
		if t.Good {
			n++
		}
	}
	return s.Org.Name + " has " + site.Several(len(s.Members), "member", "members") + " and " + site.Several(n, "token", "tokens") + " in use."
}

func (s settings) facts() []site.Fact {
	return []site.Fact{{Text: "Since " + site.Date(s.Org.Created)}, {Text: "Days begin in " + s.Org.Zone}, {Text: "You are " + rolesText(s.roles(s.Me.User))}}
}

// mine are the pages of whoever reads, and of this browser.
func (s settings) mine() []site.LinkRow {
	return []site.LinkRow{
		{Text: "Your sign-in", Note: "passkeys, codes, and where you are signed in", Href: site.FactorsPath},
		{Text: "Your password", Note: "changing it signs every other place out", Href: "/settings/password"},
		{Text: "How you are told", Note: "what goes to your mail, and when", Href: "/notices/preferences"},
		{Text: "Saved views", Note: "lists as you and others keep them", Href: "/views"},
	}
}

// further are the other pages about the organization and the installation, of
// those that the reader may open.
func (s settings) further() []site.LinkRow {
	var out []site.LinkRow
	add := func(may bool, text, note, href string) {
		if may {
			out = append(out, site.LinkRow{Text: text, Note: note, Href: href})
		}
	}
	add(s.MayAdd, "Invitations", "by a link, one or many at once", "/settings/invitations")
	add(s.MayEdit, "Channels", "Slack, Teams and webhooks that are told what happens", "/settings/channels")
	add(s.MayEdit, "Mail", "which letters were sent, and which wait", "/settings/letters")
	add(s.Me.May(auth.EraseRead), "Erasure and retention", "what is kept how long, and what holds it", "/erasures")
	add(s.Me.May(auth.OrgRead), "Health of the log", "signatures, witnesses, backups and how to check them", "/log/health")
	add(s.Me.May(auth.ExportWrite), "Export", "the whole log with its evidence, in one file", "/export")
	add(s.Me.May(auth.JobsRead), "Jobs", "what the machine did, does and waits to do", "/jobs")
	add(true, "Assistants (MCP)", "how a program of yours reads Tickmark with a token", "/help/docs/mcp")
	return out
}

func (s settings) roles(u id.User) []auth.Role {
	for _, m := range s.Members {
		if m.ID == u {
			return m.Roles
		}
	}
	return nil
}

func (s settings) nameOf(u id.User) string {
	for _, m := range s.Members {
		if m.ID == u {
			return m.Name
		}
	}
	return string(u)
}

func rolesText(list []auth.Role) string {
	var out []string
	for _, r := range list {
		out = append(out, strings.ReplaceAll(string(r), "_", " "))
	}
	return strings.Join(out, ", ")
}

// memberLinks are what there is to do with members.
func (s settings) memberLinks() templ.Component {
	list := []site.Link{{Text: "Search them", Href: "/settings/members"}}
	if s.MayAdd {
		list = append([]site.Link{{Text: "Invite people", Href: "/settings/invitations"}}, list...)
	}
	return memberLinks(list)
}

// faulty reports whether a form came back: it is not folded then.
func faulty(f site.FormView) bool { return len(f.Errors()) > 0 || f.Problem != "" }

func (s settings) memberTable() site.TableView {
	t := site.TableView{Caption: "Members", Columns: []site.Column{
		{Head: "Name", Wide: true, Phone: site.PlaceFirst}, {Head: "Address"}, {Head: "Role", Phone: site.PlaceEnd},
	}}
	for _, m := range s.Members {
		row := site.Row{Cells: []site.Cell{site.Node(site.Person(m.Name)), site.Words(m.Email), site.Words(site.Capital(rolesText(m.Roles)))}}
		if s.MayAdd {
			row.Href = "/settings/members/" + string(m.ID)
			row.Cells[0] = site.Cell{Text: m.Name, Href: row.Href, Strong: true}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (s settings) tokenTable() site.TableView {
	t := site.TableView{Caption: "Tokens", Columns: []site.Column{
		{Head: "Token", Wide: true, Phone: site.PlaceFirst}, {Head: "Acts for"}, {Head: "May"}, {Head: "Good", Phone: site.PlaceEnd}, {Head: "Act", Phone: site.PlaceEnd},
	}, Empty: site.EmptyView{Title: "No tokens.", Text: "A program with one acts for the member who made it, over the API or the command line."}}
	for _, x := range s.Tokens {
		act := site.Words("")
		if s.mayEnd(x) {
			act = site.Node(site.Button(site.ButtonView{Text: "Revoke", Opens: revokeDialog(x).ID, Href: revokeDialog(x).Action}))
		}
		t.Rows = append(t.Rows, site.Row{Cells: []site.Cell{site.Words(x.Name), site.Words(s.nameOf(x.User)), site.Words(x.Access), site.Words(x.State), act}})
	}
	return t
}

// live are the tokens that can still be revoked.
func (s settings) live() []tokenRow {
	return slices.DeleteFunc(slices.Clone(s.Tokens), func(t tokenRow) bool { return !s.mayEnd(t) })
}

// mayEnd reports whether to offer the end of a token.
func (s settings) mayEnd(t tokenRow) bool {
	return t.Good && s.MayToken && (t.User == s.Me.User || s.MayAdd)
}

func revokeDialog(t tokenRow) site.DialogView {
	return site.DialogView{ID: "revoke-" + string(t.ID), Title: "Revoke the token " + t.Name, Object: string(t.ID),
		Action: "/settings/tokens/" + string(t.ID) + "/revoke", Submit: "Revoke the token", Danger: true}
}

func orgForm(o orgs.Org) site.FormView {
	z := zoneField(o.Zone)
	z.Prefix = "org"
	return site.FormView{ID: "org", Action: "/settings", Version: strconv.FormatInt(o.Version, 10),
		Fields: []site.FieldView{
			{Name: "name", Label: "Name", Help: "As the report will give it.", Value: o.Name, Prefix: "org", Autocomplete: "organization", Attrs: templ.Attributes{"maxlength": "200"}},
			z,
		},
		Buttons: []site.ButtonView{{Text: "Save the organization"}}}
}

// rolesOf are the roles that this kind of organization has.
func rolesOf(o orgs.Org) []auth.Role {
	if o.Kind == orgs.Firm {
		return auth.FirmRoles()
	}
	return auth.Roles()
}

// roleField asks what a person does here.
func roleField(o orgs.Org, prefix string, chosen auth.Role) site.FieldView {
	f := site.FieldView{Kind: site.FieldSelect, Name: "role", Label: "Role", Prefix: prefix, Value: string(chosen),
		Help: "Owners may do everything. Compliance leads run the program. Control owners keep their controls and evidence. Sponsors read and sign the assertion. Operators keep sources and jobs. Employees see their own duties."}
	if o.Kind == orgs.Firm {
		f.Help = "Partners accept engagements and sign opinions. Managers review what staff have tested. Staff draw, test and propose."
	}
	for _, r := range rolesOf(o) {
		f.Options = append(f.Options, site.Option{Value: string(r), Text: site.Capital(rolesText([]auth.Role{r}))})
	}
	return f
}

// usual is the role that most people who come in have.
func usual(o orgs.Org) auth.Role {
	if o.Kind == orgs.Firm {
		return auth.Staff
	}
	return auth.ControlOwner
}

func memberForm(o orgs.Org) site.FormView {
	role := roleField(o, "member", usual(o))
	return site.FormView{ID: "member", Action: "/settings/members",
		Fields: []site.FieldView{
			{Name: "name", Label: "Name", Prefix: "member", Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "200"}},
			{Kind: site.FieldEmail, Name: "email", Label: "Address", Help: "They sign in with it. No mail is sent.", Prefix: "member", Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "254"}},
			role,
			{Name: "password", Label: "First password", Help: "Made up just now; change it or take it. Hand it over in person.", Prefix: "member", Mono: true, Value: suggestion(),
				Autocomplete: "off", Attrs: templ.Attributes{"spellcheck": "false", "maxlength": "256"}},
		},
		Buttons: []site.ButtonView{{Text: "Add the person"}}}
}

// suggestion is a password that can be read out: four groups of five.
func suggestion() string {
	s := strings.ToLower(rand.Text())
	return s[0:5] + "-" + s[5:10] + "-" + s[10:15] + "-" + s[15:20]
}

func tokenForm() site.FormView {
	return site.FormView{ID: "token", Action: "/settings/tokens",
		Fields: []site.FieldView{
			{Name: "name", Label: "What will use it", Help: "Such as: nightly CI.", Prefix: "token", Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "100"}},
			{Kind: site.FieldNumber, Name: "days", Label: "Days it is good", Help: "1 to 366. It can be revoked before.", Value: "90", Prefix: "token", Short: true, Attrs: templ.Attributes{"min": "1", "max": "366"}},
			{Kind: site.FieldSelect, Name: "access", Label: "What it may do", Help: "Never more than you may yourself.", Prefix: "token", Options: []site.Option{{Value: auth.AccessRead, Text: "Read"}, {Value: auth.AccessWrite, Text: "Read and write"}}},
		},
		Buttons: []site.ButtonView{{Text: "Make the token"}}}
}

func kindText(o orgs.Org) string {
	if o.Kind == orgs.Firm {
		return "CPA firm"
	}
	return "Organization"
}

func settingsShell() site.Shell {
	return site.Shell{Title: "Settings", Current: "/settings", Crumbs: []site.Crumb{{Text: "Settings"}}}
}

func showSettings(v *site.Visit) error {
	s, err := read(v)
	if err != nil {
		return err
	}
	return v.Show(settingsShell(), settingsBody(s))
}

// refuse shows the settings again with what was wrong in one of the forms.
func refuse(v *site.Visit, pick func(*settings) *site.FormView, cause error) error {
	if fault.KindOf(cause) == fault.KindDenied {
		return cause // the form is not offered, so nothing could be said at it
	}
	s, err := read(v)
	if err != nil {
		return err
	}
	form := pick(&s)
	form.Keep(v.R.PostForm)
	missing := ask(form, v.R.PostForm)
	if !missing && !form.Refused(cause) {
		return cause
	}
	if f := fault.As(cause); f != nil && f.Kind == fault.KindConflict {
		s.Stale, _ = f.Current.(orgs.Org)
	}
	return v.ShowWrong(settingsShell(), settingsBody(s))
}

func saveOrg(v *site.Visit) error {
	var in orgs.Change
	err := v.Form(&in)
	if err == nil {
		_, err = orgs.Update.Do(v.Context(), v.Desk, in)
	}
	if err != nil {
		return refuse(v, func(s *settings) *site.FormView { return &s.OrgForm }, err)
	}
	return v.Goto("/settings#organization")
}

func addMember(v *site.Visit) error {
	var in orgs.NewMember
	err := v.Form(&in)
	if err == nil {
		_, err = orgs.AddMem.Do(v.Context(), v.Desk, in)
	}
	if err != nil {
		return refuse(v, func(s *settings) *site.FormView { return &s.Member }, err)
	}
	return v.Goto("/settings#members")
}

// makeToken answers with the page itself and not with a redirect: the secret
// is in this answer and nowhere else.
func makeToken(v *site.Visit) error {
	var in orgs.TokenWish
	err := v.Form(&in)
	var made orgs.GrantedToken
	if err == nil {
		made, err = orgs.NewToken.Do(v.Context(), v.Desk, in)
	}
	if err != nil {
		return refuse(v, func(s *settings) *site.FormView { return &s.TokenForm }, err)
	}
	s, err := read(v)
	if err != nil {
		return err
	}
	s.SecretName, s.Secret = made.Name, made.Secret
	return v.Show(settingsShell(), settingsBody(s))
}

func findToken(v *site.Visit) (settings, tokenRow, error) {
	s, err := read(v)
	if err != nil {
		return s, tokenRow{}, err
	}
	for _, t := range s.Tokens {
		switch {
		case string(t.ID) != v.Path("id") || !t.Good:
		case !s.mayEnd(t):
			return s, t, fault.Denied("This token acts for another member, who can end it. So can an owner.")
		default:
			return s, t, nil
		}
	}
	return s, tokenRow{}, fault.NotFound("There is no token %s that is still good.", v.Path("id"))
}

// askRevoke is the dialog for browsers without scripts.
func askRevoke(v *site.Visit) error {
	s, t, err := findToken(v)
	if err != nil {
		return err
	}
	shell := settingsShell()
	shell.Crumbs = []site.Crumb{{Text: "Settings", Href: "/settings"}, {Text: "Revoke a token"}}
	return v.Show(shell, revokeBody(t, s.nameOf(t.User)))
}

func revokeToken(v *site.Visit) error {
	if _, err := orgs.EndToken.Do(v.Context(), v.Desk, orgs.TokenRef{ID: v.Path("id")}); err != nil {
		return err
	}
	return v.Goto("/settings#tokens")
}

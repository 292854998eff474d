package page

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
)

// mine is a person's own sign-in.
type mine struct {
	auth.Factors
	Me       auth.Actor
	Demanded bool // by an organization they belong to
	Sessions []auth.Session
	Orgs     map[id.Org]string
	Now      time.Time
	Able     bool // browsers have passkeys at this address
	Where    string
	Codes    []string // just made
	Done     string
	Wrong    string
}

func readMine(v *site.Visit) (mine, error) {
	m := mine{Me: v.Actor, Now: v.Clock.Now(), Orgs: map[id.Org]string{}}
	place, able := auth.PlaceOf(address(v))
	m.Able, m.Where = able, place.Host()
	err := v.DB.Read(v.Context(), db.All, func(tx *db.Tx) (err error) {
		m.Factors, m.Demanded, err = orgs.FactorsOf(tx, v.Actor)
		return err
	})
	if err != nil {
		return m, err
	}
	list, err := orgs.Sessions.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return m, err
	}
	here := auth.RefOf(before(v))
	for _, s := range list.Items {
		s.Here = s.Ref == here
		m.Sessions = append(m.Sessions, s)
	}
	if v.Actor.Lacks {
		return m, nil
	}
	all, err := orgs.Mine.Do(v.Context(), v.Desk, op.None{})
	for _, o := range all.Items {
		m.Orgs[o.ID] = o.Name
	}
	return m, err
}

func (m mine) sentence() string {
	switch {
	case m.Me.Lacks:
		return "Set up a second factor to go on."
	case m.Any():
		return "You sign in with a password and a second factor."
	}
	return "You sign in with a password alone."
}

func (m mine) facts() []site.Fact {
	if m.Me.Lacks {
		return []site.Fact{{Text: "Your organization requires one of everybody who signs in with a browser"}}
	}
	return []site.Fact{{Text: site.Plural(int64(len(m.Sessions)), "place", "places") + " where you are signed in", Href: "#sessions"}, {Text: "Settings", Href: "/settings"}}
}

func factorsShell(crumbs ...site.Crumb) site.Shell {
	s := settingsShell()
	s.Title = "Your sign-in"
	s.Crumbs = append([]site.Crumb{{Text: "Settings", Href: "/settings"}}, crumbs...)
	s.Scripts = []string{site.PasskeyScript}
	return s
}

// showMine writes a page about one's own sign-in: inside the shell, or outside
// while nothing else may be opened.
func showMine(v *site.Visit, status int, title string, body templ.Component) error {
	if v.Actor.Lacks {
		return v.ShowBare(status, site.BareShell{Title: title, Width: site.BareText, Scripts: []string{site.PasskeyScript}}, body)
	}
	crumb := site.Crumb{Text: title}
	if title == "Your sign-in" {
		return show(v, status, factorsShell(crumb), body)
	}
	return show(v, status, factorsShell(site.Crumb{Text: "Your sign-in", Href: site.FactorsPath}, crumb), body)
}

func show(v *site.Visit, status int, s site.Shell, body templ.Component) error {
	if status == http.StatusOK {
		return v.Show(s, body)
	}
	return v.ShowWrong(s, body)
}

func showFactors(v *site.Visit) error {
	m, err := readMine(v)
	if err != nil {
		return err
	}
	m.Done = map[string]string{"totp": "The program was taken away.", "passkey": "The passkey was taken away.", "renamed": "The passkey has its new name.",
		"session": "That session has ended.", "others": "Every other session has ended."}[v.Query("done")]
	return showMine(v, http.StatusOK, "Your sign-in", factorsBody(m))
}

// refused shows the page again with what was wrong; other errors go on.
func refused(v *site.Visit, err error) error {
	f := fault.As(err)
	if f == nil || f.Kind == fault.KindInternal || errors.Is(err, auth.ErrProve) {
		return err
	}
	m, readErr := readMine(v)
	if readErr != nil {
		return readErr
	}
	m.Wrong = f.Message
	return showMine(v, http.StatusUnprocessableEntity, "Your sign-in", factorsBody(m))
}

// gained shows recovery codes, in this answer and nowhere else, or leads back.
func gained(v *site.Visit, g orgs.Gained) error {
	if len(g.Codes) == 0 {
		return v.Goto(site.FactorsPath)
	}
	// The gate may have opened with this very act.
	v.Actor.Lacks = false
	return showMine(v, http.StatusOK, "Recovery codes", codesBody(g.Codes))
}

func makeCodes(v *site.Visit) error {
	g, err := orgs.NewCodes.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return refused(v, err)
	}
	return gained(v, g)
}

func whereOf(v *site.Visit) string {
	host := strings.TrimPrefix(strings.TrimPrefix(address(v), "https://"), "http://")
	return "Tickmark " + strings.ReplaceAll(host, ":", " ")
}

// beginTOTP makes a secret and leads to the page that shows it.
func beginTOTP(v *site.Visit) error {
	if _, err := orgs.BeginTOTP.Do(v.Context(), v.Desk, orgs.Naming{Where: whereOf(v)}); err != nil {
		return refused(v, err)
	}
	return v.Goto(site.FactorsPath + "/totp")
}

func codeForm() site.FormView {
	return site.FormView{Action: site.FactorsPath + "/totp/confirm", Fields: []site.FieldView{
		{Name: "code", Label: "The code it shows now", Mono: true, Short: true, Autocomplete: "one-time-code", Attrs: templ.Attributes{"inputmode": "numeric", "maxlength": "10", "spellcheck": "false"}},
	}, Buttons: []site.ButtonView{{Text: "Use this program"}, {Text: "Cancel", Href: site.FactorsPath}}}
}

func pendingTOTP(v *site.Visit) (e auth.Enrolment, there bool, err error) {
	if err := v.Actor.Proved(v.Clock.Now()); err != nil {
		return e, false, err
	}
	k, err := v.Vault.Installation(v.Context())
	if err != nil {
		return e, false, err
	}
	err = v.DB.Read(v.Context(), db.All, func(tx *db.Tx) (err error) {
		e, there, err = auth.PendingTOTP(tx, k, auth.User{ID: v.Actor.User, Email: v.Actor.Email}, whereOf(v))
		return err
	})
	return e, there, err
}

func showTOTP(v *site.Visit) error {
	e, there, err := pendingTOTP(v)
	if err != nil {
		return err
	}
	if !there {
		return v.Goto(site.FactorsPath)
	}
	return showMine(v, http.StatusOK, "A program that makes codes", totpBody(e, codeForm()))
}

func confirmTOTP(v *site.Visit) error {
	var in orgs.CodeGiven
	if err := v.Form(&in); err != nil {
		return err
	}
	v.Key = ""
	err := v.Throttle.Try(auth.ForCode, string(v.Actor.User), v.From, v.Clock.Now())
	var g orgs.Gained
	if err == nil {
		g, err = orgs.ConfirmTOTP.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		v.Throttle.Succeed(auth.ForCode, string(v.Actor.User), v.From)
		return gained(v, g)
	}
	e, there, readErr := pendingTOTP(v)
	form := codeForm()
	if readErr != nil || !there || !form.Refused(err) {
		return errors.Join(err, readErr)
	}
	return showMine(v, http.StatusUnprocessableEntity, "A program that makes codes", totpBody(e, form))
}

func removeTOTP(v *site.Visit) error {
	if _, err := orgs.RemoveTOTP.Do(v.Context(), v.Desk, op.None{}); err != nil {
		return refused(v, err)
	}
	return v.Goto(site.FactorsPath + "?done=totp")
}

// newKey is the page on which a passkey is made.
type newKey struct {
	Passkey site.PasskeyView
	Name    site.FieldView
}

func newKeyOf(v *site.Visit) (n newKey, err error) {
	if err := v.Actor.Proved(v.Clock.Now()); err != nil {
		return n, err
	}
	place, able := auth.PlaceOf(address(v))
	if !able {
		return n, fault.Conflict("Passkeys need a name in the address, and https: open this page at such an address, or use a program that makes codes.")
	}
	var q auth.Question
	err = v.DB.Read(v.Context(), db.All, func(tx *db.Tx) (err error) {
		q, err = place.NewPasskey(tx, auth.User{ID: v.Actor.User, Name: v.Actor.Name, Email: v.Actor.Email})
		return err
	})
	if err != nil {
		return n, err
	}
	n.Passkey, err = questionView(v, forNew, q)
	n.Passkey.Ask, n.Passkey.Action, n.Passkey.Button, n.Passkey.Kind = "create", site.FactorsPath+"/passkey", "Make the passkey", site.ButtonPrimary
	n.Passkey.Without = "This needs a browser that runs scripts and knows passkeys. A program that makes codes works with any."
	n.Name = site.FieldView{Name: "name", Label: "What to call it", Help: "So that you know which to take away when a device is lost.", Value: deviceOf(v.R.UserAgent()), Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "100"}}
	return n, err
}

func showNewKey(v *site.Visit) error {
	n, err := newKeyOf(v)
	if err != nil {
		return refused(v, err)
	}
	return showMine(v, http.StatusOK, "A passkey", newKeyBody(n))
}

func addKey(v *site.Visit) error {
	var in orgs.KeyGiven
	if err := v.Form(&in); err != nil {
		return err
	}
	v.Key = ""
	var g orgs.Gained
	a, err := answered(v, forNew)
	if err == nil {
		in.Passkey = a
		g, err = orgs.AddPasskey.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		return gained(v, g)
	}
	f := fault.As(err)
	n, readErr := newKeyOf(v)
	if f == nil || f.Kind == fault.KindInternal || readErr != nil {
		return errors.Join(err, readErr)
	}
	n.Name.Value = in.Name
	if f.Field == "name" {
		n.Name.Error = f.Message
	} else {
		n.Passkey.Problem = f.Message
	}
	return showMine(v, http.StatusUnprocessableEntity, "A passkey", newKeyBody(n))
}

func renameKey(v *site.Visit) error {
	in := orgs.KeyName{ID: v.Path("id")}
	if err := v.Form(&in); err != nil {
		return err
	}
	in.ID = v.Path("id")
	if _, err := orgs.RenamePasskey.Do(v.Context(), v.Desk, in); err != nil {
		return refused(v, err)
	}
	return v.Goto(site.FactorsPath + "?done=renamed")
}

func removeKey(v *site.Visit) error {
	if _, err := orgs.RemovePasskey.Do(v.Context(), v.Desk, orgs.KeyName{ID: v.Path("id")}); err != nil {
		return refused(v, err)
	}
	return v.Goto(site.FactorsPath + "?done=passkey")
}

func endSession(v *site.Visit) error {
	if _, err := orgs.EndOne.Do(v.Context(), v.Desk, orgs.SessionRef{ID: v.Path("id")}); err != nil {
		return refused(v, err)
	}
	return v.Goto(site.FactorsPath + "?done=session#sessions")
}

func endOthers(v *site.Visit) error {
	if _, err := orgs.EndOthers.Do(v.Context(), v.Desk, orgs.Leaving{Secret: before(v)}); err != nil {
		return err
	}
	return v.Goto(site.FactorsPath + "?done=others#sessions")
}

// deviceOf is what people call the device that a browser says it is on.
func deviceOf(agent string) string {
	browser, system := "", ""
	for _, p := range [][2]string{{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"HeadlessChrome/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"}} {
		if strings.Contains(agent, p[0]) {
			browser = p[1]
			break
		}
	}
	for _, p := range [][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "Mac"}, {"CrOS", "Chromebook"}, {"Linux", "Linux"}} {
		if strings.Contains(agent, p[0]) {
			system = p[1]
			break
		}
	}
	switch {
	case browser != "" && system != "":
		return browser + " on " + system
	case browser+system != "":
		return browser + system
	case agent == "":
		return "a browser that does not say what it is"
	}
	return strings.Join(strings.Fields(agent[:min(len(agent), 60)]), " ")
}

func (m mine) keyTable() site.TableView {
	t := site.TableView{Caption: "Passkeys", Columns: []site.Column{{Head: "Passkey", Wide: true, Phone: site.PlaceFirst}, {Head: "Made"}, {Head: "Last used"}, {Head: "Act", Phone: site.PlaceEnd}},
		Empty: site.EmptyView{Title: "No passkeys.", Text: "A passkey is kept by a device or a security key. It opens the door without a password, and only at this address."}}
	for _, p := range m.Passkeys {
		used := site.Words("never")
		if !p.Used.IsZero() {
			used = site.Node(site.Age(p.Used, m.Now))
		}
		t.Rows = append(t.Rows, site.Row{Cells: []site.Cell{site.Node(keyName(p)), site.Words(site.Date(p.Created)), used,
			site.Node(act(site.FactorsPath+"/passkeys/"+p.ID+"/remove", "Take away", "Take away "+p.Name))}})
	}
	return t
}

func (m mine) sessionTable() site.TableView {
	t := site.TableView{Caption: "Where you are signed in", Columns: []site.Column{{Head: "Device", Wide: true, Phone: site.PlaceFirst}, {Head: "Address"}, {Head: "Organization"}, {Head: "By"}, {Head: "Last seen"}, {Head: "Act", Phone: site.PlaceEnd}}}
	for _, s := range m.Sessions {
		by := map[string]string{"": "password", auth.ByTOTP: "password and code", auth.ByCode: "password and recovery code", auth.ByPasskey: "passkey"}[s.Factor]
		end := site.Words("this browser")
		if !s.Here {
			end = site.Node(act(site.FactorsPath+"/sessions/"+s.Ref+"/end", "End", "End the session on "+deviceOf(s.Agent)+", seen "+site.Ago(s.Seen, m.Now)))
		}
		where := s.Address
		if where == "" {
			where = "not kept"
		}
		t.Rows = append(t.Rows, site.Row{Cells: []site.Cell{site.Words(deviceOf(s.Agent)), site.Words(where), site.Words(m.Orgs[s.Org]), site.Words(by), site.Node(site.Age(s.Seen, m.Now)), end}})
	}
	return t
}

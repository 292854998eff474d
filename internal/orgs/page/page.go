// Package page holds the pages on which an organization begins and is kept:
// first setup, sign-in, and the settings.
package page

import (
	"net/url"
	"strings"
	"unicode"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /setup", Open: true, Handle: showSetup},
		{Pattern: "POST /setup", Open: true, Handle: setUp},
		{Pattern: "GET /sign-in", Open: true, Handle: showSignIn},
		{Pattern: "POST /sign-in", Open: true, Handle: signIn},
		{Pattern: "POST /sign-in/passkey", Open: true, Handle: passkeyIn},
		{Pattern: "POST /sign-in/second", Open: true, Handle: secondIn},
		{Pattern: "POST /sign-out", Open: true, Handle: signOut},
		{Pattern: "GET /forgotten", Open: true, Handle: showForgotten},
		{Pattern: "POST /forgotten", Open: true, Handle: forgotten},
		{Pattern: "GET /again", Open: true, Handle: showAgain},
		{Pattern: "POST /again", Open: true, Handle: again},
		{Pattern: "GET /prove", Self: true, Handle: showProve},
		{Pattern: "POST /prove", Self: true, Handle: prove},
		{Pattern: "GET " + site.FactorsPath, Self: true, Handle: showFactors},
		{Pattern: "POST " + site.FactorsPath + "/totp", Self: true, Handle: beginTOTP},
		{Pattern: "GET " + site.FactorsPath + "/totp", Self: true, Handle: showTOTP},
		{Pattern: "POST " + site.FactorsPath + "/totp/confirm", Self: true, Handle: confirmTOTP},
		{Pattern: "POST " + site.FactorsPath + "/totp/remove", Self: true, Handle: removeTOTP},
		{Pattern: "POST " + site.FactorsPath + "/codes", Self: true, Handle: makeCodes},
		{Pattern: "GET " + site.FactorsPath + "/passkey", Self: true, Handle: showNewKey},
		{Pattern: "POST " + site.FactorsPath + "/passkey", Self: true, Handle: addKey},
		{Pattern: "POST " + site.FactorsPath + "/passkeys/{id}", Self: true, Handle: renameKey},
		{Pattern: "POST " + site.FactorsPath + "/passkeys/{id}/remove", Self: true, Handle: removeKey},
		{Pattern: "POST " + site.FactorsPath + "/sessions/{id}/end", Self: true, Handle: endSession},
		{Pattern: "POST " + site.FactorsPath + "/sessions/others", Self: true, Handle: endOthers},
		{Pattern: "GET /settings", Handle: showSettings},
		{Pattern: "POST /settings", Handle: saveOrg},
		{Pattern: "POST /settings/door", Handle: saveDoor},
		{Pattern: "POST /settings/letter", Handle: testLetter},
		{Pattern: "POST /settings/organizations", Handle: further},
		{Pattern: "GET /settings/members", Handle: showMembers},
		{Pattern: "POST /settings/members/{id}/deactivate", Handle: turn(orgs.Rest)},
		{Pattern: "POST /settings/members/{id}/activate", Handle: turn(orgs.Wake)},
		{Pattern: "POST /settings/members/{id}/recover", Handle: recoverMember},
		{Pattern: "POST /settings/invitations/many", Handle: inviteMany},
		{Pattern: "POST /settings/invitations/{id}/resend", Handle: resend},
		{Pattern: "POST /settings/members", Handle: addMember},
		{Pattern: "GET /settings/members/{id}", Handle: showMember},
		{Pattern: "POST /settings/members/{id}", Handle: changeRole},
		{Pattern: "GET /settings/members/{id}/remove", Handle: askRemove},
		{Pattern: "POST /settings/members/{id}/remove", Handle: removeMember},
		{Pattern: "GET /settings/invitations", Handle: showInvitations},
		{Pattern: "POST /settings/invitations", Handle: invite},
		{Pattern: "POST /settings/invitations/{id}/revoke", Handle: uninvite},
		{Pattern: "GET /settings/password", Handle: showPassword},
		{Pattern: "POST /settings/password", Handle: changePassword},
		{Pattern: "POST /switch", Handle: switchOrg},
		{Pattern: "GET /join", Open: true, Handle: showJoin},
		{Pattern: "POST /join", Open: true, Handle: join},
		{Pattern: "POST /settings/tokens", Handle: makeToken},
		{Pattern: "GET /settings/tokens/{id}/revoke", Handle: askRevoke},
		{Pattern: "POST /settings/tokens/{id}/revoke", Handle: revokeToken},
	}
}

// setupDone reports whether the first organization exists.
func setupDone(v *site.Visit) (done bool, err error) {
	err = v.DB.Read(v.Context(), db.All, func(tx *db.Tx) error {
		done, err = auth.SetupDone(tx)
		return err
	})
	return done, err
}

// local is an address a sign-in may lead to: a path of this installation and
// nothing else, since the link may come from a stranger.
func local(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(to, "/") ||
		strings.HasPrefix(to, "//") || strings.Contains(to, `\`) || strings.ContainsFunc(to, unicode.IsControl) {
		return "/"
	}
	if u.Path == "/sign-in" || u.Path == "/sign-out" || u.Path == "/setup" || u.Path == "/join" || u.Path == "/again" || u.Path == "/forgotten" || u.Path == "/prove" || strings.HasPrefix(u.Path, "/sign-in/") {
		return "/"
	}
	return to
}

// ask puts "is needed" at each required field that was left empty, before
// anything else is looked at. It reports whether there was one.
func ask(f *site.FormView, posted url.Values) bool {
	wrong := false
	for i := range f.Fields {
		x := &f.Fields[i]
		if x.Optional || x.Kind == site.FieldHidden || strings.TrimSpace(posted.Get(x.Name)) != "" {
			continue
		}
		x.Error, wrong = "This is needed.", true
	}
	return wrong
}

// set gives a field its value.
func set(f *site.FormView, name, value string) {
	for i := range f.Fields {
		if f.Fields[i].Name == name {
			f.Fields[i].Value = value
		}
	}
}

// fail puts an error at a field.
func fail(f *site.FormView, name, text string) {
	for i := range f.Fields {
		if f.Fields[i].Name == name {
			f.Fields[i].Error = text
		}
	}
}

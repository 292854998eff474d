package ldap

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/tickmark/tickmark/internal/collectors/wire"
	"github.com/tickmark/tickmark/internal/sources"
)

// Attributes of an account, by what they tell. userPassword and its like are
// not among them.
var (
	plainAttributes  = []string{"objectClass", "uid", "cn", "displayName", "mail", "uidNumber", "gidNumber", "loginShell", "homeDirectory", "sshPublicKey", "createTimestamp", "shadowExpire", "shadowLastChange", "shadowMax"}
	policyAttributes = []string{"pwdChangedTime", "pwdAccountLockedTime", "pwdReset", "pwdLastSuccess", "authTimestamp", "pwdPolicySubentry", "pwdEndTime", "nsAccountLock", "passwordExpirationTime", "krbLastSuccessfulAuth", "krbLastPwdChange", "krbPasswordExpiration"}
	adAttributes     = []string{"sAMAccountName", "userAccountControl", "pwdLastSet", "lastLogonTimestamp", "accountExpires", "lockoutTime", "msDS-UserPasswordExpiryTimeComputed", "servicePrincipalName", "whenCreated", "primaryGroupID"}
)

func (l *look) accountAttributes() []string {
	if l.product == "active_directory" {
		return slices.Concat(plainAttributes, adAttributes)
	}
	return slices.Concat(plainAttributes, policyAttributes)
}

func (l *look) accountFilter() string {
	switch {
	case l.at.filter != "":
		return l.at.filter
	case l.product == "active_directory":
		return "(|(&(objectCategory=person)(objectClass=user))(objectClass=msDS-GroupManagedServiceAccount))"
	}
	return "(|(objectClass=person)(objectClass=posixAccount)(objectClass=account)(objectClass=simpleSecurityObject)(objectClass=applicationProcess))"
}

type account struct {
	facts   wire.Facts
	key     string // its entry's name
	dn      string // the same in normal form
	name    string
	uid     *int64
	gid     string
	primary string // number of its primary group in Active Directory
	closed  bool
	service bool
	in      []string // groups, through others as well
	via     []string // those of administrators
	entry   values
}

// values are the attributes of an entry, by lower-case name.
type values map[string][]string

func valuesOf(e *ldap.Entry) values {
	v := values{}
	for _, a := range e.Attributes {
		v[strings.ToLower(a.Name)] = a.Values
	}
	return v
}

func (v values) one(name string) string {
	if all := v[strings.ToLower(name)]; len(all) > 0 {
		return all[0]
	}
	return ""
}

func (v values) has(name string) bool { return len(v[strings.ToLower(name)]) > 0 }

func (v values) number(name string) (int64, bool) {
	n, err := strconv.ParseInt(v.one(name), 10, 64)
	return n, err == nil
}

// instant reads the two ways in which directories write time.
func (v values) instant(name string) (time.Time, bool) { return instant(v.one(name)) }

// never is how OpenLDAP writes a lock that only an administrator takes off.
const never = "000001010000Z"

func instant(s string) (time.Time, bool) {
	digits, _, _ := strings.Cut(strings.TrimSuffix(s, "Z"), ".")
	for _, layout := range []string{"20060102150405", "200601021504", "2006010215"} {
		if t, err := time.Parse(layout, digits); err == nil && strings.HasSuffix(s, "Z") && t.Year() >= 1970 {
			return t, true
		}
	}
	return time.Time{}, false
}

// fileTime reads hundreds of nanoseconds since 1601; 0 and the greatest number
// mean never.
func fileTime(n int64) (time.Time, bool) {
	const epoch = 116444736000000000
	if n < epoch || n > epoch+4e17 {
		return time.Time{}, false
	}
	return time.UnixMilli((n - epoch) / 10_000).UTC(), true
}

// days reads what shadow files count.
func days(n int64) time.Time { return time.Unix(0, 0).UTC().AddDate(0, 0, int(n)) }

// normal brings a name of an entry to one form, so that names in groups find
// their entries.
func normal(dn string) string {
	if len(dn) < 8<<10 {
		if parsed, err := ldap.ParseDN(dn); err == nil {
			return strings.ToLower(parsed.String())
		}
	}
	return strings.ToLower(strings.TrimSpace(dn))
}

var serviceName = regexp.MustCompile(`(?i)^(svc|service|srv|app|bot|robot|sa)[-_.]|[-_.](svc|service|bot)$|\$$`)

// serviceClasses are of programs and not of people.
var serviceClasses = []string{"applicationprocess", "simplesecurityobject", "device", "msds-managedserviceaccount", "msds-groupmanagedserviceaccount"}

func (l *look) readAccounts(ctx context.Context) error {
	err := l.search(ctx, l.paged, l.base, ldap.ScopeWholeSubtree, l.accountFilter(), l.accountAttributes(), maxAccounts, func(e *ldap.Entry) error {
		l.accounts = append(l.accounts, l.account(e))
		return nil
	})
	var p *partial
	if errors.As(err, &p) {
		l.blind = p
		return nil
	}
	if err == nil && len(l.accounts) == 0 {
		l.blind = &partial{l.noneShown(), grantRead}
	}
	return err
}

// account keeps what one entry tells by itself.
func (l *look) account(e *ldap.Entry) *account {
	v := valuesOf(e)
	a := &account{facts: wire.NewFacts(), key: e.DN, dn: normal(e.DN), gid: v.one("gidNumber"), primary: v.one("primaryGroupID"), entry: v}
	for _, attribute := range []string{"sAMAccountName", "uid", "cn"} {
		if a.name == "" {
			a.name = v.one(attribute)
		}
	}
	f := a.facts
	f.Set("kept_by", "directory")
	f.Set("entry", wire.Clip(e.DN))
	for field, value := range map[string]string{
		"name": a.name, "mail": v.one("mail"), "display_name": v.one("displayName"), "shell": v.one("loginShell"), "home": v.one("homeDirectory"),
	} {
		if value != "" {
			f.Set(field, wire.Clip(value))
		}
	}
	if shell := v.one("loginShell"); shell != "" {
		f.Set("login_allowed", !slices.Contains([]string{"nologin", "false", "true"}, path.Base(shell)))
	}
	if cn := v.one("cn"); cn != "" && !f.Has("display_name") {
		f.Set("display_name", wire.Clip(cn))
	}
	if n, ok := v.number("uidNumber"); ok {
		a.uid = &n
		f.Set("uid", n)
	}
	signs := []string{}
	for _, class := range v["objectclass"] {
		if slices.Contains(serviceClasses, strings.ToLower(class)) {
			signs = append(signs, "class "+class)
		}
	}
	if v.has("servicePrincipalName") {
		signs = append(signs, "it has a service name")
	}
	if serviceName.MatchString(a.name) {
		signs = append(signs, "its name")
	}
	a.service = len(signs) > 0
	f.Set("service", a.service)
	f.Set("service_signs", wire.ClipAll(signs))
	if slices.ContainsFunc(v["objectclass"], func(c string) bool { return strings.EqualFold(c, "ldapPublicKey") }) {
		f.Set("authorized_keys", len(v["sshpublickey"]))
	}
	for _, attribute := range []string{"createTimestamp", "whenCreated"} {
		if t, ok := v.instant(attribute); ok && !f.Has("created_at") {
			f.Set("created_at", t)
		}
	}
	return a
}

// shown are what the accounts prove to be readable: an attribute that nobody
// has may be kept from us, one that somebody has may not.
type shown struct{ lock, login, operational bool }

func (l *look) shownOf() (s shown) {
	for _, a := range l.accounts {
		for name := range a.entry {
			switch {
			case name == "pwdlastsuccess" || name == "authtimestamp" || name == "krblastsuccessfulauth" || name == "lastlogontimestamp":
				s.login = true
			case strings.HasPrefix(name, "pwd") && name != "pwdattribute", name == "useraccountcontrol", name == "nsaccountlock":
				s.lock = true
			case name == "createtimestamp" || name == "whencreated":
				s.operational = true
			}
		}
		if s.lock && s.login && s.operational {
			break
		}
	}
	return s
}

const grantOperational = `Let the account read operational attributes. OpenLDAP: access to * by dn.exact="ACCOUNT" read covers them, unless an earlier rule takes them out.`

// finish sets what depends on the policies and on all other accounts.
func (a *account) finish(l *look, f wire.Facts) {
	s := l.seen()
	if l.product == "active_directory" {
		a.fromAD(l)
	} else {
		a.fromPolicy(l, s)
	}
	if !s.login {
		f.Blind(l.in, "account", "the directory shows no last sign-in of anybody: it does not record them, or keeps them from this account",
			"OpenLDAP 2.5: set lastbind on in the database, and let the account read operational attributes.", "last_login_at", "never_logged_in")
	}
	for _, name := range []string{"pwdLastSuccess", "authTimestamp", "krbLastSuccessfulAuth"} {
		if t, ok := a.entry.instant(name); ok && !f.Has("last_login_at") {
			f.Set("last_login_at", t)
		}
	}
	if s.login {
		f.Set("never_logged_in", !f.Has("last_login_at"))
		f.Unsaid("the directory has no record of a sign-in", "last_login_at")
	}
	if !s.operational {
		f.Blind(l.in, "account", "operational attributes are not shown to "+wire.Clip(l.at.user), grantOperational, "created_at")
	}
	if a.uid != nil {
		f.Set("duplicate_uid", l.uids[*a.uid] > 1)
	}
	f.Unsaid("the entry has no number", "uid", "duplicate_uid")
	a.rights(l)
	f.Unsaid("stored passwords are not asked for", "password_set", "password_empty", "password_algorithm")
	f.Unsaid("a directory does not part accounts by their numbers", "system")
	f.Unsaid("a directory does not hold the files of a home folder", "home_writable_by_others")
	f.Unsaid("the entry does not say", "name", "mail", "display_name", "shell", "home", "login_allowed", "authorized_keys", "created_at")
	f.Unsaid("the directory does not say", "locked", "disabled", "expired", "password_changed_at", "password_max_days", "password_expires_at", "password_never_expires", "password_change_due", "password_not_required")
}

// rights sets what the account may do by its groups.
func (a *account) rights(l *look) {
	f := a.facts
	if l.dim != nil || l.unresolved != "" {
		reason := l.unresolved
		if l.dim != nil {
			reason = l.dim.reason
		}
		f.Unsaid("the groups are not known: "+reason, "groups", "admin", "admin_via")
		return
	}
	slices.Sort(a.in)
	f.Set("groups", wire.ClipAll(slices.Compact(a.in)))
	if len(l.adminNames()) == 0 {
		f.Blind(l.in, "account", "the source is not told which groups are of administrators", "Name them in the settings of the source.", "admin", "admin_via")
		return
	}
	slices.Sort(a.via)
	f.Set("admin", len(a.via) > 0)
	f.Set("admin_via", wire.ClipAll(slices.Compact(a.via)))
}

// fromPolicy reads what the overlay for password policies, 389ds and the
// classes for shadow files keep.
func (a *account) fromPolicy(l *look, s shown) {
	f, v := a.facts, a.entry
	p, held := l.policyOf(v)
	locked := v.one("pwdAccountLockedTime")
	at, dated := v.instant("pwdAccountLockedTime")
	a.closed = locked == never || strings.EqualFold(v.one("nsAccountLock"), "true")
	switch {
	case a.closed:
		f.Set("disabled", true)
		f.Set("locked", true)
	case l.policied && !s.lock:
		f.Blind(l.in, "account", "whether accounts are locked is not shown to "+wire.Clip(l.at.user), grantOperational, "disabled", "locked", "password_change_due")
	case dated && held && p.lockSeconds > 0:
		f.Set("disabled", false)
		f.Set("locked", at.Add(time.Duration(p.lockSeconds)*time.Second).After(l.now))
	case dated && !held:
		f.Set("disabled", false)
		f.Unsaid("the account was locked on "+at.Format(time.DateOnly)+"; for how long depends on its policy, which is not known", "locked")
	default:
		f.Set("disabled", false)
		f.Set("locked", dated)
	}
	if f.Has("disabled") {
		f.Set("password_change_due", strings.EqualFold(v.one("pwdReset"), "true"))
	}
	end, ends := v.instant("pwdEndTime")
	if n, ok := v.number("shadowExpire"); ok && n > 0 && n < 1_000_000 {
		end, ends = days(n), true
	}
	if ends || f.Has("disabled") {
		f.Set("expired", ends && !l.now.Before(end))
		a.closed = a.closed || ends && !l.now.Before(end)
	}
	changed, known := v.instant("pwdChangedTime")
	if !known {
		changed, known = v.instant("krbLastPwdChange")
	}
	if n, ok := v.number("shadowLastChange"); !known && ok && n > 0 && n < 1_000_000 {
		changed, known = days(n), true
	}
	if known {
		f.Set("password_changed_at", changed)
	} else {
		f.Unsaid("no password was set since the directory keeps the date, or the date is not shown", "password_changed_at", "password_expires_at")
	}
	if n, ok := v.number("shadowMax"); ok && n >= 0 && !held {
		f.Set("password_max_days", n)
	}
	if expires, ok := v.instant("krbPasswordExpiration"); ok {
		f.Set("password_expires_at", expires)
		f.Set("password_never_expires", false)
	}
	if held {
		f.Set("password_max_days", p.maxDays())
		f.Set("password_never_expires", p.maxAge == 0)
		if p.maxAge > 0 && known {
			f.Set("password_expires_at", changed.Add(time.Duration(p.maxAge)*time.Second))
		}
		f.Unsaid("the password has no end", "password_expires_at")
	}
	f.Unsaid("which password policy holds for the account is not shown: name the default one in the settings of the source", "password_max_days", "password_never_expires", "password_expires_at")
}

// Bits of userAccountControl.
const (
	adDisabled    = 0x2
	adNotRequired = 0x20
	adNoExpiry    = 0x10000
)

// fromAD reads what Active Directory keeps.
func (a *account) fromAD(l *look) {
	f, v := a.facts, a.entry
	if bits, ok := v.number("userAccountControl"); ok {
		a.closed = bits&adDisabled != 0
		f.Set("disabled", a.closed)
		f.Set("password_never_expires", bits&adNoExpiry != 0)
		f.Set("password_not_required", bits&adNotRequired != 0)
	} else {
		f.Blind(l.in, "account", "userAccountControl is not shown to "+wire.Clip(l.at.user), "Let the account read the properties of users.", "disabled", "password_never_expires", "password_not_required")
	}
	// What was never locked has no lockoutTime; that attribute is as readable as the one above.
	if n, ok := v.number("lockoutTime"); ok || f.Has("disabled") {
		f.Set("locked", n > 0)
	}
	if n, ok := v.number("accountExpires"); ok {
		end, ends := fileTime(n)
		f.Set("expired", ends && !l.now.Before(end))
		a.closed = a.closed || ends && !l.now.Before(end)
	}
	if n, ok := v.number("pwdLastSet"); ok {
		f.Set("password_change_due", n == 0)
		if t, dated := fileTime(n); dated {
			f.Set("password_changed_at", t)
		}
	}
	if n, ok := v.number("lastLogonTimestamp"); ok {
		if t, dated := fileTime(n); dated {
			f.Set("last_login_at", t)
		}
	}
	if n, ok := v.number("msDS-UserPasswordExpiryTimeComputed"); ok {
		if t, dated := fileTime(n); dated {
			f.Set("password_expires_at", t)
		}
	}
	f.Unsaid("the password has no end, or none was set", "password_expires_at")
	if p, ok := l.policies[l.base]; ok {
		f.Set("password_max_days", p.maxDays())
	}
}

// seen is shownOf once, with the numbers that several accounts share.
func (l *look) seen() shown {
	if l.proofs == nil {
		s := l.shownOf()
		l.proofs = &s
		l.uids = map[int64]int{}
		for _, a := range l.accounts {
			if a.uid != nil {
				l.uids[*a.uid]++
			}
		}
	}
	return *l.proofs
}

// adAdmins are the groups of administrators that come with Active Directory.
var adAdmins = []string{"Domain Admins", "Enterprise Admins", "Schema Admins", "Administrators", "Account Operators", "Backup Operators"}

func (l *look) adminNames() []string {
	if len(l.at.admins) == 0 && l.product == "active_directory" {
		return adAdmins
	}
	return l.at.admins
}

// dangling says that groups name accounts that were not shown.
func (l *look) dangling(n int, all bool) {
	some := fmt.Sprint(n)
	if !all {
		some = "at least " + some
	}
	l.in.Missing(sources.Missing{
		Kind:   "account",
		Reason: some + " members of groups are named of which no entry is shown: they were removed and their groups not told, or they are kept from " + wire.Clip(l.at.user),
		Remedy: "Take those names out of the groups (OpenLDAP: the overlay refint does it), or let the account read their entries.",
	})
}

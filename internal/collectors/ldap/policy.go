package ldap

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/tickmark/tickmark/internal/collectors/wire"
	"github.com/tickmark/tickmark/internal/sources"
)

// A policy is what of a password policy accounts depend on.
type policy struct {
	maxAge      int64 // seconds; 0 is without end
	lockSeconds int64 // 0 is until an administrator acts
}

// endless is how days without end are written.
const endless = 99999

func (p policy) maxDays() int64 {
	if p.maxAge == 0 {
		return endless
	}
	return (p.maxAge + 86399) / 86400
}

var policyFields = []string{"min_length", "pam_quality", "remember", "max_days", "min_days", "warn_days", "lockout", "lockout_attempts", "lockout_seconds", "hash_algorithm", "change_after_reset", "grace_sign_ins"}

// readPolicies reads the rules for passwords. They lie below the base as
// entries of their own, or in Active Directory at the base itself.
func (l *look) readPolicies(ctx context.Context) error {
	shelf := &wire.Shelf{Kind: "password_policy", Most: maxPolicies}
	var err error
	switch {
	case l.product == "active_directory":
		err = l.search(ctx, false, l.base, ldap.ScopeBaseObject, "(objectClass=*)", []string{"minPwdLength", "maxPwdAge", "minPwdAge", "pwdHistoryLength", "lockoutThreshold", "lockoutDuration", "pwdProperties"}, 1, func(e *ldap.Entry) error {
			l.adPolicy(shelf, e)
			return nil
		})
		if shelf.Len() > 0 {
			l.in.Missing(sources.Missing{Kind: "password_policy", Field: "name", Reason: "policies for single groups (password settings objects) are not read", Remedy: "Keep their list as evidence: Get-ADFineGrainedPasswordPolicy -Filter *"})
		}
	case !l.policied:
		// Nothing refuses a password here: that is a fact and not a gap.
		f := wire.NewFacts()
		f.Set("kept_by", "directory")
		f.Set("name", "none: the directory has no rules for passwords")
		for field, value := range map[string]any{"min_length": 0, "pam_quality": false, "remember": 0, "max_days": endless, "min_days": 0, "lockout": false, "change_after_reset": false} {
			f.Set(field, value)
		}
		f.Unsaid("the directory has no rules for passwords", policyFields...)
		shelf.Add(f, "none")
		if l.product == "other" {
			shelf.Empty(l.in, "the directory does not say whether it has rules for passwords", "Keep its configuration as evidence.")
			return nil
		}
	default:
		err = l.search(ctx, l.paged, l.base, ldap.ScopeWholeSubtree, "(objectClass=pwdPolicy)", []string{"*"}, maxPolicies, func(e *ldap.Entry) error {
			l.overlayPolicy(shelf, e)
			return nil
		})
	}
	var p *partial
	switch {
	case errors.As(err, &p):
		shelf.Empty(l.in, p.reason, p.remedy)
		return nil
	case err != nil:
		return err
	case shelf.Len() == 0:
		shelf.Empty(l.in, "the directory can apply rules to passwords, and none is shown to "+wire.Clip(l.at.user)+" below "+wire.Clip(l.base), "Keep the policies below the base, and let the account read them.")
		return nil
	}
	return shelf.HandOver(l.in)
}

// overlayPolicy reads an entry of OpenLDAP's overlay. What it leaves out means
// that nothing is demanded, by slapo-ppolicy(5).
func (l *look) overlayPolicy(shelf *wire.Shelf, e *ldap.Entry) {
	v := valuesOf(e)
	number := func(name string) int64 {
		n, _ := v.number(name)
		return max(n, 0)
	}
	yes := func(name string) bool { return strings.EqualFold(v.one(name), "true") }
	p := policy{maxAge: number("pwdMaxAge"), lockSeconds: number("pwdLockoutDuration")}
	l.policies[normal(e.DN)] = p
	f := wire.NewFacts()
	f.Set("kept_by", "directory")
	f.Set("name", wire.Clip(e.DN))
	// Without pwdCheckQuality the length is written down and not looked at.
	checked := number("pwdCheckQuality") > 0
	least := number("pwdMinLength")
	if !checked {
		least = 0
	}
	f.Set("min_length", least)
	f.Set("pam_quality", checked && (v.has("pwdCheckModule") || yes("pwdUseCheckModule")))
	f.Set("remember", number("pwdInHistory"))
	f.Set("max_days", p.maxDays())
	f.Set("min_days", number("pwdMinAge")/86400)
	f.Set("warn_days", number("pwdExpireWarning")/86400)
	f.Set("lockout", yes("pwdLockout") && number("pwdMaxFailure") > 0)
	f.Set("lockout_attempts", number("pwdMaxFailure"))
	f.Set("lockout_seconds", p.lockSeconds)
	f.Set("change_after_reset", yes("pwdMustChange"))
	f.Set("grace_sign_ins", number("pwdGraceAuthNLimit"))
	f.Unsaid("the policy does not say by which method passwords are stored: the server's configuration does", "hash_algorithm")
	shelf.Add(f, wire.Clip(e.DN))
}

// adPolicy reads the rules at the base of Active Directory.
func (l *look) adPolicy(shelf *wire.Shelf, e *ldap.Entry) {
	v := valuesOf(e)
	f := wire.NewFacts()
	f.Set("kept_by", "directory")
	f.Set("name", wire.Clip(e.DN))
	// Spans are negative counts of hundreds of nanoseconds; the least number is without end.
	span := func(name string) (seconds int64, ok bool) {
		n, ok := v.number(name)
		if n < -4e17 || n > 0 {
			return 0, ok
		}
		return -n / 10_000_000, ok
	}
	if n, ok := v.number("minPwdLength"); ok {
		f.Set("min_length", n)
	}
	if n, ok := v.number("pwdHistoryLength"); ok {
		f.Set("remember", n)
	}
	if n, ok := v.number("pwdProperties"); ok {
		f.Set("pam_quality", n&1 != 0)
	}
	if n, ok := span("maxPwdAge"); ok {
		p := policy{maxAge: n}
		l.policies[l.base] = p
		f.Set("max_days", p.maxDays())
	}
	if n, ok := span("minPwdAge"); ok {
		f.Set("min_days", n/86400)
	}
	if n, ok := v.number("lockoutThreshold"); ok {
		f.Set("lockout", n > 0)
		f.Set("lockout_attempts", n)
	}
	if n, ok := span("lockoutDuration"); ok {
		f.Set("lockout_seconds", n)
	}
	f.Unsaid("Active Directory sets this for each machine or account", "warn_days", "change_after_reset", "grace_sign_ins", "hash_algorithm")
	f.Blind(l.in, "password_policy", "the rules at the base are not shown to "+wire.Clip(l.at.user), "Let the account read the properties of the domain.",
		slices.DeleteFunc(slices.Clone(policyFields), f.Has)...)
	shelf.Add(f, wire.Clip(e.DN))
}

// policyOf finds the policy that holds for an account: its own, or the one that
// the source is told is the default.
func (l *look) policyOf(v values) (policy, bool) {
	name := v.one("pwdPolicySubentry")
	if name == "" {
		name = l.at.policy
	}
	p, ok := l.policies[normal(name)]
	return p, ok && name != ""
}

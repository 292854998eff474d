// Package ldap reads a directory: its accounts, its groups and the rules it
// applies to passwords. It never asks for a stored password, and a list that
// the directory cuts off is not taken for the whole.
package ldap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/collectors/wire"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// Bounds of what one directory is asked.
const (
	maxAccounts = 100_000
	maxGroups   = 50_000
	maxPolicies = 1_000
	maxNesting  = 20
	maxMembers  = 1_000_000 // of all groups
	maxProbes   = 200
)

// A Collector holds no state: one value serves any number of runs at once.
type Collector struct{}

// New returns the collector.
func New() Collector { return Collector{} }

// Kind names the source type.
func (Collector) Kind() string { return "ldap" }

// Version changes whenever the same directory would yield other facts.
func (Collector) Version() string { return "1" }

// A look is one reading of one directory.
type look struct {
	*session
	at       target
	in       *sources.Intake
	now      time.Time
	server   wire.Facts
	product  string
	base     string
	paged    bool
	policied bool // the directory can apply rules to passwords
	accounts []*account
	groups   []*group
	policies map[string]policy // by normal DN
	blind    *partial          // why the accounts are not all known
	dim      *partial          // why the groups are not all known

	unresolved string // why it is not known who belongs to what
	proofs     *shown
	uids       map[int64]int // how many accounts have a number
}

// Collect reads the directory that the settings name.
func (Collector) Collect(ctx context.Context, raw json.RawMessage, in *sources.Intake) error {
	at, err := parseSettings(raw)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, wholeRun)
	defer cancel()
	s, err := at.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	l := &look{session: s, at: at, in: in, now: in.Now(), server: wire.NewFacts(), policies: map[string]policy{}}
	return l.all(ctx)
}

// Test signs in, finds the base, and reads one entry of it.
func (Collector) Test(ctx context.Context, raw json.RawMessage) (sources.Trial, error) {
	at, err := parseSettings(raw)
	if err != nil {
		return sources.Trial{}, err
	}
	schemas, err := sources.Schemas()
	if err != nil {
		return sources.Trial{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	s, err := at.open(ctx)
	if err != nil {
		return sources.Trial{}, err
	}
	defer s.close()
	in := sources.NewIntake(schemas, clock.System(), nil)
	l := &look{session: s, at: at, in: in, now: in.Now(), server: wire.NewFacts(), policies: map[string]policy{}}
	for _, step := range []func(context.Context) error{l.identity, l.readPolicies, l.sample} {
		if err := step(ctx); err != nil {
			return sources.Trial{}, err
		}
	}
	return sources.Trial{
		Found:   []string{l.product + " at " + at.address(), "Signed in as " + wire.Clip(at.user) + ", " + s.protection(), "Reads below " + wire.Clip(l.base)},
		Missing: in.Missings(),
	}, nil
}

// sample reads one account, to see whether any is shown and what of it.
func (l *look) sample(ctx context.Context) error {
	r, err := l.Search(ldap.NewSearchRequest(l.base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 1, 0, false, l.accountFilter(), l.accountAttributes(), nil))
	if err != nil && !ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) {
		var p *partial
		if err = l.explain(ctx, err); !errors.As(err, &p) {
			return err
		}
		l.in.Missing(sources.Missing{Kind: "account", Reason: p.reason, Remedy: p.remedy})
		return nil
	}
	if len(r.Entries) == 0 {
		l.in.Missing(sources.Missing{Kind: "account", Reason: l.noneShown(), Remedy: grantRead})
		return nil
	}
	l.accounts = append(l.accounts, l.account(r.Entries[0]))
	l.unresolved = "they were not read for this test"
	l.accounts[0].finish(l, l.accounts[0].facts)
	return nil
}

func (l *look) all(ctx context.Context) error {
	steps := []struct {
		what string
		read func(context.Context) error
	}{
		{"what the directory is", l.identity}, {"what it tells strangers", l.strangers}, {"password policies", l.readPolicies},
		{"accounts", l.readAccounts}, {"groups", l.readGroups}, {"members", l.resolve},
	}
	for i, s := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		l.in.Progress(i, len(steps), s.what)
		if err := s.read(ctx); err != nil {
			return err
		}
	}
	if err := l.handOver(); err != nil {
		return err
	}
	l.in.Progress(len(steps), len(steps), "done")
	return nil
}

var rootAttributes = []string{
	"objectClass", "namingContexts", "defaultNamingContext", "supportedControl", "vendorName", "vendorVersion", "structuralObjectClass", "forestFunctionality",
}

// identity reads what the directory says of itself, which everybody may see.
func (l *look) identity(ctx context.Context) error {
	r, err := l.Search(ldap.NewSearchRequest("", ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", rootAttributes, nil))
	if err = l.explain(ctx, err); err != nil {
		var p *partial
		if errors.As(err, &p) {
			return fault.Invalid("", "the directory does not say what it is: %s", p.reason)
		}
		return err
	}
	root := &ldap.Entry{}
	if len(r.Entries) > 0 {
		root = r.Entries[0]
	}
	f := l.server
	vendor := root.GetAttributeValue("vendorName")
	switch {
	case root.GetAttributeValue("forestFunctionality") != "":
		l.product = "active_directory"
	case slices.Contains(root.GetAttributeValues("objectClass"), "OpenLDAProotDSE"):
		l.product = "openldap"
	case strings.Contains(vendor, "389"), strings.Contains(vendor, "Red Hat"):
		l.product = "389ds"
	default:
		l.product = "other"
	}
	controls := root.GetAttributeValues("supportedControl")
	l.paged = slices.Contains(controls, pagedOID)
	l.policied = slices.Contains(controls, policyOID) || l.product == "active_directory" || l.product == "389ds"
	f.Set("product", l.product)
	f.Set("password_policy", l.policied)
	if v := root.GetAttributeValue("vendorVersion"); v != "" {
		f.Set("version", wire.Clip(v))
	}
	f.Unsaid("the directory does not tell its release", "version")
	l.base = l.at.base
	if l.base == "" {
		l.base = root.GetAttributeValue("defaultNamingContext")
	}
	if all := root.GetAttributeValues("namingContexts"); l.base == "" && len(all) == 1 {
		l.base = all[0]
	} else if l.base == "" {
		return fault.Invalid("base", "the directory names %d bases (%s): give the one to read", len(all), strings.Join(wire.ClipAll(all[:min(len(all), 10)]), "; "))
	}
	f.Set("base", wire.Clip(l.base))
	f.Set("read_as", wire.Clip(l.at.user))
	f.Set("own_tls", l.state != nil)
	if l.state != nil {
		version, cipher, _ := strings.Cut(l.protection(), ", ")
		f.Set("own_tls_version", version)
		f.Set("own_tls_cipher", cipher)
	}
	f.Unsaid("this connection is not protected by TLS", "own_tls_version", "own_tls_cipher")
	l.in.Scope("server", l.at.address())
	l.in.Scope("base", wire.Clip(l.base))
	l.in.Scope("account", wire.Clip(l.at.user))
	l.in.Scope("protection", l.protection())
	return nil
}

// strangers asks on a second connection, without signing in, for one entry.
func (l *look) strangers(ctx context.Context) error {
	f := l.server
	s, err := l.at.dial(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		f.Blind(l.in, "directory_server", "a second connection was not taken, so what strangers can read was not tried", "See the directory's log.", "anonymous_reads")
		return nil
	}
	defer s.close()
	r, err := s.Search(ldap.NewSearchRequest(l.base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 1, 0, false, "(objectClass=*)", []string{"1.1"}, nil))
	var coded *ldap.Error
	switch {
	case r != nil && len(r.Entries) > 0:
		f.Set("anonymous_reads", true)
	case err == nil, errors.As(err, &coded) && coded.ResultCode < ldap.ErrorNetwork:
		f.Set("anonymous_reads", false)
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		f.Blind(l.in, "directory_server", "the second connection was lost, so what strangers can read was not tried", "See the directory's log.", "anonymous_reads")
	}
	return nil
}

const grantRead = `Let the account read below the base, operational attributes included. OpenLDAP: access to attrs=userPassword by anonymous auth by * none, then access to * by dn.exact="ACCOUNT" read by * none`

func (l *look) noneShown() string {
	return fmt.Sprintf("no account is shown to %s below %s: it may not read them, or the filter fits none", wire.Clip(l.at.user), wire.Clip(l.base))
}

// handOver gives the run what was read whole.
func (l *look) handOver() error {
	people := &wire.Shelf{Kind: "account", Most: maxAccounts}
	for _, a := range l.accounts {
		if l.blind != nil {
			break
		}
		a.finish(l, a.facts)
		people.Add(a.facts, wire.Clip(a.key))
	}
	groups := &wire.Shelf{Kind: "group", Most: maxGroups}
	for _, g := range l.groups {
		if l.dim != nil {
			break
		}
		g.finish(l, g.facts)
		groups.Add(g.facts, wire.Clip(g.entry))
	}
	f := l.server
	if l.blind == nil {
		f.Set("accounts", people.Len())
	} else {
		f.Unsaid(l.blind.reason, "accounts")
		people.Empty(l.in, l.blind.reason, l.blind.remedy)
	}
	if l.dim == nil {
		f.Set("groups", groups.Len())
	} else {
		f.Unsaid(l.dim.reason, "groups")
		groups.Empty(l.in, l.dim.reason, l.dim.remedy)
	}
	for _, shelf := range []struct {
		*wire.Shelf
		gap *partial
	}{{people, l.blind}, {groups, l.dim}} {
		if shelf.gap == nil {
			if err := shelf.HandOver(l.in); err != nil {
				return err
			}
		}
	}
	return l.in.Add(f.Resource("directory_server", l.at.address()))
}

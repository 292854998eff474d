// Package auth knows who is acting and what they may do: actors, roles and
// rights, passwords, sessions and tokens. It decides nothing about a record;
// operations do, and page and API alike ask here first.
package auth

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

// Right is the permission for one kind of act.
type Right string

// The rights. An operation names exactly one.
const (
	Anyone        Right = ""     // no sign-in: first setup, sign-in itself, health
	Self          Right = "self" // whoever is signed in, about their own sign-in
	OrgRead       Right = "org:read"
	OrgWrite      Right = "org:write"
	MembersWrite  Right = "members:write"
	TokensWrite   Right = "tokens:write"
	ScopeRead     Right = "scope:read"
	ScopeWrite    Right = "scope:write"
	CriteriaRead  Right = "criteria:read"
	ControlsRead  Right = "controls:read"
	ControlsWrite Right = "controls:write"
	SourcesRead   Right = "sources:read"
	SourcesWrite  Right = "sources:write"
	EvidenceRead  Right = "evidence:read"
	EvidenceWrite Right = "evidence:write"
	ExportWrite   Right = "export:write"
	ChecksRead    Right = "checks:read"
	ChecksWrite   Right = "checks:write"
	ExceptWrite   Right = "exceptions:write"
	LogRead       Right = "log:read"
	JobsRead      Right = "jobs:read"
	AnchorWrite   Right = "anchors:write"
	EraseRead     Right = "erasure:read"
	EraseWrite    Right = "erasure:write"

	// The day's work: tasks, comments, what one is told and how.
	WorkRead      Right = "work:read"
	WorkWrite     Right = "work:write"
	AssetsRead    Right = "assets:read"
	AssetsWrite   Right = "assets:write"
	EvidenceJudge Right = "evidence:review"
	OriginalRead  Right = "evidence:original" // what a redacted copy was made from

	// The examination: what both sides may open, and what each alone may do.
	EngageRead   Right = "engagement:read"
	EngageWrite  Right = "engagement:write"
	ListsWrite   Right = "populations:write"
	AnswersWrite Right = "answers:write"
	AssertSign   Right = "assertion:sign"
	AuditRead    Right = "audit:read"
	AuditWrite   Right = "audit:write"
	AuditReview  Right = "audit:review"
	AuditSign    Right = "audit:sign"
	FirmWrite    Right = "firm:write"
)

// Role is a bundle of rights that people have in one organization.
type Role string

// The roles of an organization that is examined, and those of a CPA firm.
const (
	Owner        Role = "owner"
	Lead         Role = "compliance_lead"
	ControlOwner Role = "control_owner"
	Sponsor      Role = "sponsor"
	Employee     Role = "employee"
	Operator     Role = "operator"

	Partner Role = "partner"
	Manager Role = "manager"
	Staff   Role = "staff"
)

var reads = []Right{OrgRead, ScopeRead, CriteriaRead, ControlsRead, SourcesRead, EvidenceRead, ChecksRead, LogRead, JobsRead, WorkRead, WorkWrite, AssetsRead}

// table is the whole policy. What is not here is denied.
var table = map[Role][]Right{
	Owner: append(slices.Clone(reads), OrgWrite, MembersWrite, TokensWrite, ScopeWrite, ControlsWrite, SourcesWrite,
		EvidenceWrite, ExportWrite, ChecksWrite, ExceptWrite, EngageRead, EngageWrite, ListsWrite, AnswersWrite, AssertSign,
		AnchorWrite, EraseRead, EraseWrite, AssetsWrite, EvidenceJudge, OriginalRead),
	Lead: append(slices.Clone(reads), TokensWrite, ScopeWrite, ControlsWrite, SourcesWrite, EvidenceWrite, ExportWrite,
		ChecksWrite, ExceptWrite, EngageRead, EngageWrite, ListsWrite, AnswersWrite, AnchorWrite, EraseRead, EraseWrite,
		AssetsWrite, EvidenceJudge, OriginalRead),
	ControlOwner: {OrgRead, ScopeRead, CriteriaRead, ControlsRead, SourcesRead, EvidenceRead, EvidenceWrite, ChecksRead, LogRead, TokensWrite,
		EngageRead, ListsWrite, AnswersWrite, WorkRead, WorkWrite, AssetsRead},
	Sponsor:  {OrgRead, ScopeRead, CriteriaRead, ControlsRead, SourcesRead, EvidenceRead, ChecksRead, LogRead, EngageRead, AssertSign, WorkRead, WorkWrite, AssetsRead},
	Employee: {OrgRead, WorkRead, WorkWrite},
	Operator: {OrgRead, SourcesRead, SourcesWrite, LogRead, JobsRead, TokensWrite, AnchorWrite, WorkRead, WorkWrite, AssetsRead},

	Partner: {OrgRead, OrgWrite, MembersWrite, TokensWrite, CriteriaRead, LogRead, JobsRead, EngageRead, EngageWrite,
		AuditRead, AuditWrite, AuditReview, AuditSign, FirmWrite, AnchorWrite, EraseRead, EraseWrite, WorkRead, WorkWrite},
	Manager: {OrgRead, TokensWrite, CriteriaRead, LogRead, EngageRead, EngageWrite, AuditRead, AuditWrite, AuditReview, WorkRead, WorkWrite},
	Staff:   {OrgRead, TokensWrite, CriteriaRead, LogRead, EngageRead, AuditRead, AuditWrite, WorkRead, WorkWrite},
}

// Roles lists the roles of an organization that is examined, in the order
// people are offered them.
func Roles() []Role { return []Role{Owner, Lead, ControlOwner, Sponsor, Employee, Operator} }

// FirmRoles lists the roles of a CPA firm.
func FirmRoles() []Role { return []Role{Partner, Manager, Staff} }

// IsFirm reports whether a role is one of a CPA firm.
func IsFirm(r Role) bool { return slices.Contains(FirmRoles(), r) }

// RightsOf lists what a role may do.
func RightsOf(r Role) []Right { return slices.Clone(table[r]) }

// ParseRole accepts the name of a role.
func ParseRole(s string) (Role, error) {
	if _, ok := table[Role(s)]; !ok {
		var names []string
		for _, r := range slices.Concat(Roles(), FirmRoles()) {
			names = append(names, string(r))
		}
		return "", fault.Invalid("role", "a role is one of %s", strings.Join(names, ", "))
	}
	return Role(s), nil
}

// Actor is whoever acts: a person signed in, a program with a person's token,
// or the machine itself.
type Actor struct {
	User  id.User
	Name  string
	Email string
	Roles []Role
	// Via says through what: "page", "api", "cli", "job", "setup".
	Via string
	// Rights is set for the machine, which has no role.
	Rights []Right
	// Lacks says that the organization requires a second factor of whoever signs
	// in with a browser, and that this person has none yet.
	Lacks bool
	// Signed is when whoever sits at a browser last said who they are. It is zero
	// for tokens, the command line and the machine, which say so with each act.
	Signed time.Time
	// ReadOnly is whoever acts through a token that may not write.
	ReadOnly bool
}

// RequireWrite is nil when the actor may change anything at all.
func (a Actor) RequireWrite() error {
	if a.ReadOnly {
		return fault.Denied("This token only reads. Make one that may write under Settings, Tokens.")
	}
	return nil
}

// proofLife is how long a browser is trusted with what matters most after its
// user said who they are.
const proofLife = 10 * time.Minute

// ErrProve asks whoever sits at a browser to say again who they are.
var ErrProve = errors.New("say again who you are")

// Proved is nil while whoever acts said a moment ago who they are: before roles,
// members, passwords and factors change.
func (a Actor) Proved(now time.Time) error {
	if a.Signed.IsZero() || now.Sub(a.Signed) < proofLife {
		return nil
	}
	return fault.Denied("Say again who you are, on the page /prove: this may be done for %d minutes after it.", int(proofLife.Minutes())).With(ErrProve)
}

// Machine is the actor of work that no person started. It names the work and
// carries the rights that the work needs.
func Machine(name string, rights ...Right) Actor {
	return Actor{Name: name, Via: "job", Rights: rights}
}

// Known reports whether somebody is signed in.
func (a Actor) Known() bool { return a.User != "" || a.Rights != nil }

// May reports whether the actor has a right.
func (a Actor) May(r Right) bool {
	if r == Anyone || r == Self && a.User != "" {
		return true
	}
	if a.Lacks {
		return false
	}
	if slices.Contains(a.Rights, r) {
		return true
	}
	for _, role := range a.Roles {
		if slices.Contains(table[role], r) {
			return true
		}
	}
	return false
}

// Key identifies the actor for idempotency and the log.
func (a Actor) Key() string {
	if a.User != "" {
		return string(a.User)
	}
	return "machine:" + a.Name
}

// Require is nil when the actor has the right, and otherwise says who has.
func (a Actor) Require(r Right) error {
	if a.May(r) {
		return nil
	}
	if !a.Known() {
		return fault.Denied("Sign in first.")
	}
	if a.Lacks && r != Self {
		return fault.Denied("A second factor is required here. Set one up first, on the page /settings/sign-in.")
	}
	mine, theirs, whose := Roles(), FirmRoles(), "a CPA firm"
	if slices.ContainsFunc(a.Roles, IsFirm) {
		mine, theirs, whose = theirs, mine, "the organization that is examined"
	}
	if who := holders(mine, r); who != "" {
		return fault.Denied("This needs the right %s. Ask a member who is %s.", r, who)
	}
	return fault.Denied("This needs the right %s. In %s it is for whoever is %s.", r, whose, holders(theirs, r))
}

// holders names the roles that have a right.
func holders(roles []Role, r Right) string {
	var who []string
	for _, role := range roles {
		if slices.Contains(table[role], r) {
			who = append(who, strings.ReplaceAll(string(role), "_", " "))
		}
	}
	return strings.Join(who, " or ")
}

package orgs

import (
	"errors"
	"strings"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// Invitations by mail: several at once, and once more.
var (
	InviteMany = op.Write("invitations.send", "Invite several people at once, each by a link of their own.", auth.MembersWrite, inviteMany)
	Resend     = op.Write("invitations.resend", "Make the link of an open invitation anew and send it again. The one before no longer brings anybody in.", auth.MembersWrite, resend)
)

// maxMany bounds how many are invited at once.
const maxMany = 100

// ManyWish asks for several invitations.
type ManyWish struct {
	Emails []string `json:"emails" minItems:"1" maxItems:"100" doc:"The addresses."`
	Role   string   `json:"role" enum:"owner,compliance_lead,control_owner,sponsor,employee,operator,partner,manager,staff" doc:"What all of them will do here."`
	Note   string   `json:"note,omitempty" maxLength:"200" doc:"For your own list."`
	Days   int      `json:"days,omitempty" minimum:"1" maximum:"90" doc:"How long they are good; 14 if left out."`
}

// Many are invitations that were made. Where letters cannot be sent they carry
// their secrets, this once.
type Many struct {
	Made int64               `json:"made"`
	List []GrantedInvitation `json:"list,omitempty" secret:"true"`
}

func inviteMany(c *op.Call, in ManyWish) (Many, error) {
	o, err := mayInvite(c, in.Role)
	if err != nil {
		return Many{}, err
	}
	var wrong []string
	seen, emails := map[string]bool{}, []string{}
	for _, raw := range in.Emails {
		email, err := auth.FoldEmail(raw)
		if err != nil {
			wrong = append(wrong, line(raw))
		} else if !seen[email] {
			seen[email], emails = true, append(emails, email)
		}
	}
	if len(wrong) > 0 {
		return Many{}, fault.Invalid("emails", "give addresses such as name@example.com, one to a line; not: %s", strings.Join(wrong[:min(5, len(wrong))], ", "))
	}
	var out Many
	var ids []string
	for _, email := range emails {
		x, err := offer(c, o, InvitationWish{Role: in.Role, Note: in.Note, Email: email, Days: in.Days})
		if err != nil {
			return Many{}, err
		}
		out.List, ids = append(out.List, x), append(ids, string(x.ID))
	}
	out.Made = int64(len(ids))
	c.Note("id", strings.Join(ids, " "))
	return out, nil
}

// Addresses takes addresses apart that somebody pasted: by lines, commas,
// semicolons or spaces, and out of the angle brackets of mail programs.
func Addresses(pasted string) []string {
	var out []string
	for _, f := range strings.FieldsFunc(pasted, func(r rune) bool { return strings.ContainsRune("\r\n,; \t", r) }) {
		f = strings.Trim(f, "<>\"'()")
		if strings.Contains(f, "@") {
			out = append(out, f)
		}
	}
	return out[:min(len(out), maxMany+1)]
}

const (
	selectOpen   = "SELECT role, note, actor, email, expires FROM invitation WHERE org_id = ? AND id = ? AND used = 0 AND revoked = 0"
	renewInvited = "UPDATE invitation SET hash = ?, expires = ?, sent = ? WHERE org_id = ? AND id = ? AND used = 0 AND revoked = 0"
)

func resend(c *op.Call, in InvitationRef) (GrantedInvitation, error) {
	ref, err := id.Parse[id.Invitation](in.ID)
	if err != nil {
		return GrantedInvitation{}, err
	}
	o, err := get(c, op.None{})
	if err != nil {
		return GrantedInvitation{}, err
	}
	x := Invitation{ID: ref}
	var expires int64
	err = c.Tx.Row(selectOpen, []any{c.Org, ref}, &x.Role, &x.Note, &x.By, &x.Email, &expires)
	if errors.Is(err, db.ErrNone) {
		err = fault.NotFound("no invitation %s that is still open", ref)
	}
	if err != nil {
		return GrantedInvitation{}, err
	}
	secret, hash := auth.NewSecret("join-")
	x.Expires = c.Now.Add(inviteLife)
	if x.Email != "" && c.Letters() {
		x.Sent = c.Now
	}
	if _, err := c.Tx.Exec(renewInvited, hash, clock.Millis(x.Expires), clock.Millis(x.Sent), c.Org, ref); err != nil {
		return GrantedInvitation{}, err
	}
	if x.Sent.IsZero() {
		return GrantedInvitation{x, secret}, nil
	}
	return GrantedInvitation{Invitation: x}, letterTo(c, o, x, secret)
}

// letterTo is the letter of an invitation. What the inviter noted is for their
// own list, and the letter says nothing that a stranger could put into it.
func letterTo(c *op.Call, o Org, x Invitation, secret string) error {
	as, what := "as "+strings.ReplaceAll(x.Role, "_", " "), "to "+o.Name
	if x.Role == AsFirm {
		as, what = "as the CPA firm that examines it", "to an examination of "+o.Name
	}
	return write(c, x.Email, "An invitation "+what, c.Actor.Name+" invites you "+what+", "+as+".",
		"Open this link and choose a password of your own; nobody at "+o.Name+" learns it. It is good once, until "+since(x.Expires)+".",
		link(c.BaseURL, "/join", secret),
		"If you do not know "+o.Name+", there is nothing to do: without you nothing happens.")
}

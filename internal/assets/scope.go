package assets

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

// Reasoned is an act on several assets and why.
type Reasoned struct {
	IDs    []string `json:"ids" minItems:"1" maxItems:"500" doc:"Ids of the assets, ast_…."`
	Reason string   `json:"reason" minLength:"3" maxLength:"1000" doc:"Why, in words that an auditor can follow."`
}

// Refs names several assets.
type Refs struct {
	IDs []string `json:"ids" minItems:"1" maxItems:"500" doc:"Ids of the assets, ast_…."`
}

// Scoped are the assets of an act on the scope, with what whoever acts should
// know.
type Scoped struct {
	Items    []Asset  `json:"items"`
	Warnings []string `json:"warnings,omitempty"`
}

// ask has an asset wait to leave the scope.
func (a *Asset) ask(c *op.Call, reason string) error {
	if reason = strings.TrimSpace(reason); len(reason) < 3 {
		return fault.Invalid("reason", "say why it is out of scope; three characters at least")
	}
	a.Scope, a.Reason, a.AskerID, a.Asker, a.Asked = Pending, reason, c.Actor.User, c.Actor.Name, c.Now
	a.approverID, a.Approver, a.Approved = "", "", time.Time{}
	return nil
}

// Sensitive says why it is odd that an asset leaves the scope; empty if it is
// not. Data of a class that somebody would have to be told of when it is lost
// belongs in an examination.
func (a Asset) Sensitive() string {
	var what []string
	if a.Class == "confidential" || a.Class == "restricted" {
		what = append(what, a.Class+" data")
	}
	for _, f := range a.Flags {
		what = append(what, strings.ReplaceAll(f, "_", " ")+" data")
	}
	if len(what) == 0 {
		return ""
	}
	return fmt.Sprintf("%s stores %s, which the examination is about.", a.Name, strings.Join(what, ", "))
}

// each does something to assets, all or none, and leaves out those that it
// returns false for.
func each(c *op.Call, ids []string, act func(a *Asset) (said string, err error)) (Scoped, error) {
	out := Scoped{Items: []Asset{}}
	slices.Sort(ids)
	for _, ref := range slices.Compact(ids) {
		a, err := find(c, ref)
		if err != nil {
			return out, err
		}
		said, err := act(&a)
		if err != nil {
			return out, err
		}
		if said != "" {
			if err := save(c, &a, a.Version, said); err != nil {
				return out, err
			}
		}
		out.Items = append(out.Items, a)
	}
	return out, nil
}

func exclude(c *op.Call, in Reasoned) (Scoped, error) {
	var warnings []string
	out, err := each(c, slices.Clone(in.IDs), func(a *Asset) (string, error) {
		switch a.Scope {
		case Out:
			return "", fault.Conflict("%s is out of scope already.", a.Name)
		case Pending:
			return "", fault.Conflict("%s has asked already that %s leaves the scope.", a.Asker, a.Name)
		}
		if w := a.Sensitive(); w != "" {
			warnings = append(warnings, w)
		}
		return "asked to leave the scope: " + strings.TrimSpace(in.Reason), a.ask(c, in.Reason)
	})
	out.Warnings = warnings
	if len(warnings) > 0 {
		c.Note("warnings", warnings)
	}
	return out, err
}

func include(c *op.Call, in Reasoned) (Scoped, error) {
	return each(c, slices.Clone(in.IDs), func(a *Asset) (string, error) {
		if a.Scope == In {
			return "", fault.Conflict("%s is in scope already.", a.Name)
		}
		act := "taken into scope: "
		if a.Scope == Pending {
			act = "stays in scope: "
		}
		a.Scope, a.Reason = In, strings.TrimSpace(in.Reason)
		a.AskerID, a.Asker, a.Asked = "", "", time.Time{}
		a.approverID, a.Approver, a.Approved = c.Actor.User, c.Actor.Name, c.Now
		return act + a.Reason, nil
	})
}

// approve lets assets leave the scope. Whoever asked for it may only where
// nobody else could, after a delay, and the entry says so.
func approve(c *op.Call, in Refs) (Scoped, error) {
	members, err := auth.Members(c.Tx, c.Org)
	if err != nil {
		return Scoped{}, err
	}
	alone := false
	out, err := each(c, slices.Clone(in.IDs), func(a *Asset) (string, error) {
		if a.Scope != Pending {
			return "", fault.Conflict("Nobody has asked that %s leaves the scope.", a.Name)
		}
		self, err := a.second(members).Agree(c.Actor, a.AskerID, "that "+a.Name+" leaves the scope", c.Now)
		if err != nil {
			return "", err
		}
		alone = alone || self
		a.Scope, a.approverID, a.Approver, a.Approved = Out, c.Actor.User, c.Actor.Name, c.Now
		return "out of scope, approved", nil
	})
	if alone {
		c.Note("alone", true)
	}
	return out, err
}

func (a Asset) second(members []auth.Member) auth.Second {
	return auth.SecondOf(members, auth.AssetsWrite, a.AskerID, a.Asked)
}

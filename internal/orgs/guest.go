package orgs

import (
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/op"
)

// Offer is what an invitation offers to whoever holds its secret.
type Offer struct {
	Org  Org
	Role string // of a member, or AsFirm
}

// Look says what an invitation offers before anybody accepts it. The
// transaction must see all organizations.
func Look(tx *db.Tx, secret string, now time.Time) (Offer, error) {
	c := &op.Call{Desk: &op.Desk{}, Tx: tx, Now: now}
	org, role, _, err := invited(c, secret)
	if err != nil {
		return Offer{}, err
	}
	c.Enter(org, auth.Actor{})
	o, err := get(c, op.None{})
	return Offer{Org: o, Role: role}, err
}

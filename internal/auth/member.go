package auth

import (
	"errors"
	"time"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

const (
	revokeTokens   = "UPDATE tokens SET revoked = ? WHERE org_id = ? AND user_id = ? AND revoked = 0"
	deleteSessions = "DELETE FROM sessions WHERE org_id = ? AND user_id = ?"
)

// FindUser finds a person by address; false when nobody has it.
func FindUser(tx *db.Tx, email string) (User, bool, error) {
	email, err := FoldEmail(email)
	if err != nil {
		return User{}, false, err
	}
	u := User{Email: email}
	err = tx.Row(selectUserByEmail, []any{email, false}, &u.ID, &u.Name)
	if errors.Is(err, db.ErrNone) {
		return User{}, false, nil
	}
	return u, err == nil, err
}

// SetRoles changes what a member is.
func SetRoles(tx *db.Tx, org id.Org, user id.User, roles []Role) error {
	n, err := tx.Exec(updateRoles, joinRoles(roles), org, user)
	if err == nil && n == 0 {
		err = fault.NotFound("no member %s", user)
	}
	return err
}

// Leave ends a membership, of which the row keeps that it was. What the member
// signed in with ends too: should they come back, it must not.
func Leave(tx *db.Tx, org id.Org, user id.User, now time.Time) error {
	if err := SetRoles(tx, org, user, nil); err != nil {
		return err
	}
	if _, err := tx.Exec(leaveMember, org, user); err != nil {
		return err
	}
	return endAll(tx, org, user, now)
}

// ChangePassword replaces a password by its owner, who knows the one before.
// Every other session of theirs ends, wherever it is; secret is the one that
// stays. The transaction must see all organizations.
func ChangePassword(tx *db.Tx, user id.User, before, after, secret string) error {
	var stored string
	if err := tx.Row(selectHash, []any{user}, &stored); err != nil {
		return err
	}
	if stored == "" || !passwordMatches(stored, before) {
		return fault.Invalid("current", "this is not your password")
	}
	hash, err := HashPassword(after)
	if f := fault.As(err); f != nil && f.Field == "password" {
		err = fault.Invalid("new", "%s", f.Message)
	}
	if err != nil {
		return err
	}
	if _, err := tx.Exec(updateHash, hash, user); err != nil {
		return err
	}
	_, err = tx.Exec(deleteOthers, user, hashSecret(secret))
	return err
}

// PasswordIs reports whether a person's password is this one.
func PasswordIs(tx *db.Tx, user id.User, password string) (bool, error) {
	var stored string
	if err := tx.Row(selectHash, []any{user}, &stored); err != nil {
		return false, err
	}
	return stored != "" && passwordMatches(stored, password), nil
}

// MoveSession takes a session to another organization of its owner.
func MoveSession(tx *db.Tx, secret string, user id.User, org id.Org) error {
	n, err := tx.Exec(moveSession, org, hashSecret(secret), user)
	if err == nil && n == 0 {
		err = fault.Denied("Sign in first.")
	}
	return err
}

// NewSecret makes a secret that is shown once, and the hash to keep of it.
func NewSecret(prefix string) (secret string, hash []byte) { return newSecret(prefix) }

// HashOf is the hash under which a secret is found.
func HashOf(secret string) []byte { return hashSecret(secret) }

// Holding are the members who have a right, the first to join first.
func Holding(members []Member, right Right) []id.User {
	var out []id.User
	for _, m := range members {
		if (Actor{Roles: m.Roles}).May(right) {
			out = append(out, m.ID)
		}
	}
	return out
}

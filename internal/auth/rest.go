package auth

import (
	"errors"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

const (
	restMember    = "UPDATE members SET resting = roles, roles = '' WHERE org_id = ? AND user_id = ? AND roles <> ''"
	wakeMember    = "UPDATE members SET roles = resting, resting = '' WHERE org_id = ? AND user_id = ? AND resting <> ''"
	leaveMember   = "UPDATE members SET resting = '' WHERE org_id = ? AND user_id = ?"
	selectResting = "SELECT u.id, u.name, u.email, m.resting FROM members m JOIN users u ON u.id = m.user_id WHERE m.org_id = ? AND m.resting <> '' ORDER BY m.created, u.id"
)

// Rest deactivates a member: whatever asks who may finds nobody, and what they
// signed in with ends. Their roles are kept for the day they are woken.
func Rest(tx *db.Tx, org id.Org, user id.User, now time.Time) error {
	n, err := tx.Exec(restMember, org, user)
	if err == nil && n == 0 {
		err = fault.NotFound("no member %s", user)
	}
	if err != nil {
		return err
	}
	return endAll(tx, org, user, now)
}

// Wake makes a deactivated person a member again, as what they were.
func Wake(tx *db.Tx, org id.Org, user id.User) error {
	n, err := tx.Exec(wakeMember, org, user)
	if err == nil && n == 0 {
		err = fault.NotFound("no deactivated member %s", user)
	}
	return err
}

// Resting lists the members who are deactivated, as what they would be again.
func Resting(tx *db.Tx, org id.Org) ([]Member, error) {
	return db.Rows(tx, selectResting, []any{org}, func(scan func(...any) error, m *Member) error {
		var roles string
		err := scan(&m.ID, &m.Name, &m.Email, &roles)
		m.Roles = splitRoles(roles)
		return err
	})
}

func endAll(tx *db.Tx, org id.Org, user id.User, now time.Time) error {
	if _, err := tx.Exec(revokeTokens, clock.Millis(now), org, user); err != nil {
		return err
	}
	_, err := tx.Exec(deleteSessions, org, user)
	return err
}

// UserOf reads a person by id; NotFound if there is none.
func UserOf(tx *db.Tx, user id.User) (User, error) {
	u := User{ID: user}
	err := tx.Row(selectUser, []any{user}, &u.Name, &u.Email)
	if errors.Is(err, db.ErrNone) {
		err = fault.NotFound("no user %s", user)
	}
	return u, err
}

const selectUser = "SELECT name, email FROM users WHERE id = ?"

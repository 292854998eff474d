package auth

import (
	"errors"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

// How long a link to choose a new password is good: one that travels by mail,
// and one that a person hands over.
const (
	RecoveryByMail = time.Hour
	RecoveryByHand = 24 * time.Hour
)

const (
	insertRecovery   = "INSERT INTO users_recovery (hash, user_id, org_id, factors, actor, created, expires, used) VALUES (?, ?, ?, ?, ?, ?, ?, 0)"
	selectRecovery   = "SELECT r.user_id, r.org_id, r.factors, r.expires, r.used, u.name, u.email, u.disabled FROM users_recovery r JOIN users u ON u.id = r.user_id WHERE r.hash = ?"
	useRecovery      = "UPDATE users_recovery SET used = ? WHERE hash = ? AND used = 0"
	dropRecoveries   = "UPDATE users_recovery SET used = ? WHERE user_id = ? AND used = 0"
	expireRecoveries = "DELETE FROM users_recovery WHERE expires < ?"
	selectHomes      = "SELECT org_id FROM members WHERE user_id = ? AND roles <> '' ORDER BY created, org_id"
)

// A Recovery is a link that is still good.
type Recovery struct {
	User    User
	Org     id.Org // whose log says so
	Factors bool   // it takes the second factors away
}

// NewRecovery makes a link, in the place of any before it. By names who made it.
func NewRecovery(tx *db.Tx, user id.User, org id.Org, factors bool, by string, life time.Duration, now time.Time) (string, error) {
	if _, err := tx.Exec(dropRecoveries, clock.Millis(now), user); err != nil {
		return "", err
	}
	secret, hash := newSecret("again-")
	_, err := tx.Exec(insertRecovery, hash, user, org, factors, by, clock.Millis(now), clock.Millis(now.Add(life)))
	return secret, err
}

// LookRecovery says whose link this is, without using it.
func LookRecovery(tx *db.Tx, secret string, now time.Time) (Recovery, error) {
	var (
		r             Recovery
		expires, used int64
		disabled      bool
	)
	err := tx.Row(selectRecovery, []any{hashSecret(strings.TrimSpace(secret))}, &r.User.ID, &r.Org, &r.Factors, &expires, &used, &r.User.Name, &r.User.Email, &disabled)
	switch {
	case errors.Is(err, db.ErrNone):
		return r, fault.Invalid("secret", "there is no such link, or it is long over: copy it whole, or ask for another")
	case err != nil:
		return r, err
	case used != 0 || disabled:
		return r, fault.Conflict("This link was used, or another was made after it. Ask for a new one.")
	case clock.Millis(now) > expires:
		return r, fault.Conflict("This link has run out. Ask for a new one.")
	}
	return r, nil
}

// Recover gives the person of a link a new password. Every session of theirs
// ends, and with them the second factors if the link says so.
func Recover(tx *db.Tx, secret, password string, now time.Time) (Recovery, error) {
	r, err := LookRecovery(tx, secret, now)
	if err != nil {
		return r, err
	}
	hash, err := HashPassword(password)
	if err != nil {
		return r, err
	}
	n, err := tx.Exec(useRecovery, clock.Millis(now), hashSecret(strings.TrimSpace(secret)))
	if err == nil && n == 0 {
		err = fault.Conflict("This link was used a moment ago.")
	}
	if err != nil {
		return r, err
	}
	if _, err := tx.Exec(updateHash, hash, r.User.ID); err != nil {
		return r, err
	}
	if r.Factors {
		if err := DropFactors(tx, r.User.ID); err != nil {
			return r, err
		}
	}
	_, err = tx.Exec(deleteAll, r.User.ID)
	return r, err
}

// Homes lists the organizations of a person, the one joined first to begin with.
// The transaction must see all organizations.
func Homes(tx *db.Tx, user id.User) ([]id.Org, error) {
	return db.Rows(tx, selectHomes, []any{user}, func(scan func(...any) error, o *id.Org) error { return scan(o) })
}

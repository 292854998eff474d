package auth

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

// touchEvery bounds how often reading a page writes that the session lives.
const touchEvery = 5 * time.Minute

// StartSession signs a user in to the organization they joined first. The
// secret goes into a cookie; only its hash is stored.
func StartSession(tx *db.Tx, user id.User, agent string, now time.Time) (secret string, org id.Org, err error) {
	err = tx.Row(selectHome, []any{user}, &org)
	if errors.Is(err, db.ErrNone) {
		return "", "", fault.Denied("This user belongs to no organization. Ask its owner for an invitation.")
	}
	if err != nil {
		return "", "", err
	}
	secret, hash := newSecret("")
	agent = tidy(agent)
	ms := clock.Millis(now)
	_, err = tx.Exec(insertSession, hash, user, org, agent, ms, ms, clock.Millis(now.Add(SessionMax)))
	return secret, org, err
}

// tidy makes what a browser says of itself fit the databases, which do not
// all take every byte.
func tidy(agent string) string {
	agent = agent[:min(len(agent), 200)]
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) {
			return -1
		}
		return r
	}, agent)
}

// EndSession signs out.
func EndSession(tx *db.Tx, secret string) error {
	_, err := tx.Exec(deleteSession, hashSecret(secret))
	return err
}

// FromSession returns who a session cookie stands for, and where.
func FromSession(ctx context.Context, d *db.DB, secret string, now time.Time) (Actor, id.Org, error) {
	var (
		a             Actor
		user          id.User
		org           id.Org
		seen, expires int64
	)
	hash := hashSecret(secret)
	err := d.Read(ctx, db.All, func(tx *db.Tx) error {
		err := tx.Row(selectSession, []any{hash}, &user, &org, &seen, &expires)
		if errors.Is(err, db.ErrNone) {
			return fault.Denied("Sign in first.")
		}
		if err != nil {
			return err
		}
		if now.UnixMilli() > expires || now.Sub(clock.FromMillis(seen)) > SessionLife {
			return fault.Denied("Your session has ended. Sign in again; nothing is lost.")
		}
		a, err = MemberActor(tx, org, user, "page")
		return err
	})
	if err != nil {
		return Actor{}, "", err
	}
	if now.Sub(clock.FromMillis(seen)) > touchEvery {
		// A database that takes no writes can still be read; whoever reads it
		// stays signed in until the session runs out.
		_ = d.Write(ctx, db.All, func(tx *db.Tx) error {
			_, err := tx.Exec(touchSession, clock.Millis(now), hash)
			return err
		})
	}
	return a, org, nil
}

// Token is a program's permission to act for a member. Its secret is shown
// once.
type Token struct {
	ID      id.Token  `json:"id"`
	User    id.User   `json:"user"`
	Name    string    `json:"name"`
	Access  string    `json:"access"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Revoked time.Time `json:"revoked,omitzero"`
}

// What a token may do of what its owner may.
const (
	AccessRead  = "read"
	AccessWrite = "write"
)

// CreateToken makes a token for a member.
func CreateToken(tx *db.Tx, org id.Org, user id.User, name, access string, life time.Duration, now time.Time) (Token, string, error) {
	secret, hash := newSecret("tmk_")
	t := Token{ID: id.New[id.Token](now), User: user, Name: name, Access: access, Created: now, Expires: now.Add(life)}
	_, err := tx.Exec(insertToken, org, t.ID, user, name, access, hash, clock.Millis(now), clock.Millis(t.Expires))
	return t, secret, err
}

// Tokens lists the tokens of an organization, newest first.
func Tokens(tx *db.Tx, org id.Org) ([]Token, error) {
	return db.Rows(tx, selectTokens, []any{org}, func(scan func(...any) error, t *Token) error {
		var created, expires, revoked int64
		err := scan(&t.ID, &t.User, &t.Name, &t.Access, &created, &expires, &revoked)
		t.Created, t.Expires, t.Revoked = clock.FromMillis(created), clock.FromMillis(expires), clock.FromMillis(revoked)
		return err
	})
}

// RevokeToken ends a token at once. Members end their own; whoever keeps the
// members ends anybody's.
func RevokeToken(tx *db.Tx, org id.Org, token id.Token, by Actor, now time.Time) error {
	var user id.User
	err := tx.Row(selectTokenOf, []any{org, token}, &user)
	if errors.Is(err, db.ErrNone) {
		return fault.NotFound("no token %s that is still good", token)
	}
	if err != nil {
		return err
	}
	if user != by.User && !by.May(MembersWrite) {
		return fault.Denied("This token acts for another member, who can end it. So can an owner.")
	}
	_, err = tx.Exec(revokeToken, clock.Millis(now), org, token)
	return err
}

// FromToken returns who a program's token stands for, and where.
func FromToken(ctx context.Context, d *db.DB, secret string, now time.Time) (Actor, id.Org, error) {
	var (
		a                Actor
		user             id.User
		org              id.Org
		access           string
		expires, revoked int64
	)
	err := d.Read(ctx, db.All, func(tx *db.Tx) error {
		err := tx.Row(selectToken, []any{hashSecret(secret)}, &org, &user, &access, &expires, &revoked)
		if errors.Is(err, db.ErrNone) || err == nil && (revoked != 0 || now.UnixMilli() > expires) {
			return fault.Denied("This token is unknown, expired or revoked. Make one under Settings, Tokens.")
		}
		if err != nil {
			return err
		}
		a, err = MemberActor(tx, org, user, "api")
		a.ReadOnly = access != AccessWrite
		return err
	})
	return a, org, err
}

// CookieNameFor is the name of the session cookie. Over TLS the prefix makes
// browsers refuse it from anywhere but this very host.
func CookieNameFor(tls bool) string {
	if tls {
		return "__Host-tickmark"
	}
	return "tickmark"
}

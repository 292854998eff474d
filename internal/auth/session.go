package auth

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"slices"
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

// Browser is what is known of where somebody signs in.
type Browser struct {
	Agent   string
	Address string
	Factor  string // the second factor that was used; empty for none
}

// StartSession signs a user in to the organization they joined first. The
// secret goes into a cookie; only its hash is stored.
func StartSession(tx *db.Tx, user id.User, agent string, now time.Time) (secret string, org id.Org, err error) {
	return StartIn(tx, user, Browser{Agent: agent}, now)
}

// StartIn is StartSession for a browser of which more is known.
func StartIn(tx *db.Tx, user id.User, b Browser, now time.Time) (secret string, org id.Org, err error) {
	err = tx.Row(selectHome, []any{user}, &org)
	if errors.Is(err, db.ErrNone) {
		return "", "", fault.Denied("This user belongs to no organization. Ask its owner for an invitation.")
	}
	if err != nil {
		return "", "", err
	}
	secret, hash := newSecret("")
	ms := clock.Millis(now)
	_, err = tx.Exec(insertSession, hash, user, org, tidy(b.Agent), tidy(b.Address), ms, ms, clock.Millis(now.Add(SessionMax)), ms, b.Factor)
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
	return FromBrowser(ctx, d, secret, "", now)
}

// FromBrowser is FromSession for a cookie that came from an address of the
// network.
func FromBrowser(ctx context.Context, d *db.DB, secret, from string, now time.Time) (Actor, id.Org, error) {
	var (
		a                           Actor
		user                        id.User
		org                         id.Org
		seen, expires, signed, idle int64
		demands                     bool
		factors                     int64
	)
	hash := hashSecret(secret)
	err := d.Read(ctx, db.All, func(tx *db.Tx) error {
		err := tx.Row(selectSession, []any{hash}, &user, &org, &seen, &expires, &signed, &idle, &demands, &factors)
		if errors.Is(err, db.ErrNone) {
			return fault.Denied("Sign in first.")
		}
		if err != nil {
			return err
		}
		life := SessionLife
		if idle > 0 {
			life = time.Duration(idle) * time.Hour
		}
		if now.UnixMilli() > expires || now.Sub(clock.FromMillis(seen)) > life {
			return fault.Denied("Your session has ended. Sign in again; nothing is lost.")
		}
		a, err = MemberActor(tx, org, user, "page")
		a.Lacks, a.Signed = demands && factors == 0, clock.FromMillis(signed)
		if signed == 0 { // begun before it was kept
			a.Signed = time.UnixMilli(1)
		}
		return err
	})
	if err != nil {
		return Actor{}, "", err
	}
	if now.Sub(clock.FromMillis(seen)) > touchEvery {
		// A database that takes no writes can still be read; whoever reads it
		// stays signed in until the session runs out.
		_ = d.Write(ctx, db.All, func(tx *db.Tx) error {
			_, err := tx.Exec(touchSession, clock.Millis(now), tidy(from), hash)
			return err
		})
	}
	return a, org, nil
}

// A Session is where somebody is signed in.
type Session struct {
	Ref     string    `json:"ref"` // names it without opening anything
	Org     id.Org    `json:"org"`
	Agent   string    `json:"agent"`
	Address string    `json:"address"`
	Began   time.Time `json:"began"`
	Seen    time.Time `json:"seen"`
	Ends    time.Time `json:"ends"`
	Factor  string    `json:"factor,omitempty"`
	Here    bool      `json:"here"` // the one that asks

	hash []byte
}

// Sessions lists where a person is signed in, the newest first; secret is that
// of the session that asks, if one does.
func Sessions(tx *db.Tx, user id.User, secret string, now time.Time) ([]Session, error) {
	here := hashSecret(secret)
	all, err := db.Rows(tx, selectMine, []any{user}, func(scan func(...any) error, s *Session) error {
		var began, seen, ends int64
		err := scan(&s.hash, &s.Org, &s.Agent, &s.Address, &began, &seen, &ends, &s.Factor)
		s.Began, s.Seen, s.Ends = clock.FromMillis(began), clock.FromMillis(seen), clock.FromMillis(ends)
		s.Ref, s.Here = hex.EncodeToString(s.hash[:min(8, len(s.hash))]), bytes.Equal(s.hash, here)
		return err
	})
	return slices.DeleteFunc(all, func(s Session) bool { return now.After(s.Ends) }), err
}

// EndOne ends one of a person's sessions.
func EndOne(tx *db.Tx, user id.User, ref string, now time.Time) error {
	all, err := Sessions(tx, user, "", now)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(s Session) bool { return s.Ref == ref })
	if i < 0 {
		return fault.NotFound("You have no session %s that is still open.", ref)
	}
	_, err = tx.Exec(deleteMine, user, all[i].hash)
	return err
}

// EndOthers ends every session of a person but one.
func EndOthers(tx *db.Tx, user id.User, secret string) (int64, error) {
	return tx.Exec(deleteOthers, user, hashSecret(secret))
}

// SignAgain keeps that whoever sits there has just said who they are.
func SignAgain(tx *db.Tx, secret string, user id.User, now time.Time) error {
	n, err := tx.Exec(signSession, clock.Millis(now), hashSecret(secret), user)
	if err == nil && n == 0 {
		err = fault.Denied("Sign in first.")
	}
	return err
}

// Expire deletes sessions that have run out and what was good once and is not
// any more.
func Expire(ctx context.Context, d *db.DB, now time.Time) error {
	return d.Write(ctx, db.All, func(tx *db.Tx) error {
		for _, q := range []string{expireSessions, deleteSpent, expireRecoveries} {
			if _, err := tx.Exec(q, clock.Millis(now)); err != nil {
				return err
			}
		}
		return nil
	})
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

// RefOf names a session by its secret, as lists name it.
func RefOf(secret string) string { return hex.EncodeToString(hashSecret(secret)[:8]) }

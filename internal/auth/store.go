package auth

import (
	"errors"
	"net/mail"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

// Lifetimes.
const (
	SetupLife   = time.Hour
	SessionLife = 12 * time.Hour // without a request
	SessionMax  = 7 * 24 * time.Hour
)

// User is a person who can sign in.
type User struct {
	ID    id.User `json:"id"`
	Email string  `json:"email"`
	Name  string  `json:"name"`
}

const (
	upsertSetup = `INSERT INTO setup (id, token_hash, expires, used) VALUES (1, ?, ?, 0)
		ON CONFLICT (id) DO UPDATE SET token_hash = excluded.token_hash, expires = excluded.expires`
	selectSetup = "SELECT token_hash, expires, used FROM setup WHERE id = 1"
	useSetup    = "UPDATE setup SET used = ? WHERE id = 1 AND used = 0"

	insertUser    = "INSERT INTO users (id, email, name, password_hash, created, disabled) VALUES (?, ?, ?, ?, ?, ?)"
	selectByEmail = "SELECT id, name, password_hash, disabled FROM users WHERE email = ?"

	claimUser       = "UPDATE users SET email = ?, name = ?, password_hash = ? WHERE id = ? AND password_hash = ''"
	selectUnclaimed = "SELECT m.org_id, m.user_id FROM members m JOIN users u ON u.id = m.user_id WHERE u.password_hash = '' AND m.roles = 'owner' ORDER BY m.created LIMIT 1"

	insertMember  = "INSERT INTO members (org_id, user_id, roles, created) VALUES (?, ?, ?, ?)"
	selectMember  = "SELECT u.name, u.email, m.roles, u.disabled FROM members m JOIN users u ON u.id = m.user_id WHERE m.org_id = ? AND m.user_id = ?"
	selectMembers = "SELECT u.id, u.name, u.email, m.roles FROM members m JOIN users u ON u.id = m.user_id WHERE m.org_id = ? AND m.roles <> '' ORDER BY m.created, u.id"
	selectHome    = "SELECT org_id FROM members WHERE user_id = ? AND roles <> '' ORDER BY created, org_id LIMIT 1"

	selectUserByEmail = "SELECT id, name FROM users WHERE email = ? AND disabled = ?"
	updateRoles       = "UPDATE members SET roles = ? WHERE org_id = ? AND user_id = ?"
	rejoinMember      = "UPDATE members SET roles = ? WHERE org_id = ? AND user_id = ? AND roles = '' AND resting = ''"
	selectHash        = "SELECT password_hash FROM users WHERE id = ?"
	updateHash        = "UPDATE users SET password_hash = ? WHERE id = ?"
	moveSession       = "UPDATE sessions SET org_id = ? WHERE id = ? AND user_id = ?"
	deleteOthers      = "DELETE FROM sessions WHERE user_id = ? AND id <> ?"

	insertSession = "INSERT INTO sessions (id, user_id, org_id, agent, address, created, seen, expires, signed, factor) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	selectSession = `SELECT s.user_id, s.org_id, s.seen, s.expires, s.signed, COALESCE(d.idle_hours, 0), COALESCE(d.second_factor, FALSE),
		(SELECT COUNT(*) FROM users_passkey p WHERE p.user_id = s.user_id) + (SELECT COUNT(*) FROM users_totp t WHERE t.user_id = s.user_id AND t.confirmed <> 0)
		FROM sessions s LEFT JOIN orgs_door d ON d.org_id = s.org_id WHERE s.id = ?`
	touchSession   = "UPDATE sessions SET seen = ?, address = ? WHERE id = ?"
	signSession    = "UPDATE sessions SET signed = ? WHERE id = ? AND user_id = ?"
	deleteSession  = "DELETE FROM sessions WHERE id = ?"
	selectMine     = "SELECT id, org_id, agent, address, created, seen, expires, factor FROM sessions WHERE user_id = ? ORDER BY seen DESC, id"
	deleteMine     = "DELETE FROM sessions WHERE user_id = ? AND id = ?"
	deleteAll      = "DELETE FROM sessions WHERE user_id = ?"
	expireSessions = "DELETE FROM sessions WHERE expires < ?"

	insertToken   = "INSERT INTO tokens (org_id, id, user_id, name, access, hash, created, expires, revoked) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)"
	selectToken   = "SELECT org_id, user_id, access, expires, revoked FROM tokens WHERE hash = ?"
	selectTokens  = "SELECT id, user_id, name, access, created, expires, revoked FROM tokens WHERE org_id = ? ORDER BY id DESC"
	selectTokenOf = "SELECT user_id FROM tokens WHERE org_id = ? AND id = ? AND revoked = 0"
	revokeToken   = "UPDATE tokens SET revoked = ? WHERE org_id = ? AND id = ? AND revoked = 0"
)

// NewSetupToken makes the one-time token of first setup and replaces an
// unused earlier one. It is empty when setup is done.
func NewSetupToken(tx *db.Tx, now time.Time) (string, error) {
	var (
		hash          []byte
		expires, used int64
	)
	err := tx.Row(selectSetup, nil, &hash, &expires, &used)
	if err != nil && !errors.Is(err, db.ErrNone) {
		return "", err
	}
	if err == nil && used != 0 {
		return "", nil
	}
	secret, h := newSecret("setup-")
	_, err = tx.Exec(upsertSetup, h, clock.Millis(now.Add(SetupLife)))
	return secret, err
}

// SetupDone reports whether the first organization exists.
func SetupDone(tx *db.Tx) (bool, error) {
	var (
		hash          []byte
		expires, used int64
	)
	err := tx.Row(selectSetup, nil, &hash, &expires, &used)
	if errors.Is(err, db.ErrNone) {
		return false, nil
	}
	return used != 0, err
}

// UseSetupToken spends the token, or says why it cannot be spent.
func UseSetupToken(tx *db.Tx, token string, now time.Time) error {
	var (
		hash          []byte
		expires, used int64
	)
	err := tx.Row(selectSetup, nil, &hash, &expires, &used)
	if err != nil && !errors.Is(err, db.ErrNone) {
		return err
	}
	switch {
	case used != 0:
		return fault.Conflict("This installation is set up already; the token was good once. Sign in instead.")
	case errors.Is(err, db.ErrNone) || string(hashSecret(strings.TrimSpace(token))) != string(hash):
		return fault.Invalid("token", "this is not the token: copy the one that starts with setup- from the terminal Tickmark runs in")
	case now.UnixMilli() > expires:
		return fault.Invalid("token", "this token has expired: restart Tickmark and copy the new one")
	}
	n, err := tx.Exec(useSetup, clock.Millis(now))
	if err == nil && n == 0 {
		err = fault.Conflict("This installation was set up a moment ago. Sign in instead.")
	}
	return err
}

// FoldEmail brings an address to the form in which it is stored and compared.
func FoldEmail(email string) (string, error) {
	a, err := mail.ParseAddress(strings.TrimSpace(email))
	if err != nil || a.Name != "" || len(a.Address) > 254 {
		return "", fault.Invalid("email", "give an address such as name@example.com")
	}
	return strings.ToLower(a.Address), nil
}

// CreateUser adds a person. An empty password makes a user who cannot sign in
// until one is set.
func CreateUser(tx *db.Tx, name, email, password string, now time.Time) (User, error) {
	email, err := FoldEmail(email)
	if err != nil {
		return User{}, err
	}
	name, err = tidyName(name)
	if err != nil {
		return User{}, err
	}
	hash := ""
	if password != "" {
		if hash, err = HashPassword(password); err != nil {
			return User{}, err
		}
	}
	u := User{ID: id.New[id.User](now), Email: email, Name: name}
	_, err = tx.Exec(insertUser, u.ID, u.Email, u.Name, hash, clock.Millis(now), false)
	if db.IsDuplicate(err) {
		return User{}, errTaken
	}
	return u, err
}

// errTaken does not say whose the address is.
var errTaken = fault.Conflict("This address cannot be taken. Invite the person instead: whoever can sign in here already comes in with what they have.")

func tidyName(name string) (string, error) {
	if name = strings.TrimSpace(name); name == "" {
		return "", fault.Invalid("name", "give the name that others know this person by")
	}
	return name, nil
}

// Unclaimed finds the organization that the command line made for an owner who
// cannot sign in yet; empty if there is none.
func Unclaimed(tx *db.Tx) (id.Org, id.User, error) {
	var (
		org  id.Org
		user id.User
	)
	err := tx.Row(selectUnclaimed, nil, &org, &user)
	if errors.Is(err, db.ErrNone) {
		return "", "", nil
	}
	return org, user, err
}

// Claim gives that owner a name, an address and a password.
func Claim(tx *db.Tx, user id.User, name, email, password string) (User, error) {
	email, err := FoldEmail(email)
	if err != nil {
		return User{}, err
	}
	name, err = tidyName(name)
	if err != nil {
		return User{}, err
	}
	hash, err := HashPassword(password)
	if err != nil {
		return User{}, err
	}
	u := User{ID: user, Email: email, Name: name}
	_, err = tx.Exec(claimUser, u.Email, u.Name, hash, user)
	if db.IsDuplicate(err) {
		return User{}, fault.Conflict("%s belongs to a user already", email)
	}
	return u, err
}

// Join makes a user a member of an organization, again if they were one.
func Join(tx *db.Tx, org id.Org, user id.User, roles []Role, now time.Time) error {
	n, err := tx.Exec(rejoinMember, joinRoles(roles), org, user)
	if err != nil || n > 0 {
		return err
	}
	_, err = tx.Exec(insertMember, org, user, joinRoles(roles), clock.Millis(now))
	if db.IsDuplicate(err) {
		err = fault.Conflict("This person is a member already.")
	}
	return err
}

func joinRoles(roles []Role) string {
	s := make([]string, len(roles))
	for i, r := range roles {
		s[i] = string(r)
	}
	return strings.Join(s, " ")
}

func splitRoles(s string) []Role {
	var out []Role
	for _, f := range strings.Fields(s) {
		out = append(out, Role(f))
	}
	return out
}

// Member is a user within an organization.
type Member struct {
	User
	Roles []Role `json:"roles"`
}

// Members lists who belongs to an organization, the first to join first.
func Members(tx *db.Tx, org id.Org) ([]Member, error) {
	return db.Rows(tx, selectMembers, []any{org}, func(scan func(...any) error, m *Member) error {
		var roles string
		err := scan(&m.ID, &m.Name, &m.Email, &roles)
		m.Roles = splitRoles(roles)
		return err
	})
}

// MemberActor returns the actor that a member is.
func MemberActor(tx *db.Tx, org id.Org, user id.User, via string) (Actor, error) {
	var (
		roles    string
		disabled bool
	)
	a := Actor{User: user, Via: via}
	err := tx.Row(selectMember, []any{org, user}, &a.Name, &a.Email, &roles, &disabled)
	if errors.Is(err, db.ErrNone) || err == nil && (disabled || roles == "") {
		return Actor{}, fault.Denied("Sign in first.")
	}
	a.Roles = splitRoles(roles)
	return a, err
}

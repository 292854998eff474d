package auth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

const (
	insertPasskey    = "INSERT INTO users_passkey (id, user_id, name, credential, created, used) VALUES (?, ?, ?, ?, ?, 0)"
	selectPasskeys   = "SELECT id, name, credential, created, used FROM users_passkey WHERE user_id = ? ORDER BY created, id"
	usePasskey       = "UPDATE users_passkey SET credential = ?, used = ? WHERE user_id = ? AND id = ?"
	renamePasskey    = "UPDATE users_passkey SET name = ? WHERE user_id = ? AND id = ?"
	deletePasskey    = "DELETE FROM users_passkey WHERE user_id = ? AND id = ?"
	deletePasskeys   = "DELETE FROM users_passkey WHERE user_id = ?"
	selectPasskeyFor = "SELECT id, name, email FROM users WHERE id = ? AND disabled = ?"
)

// Limits of what an authenticator may send, and of how many a person may have.
const (
	maxAnswer   = 32 << 10
	maxPasskeys = 20
)

// Passkey is one of a person's.
type Passkey struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used,omitzero"`

	credential webauthn.Credential
}

// Place is the address people type, to which passkeys are bound.
type Place struct{ origin, host string }

// PlaceOf reads the address of a page; false where browsers have no passkeys: at
// an address of numbers, or unencrypted on another machine.
func PlaceOf(address string) (Place, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return Place{}, false
	}
	host := strings.ToLower(u.Hostname())
	if _, err := netip.ParseAddr(host); err == nil {
		return Place{}, false
	}
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	return Place{u.Scheme + "://" + strings.ToLower(u.Host), host}, u.Scheme == "https" || local && u.Scheme == "http"
}

// Host is what the place is called.
func (p Place) Host() string { return p.host }

func (p Place) party() (*webauthn.WebAuthn, error) {
	yes := true
	return webauthn.New(&webauthn.Config{RPID: p.host, RPDisplayName: "Tickmark", RPOrigins: []string{p.origin},
		AttestationPreference: protocol.PreferNoAttestation,
		// Whoever holds the key must say who they are to it: it stands for both
		// the password and the second factor.
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: &yes,
			UserVerification: protocol.VerificationRequired}})
}

// keyholder is a person as the library sees one.
type keyholder struct {
	User
	keys []Passkey
}

// WebAuthnID is the handle that the authenticator keeps: random and no address.
func (k keyholder) WebAuthnID() []byte { return []byte(k.ID) }

// WebAuthnName is what the authenticator shows.
func (k keyholder) WebAuthnName() string { return k.Email }

// WebAuthnDisplayName is what the authenticator shows.
func (k keyholder) WebAuthnDisplayName() string { return k.Name }

// WebAuthnCredentials are the keys there are.
func (k keyholder) WebAuthnCredentials() []webauthn.Credential {
	out := make([]webauthn.Credential, len(k.keys))
	for i, p := range k.keys {
		out[i] = p.credential
	}
	return out
}

// Question is put to an authenticator by a script; State comes back sealed.
type Question struct {
	Options string // JSON, as the browser parses it
	State   webauthn.SessionData
}

// QuestionState is what a ticket carries.
type QuestionState = webauthn.SessionData

func question(options any, state *webauthn.SessionData, err error) (Question, error) {
	if err != nil {
		return Question{}, err
	}
	raw, err := json.Marshal(options)
	return Question{string(raw), *state}, err
}

// NewPasskey asks for a key that the person does not have yet.
func (p Place) NewPasskey(tx *db.Tx, u User) (Question, error) {
	w, err := p.party()
	if err != nil {
		return Question{}, err
	}
	keys, err := passkeysOf(tx, u.ID)
	if err != nil {
		return Question{}, err
	}
	h := keyholder{u, keys}
	var known []protocol.CredentialDescriptor
	for _, c := range h.WebAuthnCredentials() {
		known = append(known, c.Descriptor())
	}
	c, state, err := w.BeginRegistration(h, webauthn.WithExclusions(known))
	if err != nil {
		return Question{}, err
	}
	return question(c.Response, state, nil)
}

// AnyPasskey asks whoever stands at the door for one of theirs.
func (p Place) AnyPasskey() (Question, error) {
	w, err := p.party()
	if err != nil {
		return Question{}, err
	}
	a, state, err := w.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return Question{}, err
	}
	return question(a.Response, state, nil)
}

// AddPasskey keeps the key that answered.
func (p Place) AddPasskey(tx *db.Tx, u User, name string, state QuestionState, answer string, now time.Time) (Passkey, error) {
	w, err := p.party()
	if err != nil {
		return Passkey{}, err
	}
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > 100 {
		return Passkey{}, fault.Invalid("name", "give the passkey a name of at most 100 characters, such as the device it is on")
	}
	keys, err := passkeysOf(tx, u.ID)
	if err != nil {
		return Passkey{}, err
	}
	if len(keys) >= maxPasskeys {
		return Passkey{}, fault.Conflict("You have %d passkeys, which is the most. Take one away that you no longer use.", len(keys))
	}
	if len(answer) > maxAnswer {
		return Passkey{}, unfit(nil)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	if err != nil {
		return Passkey{}, unfit(err)
	}
	c, err := w.CreateCredential(keyholder{u, keys}, state, parsed)
	if err != nil {
		return Passkey{}, unfit(err)
	}
	// What attests to the make of the authenticator is not asked for, and not kept.
	c.Attestation = webauthn.CredentialAttestation{}
	raw, err := json.Marshal(c)
	if err != nil {
		return Passkey{}, err
	}
	k := Passkey{ID: keyID(c.ID), Name: name, Created: now}
	_, err = tx.Exec(insertPasskey, k.ID, u.ID, name, string(raw), clock.Millis(now))
	if db.IsDuplicate(err) {
		err = fault.Conflict("This passkey is here already.")
	}
	return k, err
}

func unfit(cause error) error {
	return fault.Invalid("passkey", "the browser's answer does not fit what was asked: try again").With(cause)
}

// CheckPasskey finds whose key answered, and keeps that it was used. Only, if
// not empty, is the person it has to be.
func (p Place) CheckPasskey(tx *db.Tx, state QuestionState, answer string, only id.User, now time.Time) (id.User, error) {
	w, err := p.party()
	if err != nil {
		return "", err
	}
	if len(answer) > maxAnswer {
		return "", unfit(nil)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(answer))
	if err != nil {
		return "", unfit(err)
	}
	var broken error // a database that does not answer is no wrong key
	find := func(_, handle []byte) (webauthn.User, error) {
		h := keyholder{}
		if err := tx.Row(selectPasskeyFor, []any{string(handle), false}, &h.ID, &h.Name, &h.Email); err != nil {
			if !errors.Is(err, db.ErrNone) {
				broken = err
			}
			return nil, errors.New("nobody has this key")
		}
		h.keys, broken = passkeysOf(tx, h.ID)
		return h, broken
	}
	who, c, err := w.ValidatePasskeyLogin(find, state, parsed)
	if broken != nil {
		return "", broken
	}
	if err != nil {
		return "", fault.Invalid("passkey", "this passkey is not known here, or was taken away").With(err)
	}
	h := who.(keyholder)
	if only != "" && h.ID != only {
		return "", fault.Invalid("passkey", "this is the passkey of another person")
	}
	if c.Authenticator.CloneWarning {
		return "", fault.Denied("This passkey was used somewhere else after it was last used here, as a copy would be. Sign in otherwise and take it away.")
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	_, err = tx.Exec(usePasskey, string(raw), clock.Millis(now), h.ID, keyID(c.ID))
	return h.ID, err
}

func keyID(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func passkeysOf(tx *db.Tx, user id.User) ([]Passkey, error) {
	return db.Rows(tx, selectPasskeys, []any{user}, func(scan func(...any) error, p *Passkey) error {
		var (
			raw           string
			created, used int64
		)
		if err := scan(&p.ID, &p.Name, &raw, &created, &used); err != nil {
			return err
		}
		p.Created, p.Used = clock.FromMillis(created), clock.FromMillis(used)
		return json.Unmarshal([]byte(raw), &p.credential)
	})
}

// RenamePasskey gives a key another name.
func RenamePasskey(tx *db.Tx, user id.User, key, name string) error {
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > 100 {
		return fault.Invalid("name", "give the passkey a name of at most 100 characters, such as the device it is on")
	}
	n, err := tx.Exec(renamePasskey, name, user, key)
	if err == nil && n == 0 {
		err = fault.NotFound("You have no passkey %s.", key)
	}
	return err
}

// RemovePasskey takes a key away.
func RemovePasskey(tx *db.Tx, user id.User, key string) error {
	n, err := tx.Exec(deletePasskey, user, key)
	if err == nil && n == 0 {
		err = fault.NotFound("You have no passkey %s.", key)
	}
	return err
}

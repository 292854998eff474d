package auth

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/seal"
)

const (
	insertSpent = "INSERT INTO users_spent (hash, expires) VALUES (?, ?)"
	deleteSpent = "DELETE FROM users_spent WHERE expires < ?"
)

// A ticket is what a page gives out to get back a moment later: the first half
// of a sign-in, the question to an authenticator. It is sealed, so that nothing
// has to be stored for strangers; whoever uses one spends it.
type ticket struct {
	Nonce   []byte          `json:"nonce"`
	Expires int64           `json:"expires"`
	Says    json.RawMessage `json:"says"`
}

// TicketLife is how long a person may take.
const TicketLife = 5 * time.Minute

const maxTicket = 64 << 10

// Issue seals what is said for one purpose.
func Issue(k *seal.OrgKey, purpose string, says any, now time.Time) (string, error) {
	t := ticket{Nonce: make([]byte, 16), Expires: clock.Millis(now.Add(TicketLife))}
	rand.Read(t.Nonce)
	var err error
	if t.Says, err = json.Marshal(says); err != nil {
		return "", err
	}
	raw, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	sealed, err := k.Seal("ticket "+purpose, raw)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// Redeem opens a ticket without spending it.
func Redeem(k *seal.OrgKey, purpose, text string, says any, now time.Time) error {
	late := fault.Conflict("This took longer than %d minutes, or was begun elsewhere. Begin again.", int(TicketLife.Minutes()))
	if len(text) > maxTicket {
		return late
	}
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return late
	}
	raw, err := k.Open("ticket "+purpose, sealed)
	var t ticket
	if err != nil || json.Unmarshal(raw, &t) != nil || clock.Millis(now) > t.Expires {
		return late
	}
	return json.Unmarshal(t.Says, says)
}

// Spend makes sure that a ticket is used once.
func Spend(tx *db.Tx, text string, now time.Time) error {
	_, err := tx.Exec(insertSpent, hashSecret(text), clock.Millis(now.Add(TicketLife)))
	if db.IsDuplicate(err) {
		err = fault.Conflict("This was used already. Begin again.")
	}
	return err
}

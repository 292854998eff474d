package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/seal"
)

// What every authenticator program understands; others are ignored by some.
const (
	totpStep   = 30 // seconds
	totpDigits = 6
	totpSize   = 20 // bytes of the secret, as RFC 4226 wants them
	totpWindow = 1  // steps that a clock may be off
)

const (
	selectTOTP = "SELECT sealed, step, confirmed FROM users_totp WHERE user_id = ?"
	upsertTOTP = `INSERT INTO users_totp (user_id, sealed, step, created, confirmed, used) VALUES (?, ?, 0, ?, 0, 0)
		ON CONFLICT (user_id) DO UPDATE SET sealed = excluded.sealed, step = 0, created = excluded.created WHERE users_totp.confirmed = 0`
	confirmTOTP = "UPDATE users_totp SET confirmed = ?, step = ?, used = ? WHERE user_id = ? AND confirmed = 0"
	useTOTP     = "UPDATE users_totp SET step = ?, used = ? WHERE user_id = ? AND step < ? AND confirmed <> 0"
	deleteTOTP  = "DELETE FROM users_totp WHERE user_id = ?"
)

var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

// totp is the code of a step (RFC 4226, section 5.3).
func totp(secret []byte, step int64, digits int) string {
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step))
	m := hmac.New(sha1.New, secret)
	m.Write(counter[:])
	sum := m.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	n := binary.BigEndian.Uint32(sum[at:at+4]) & 0x7fffffff
	mod := uint32(1)
	for range digits {
		mod *= 10
	}
	return fmt.Sprintf("%0*d", digits, n%mod)
}

// totpMatch finds the step whose code this is, among those later than the last
// that was used.
func totpMatch(secret []byte, code string, last int64, now time.Time) (step int64, ok bool) {
	at := now.Unix() / totpStep
	for s := at - totpWindow; s <= at+totpWindow; s++ {
		if subtle.ConstantTimeCompare([]byte(totp(secret, s, totpDigits)), []byte(code)) == 1 && s > last {
			step, ok = s, true
		}
	}
	return step, ok
}

// Enrolment is what a program that makes codes is given, once.
type Enrolment struct {
	Secret string `json:"secret" secret:"true"` // in groups of four, for typing
	URI    string `json:"uri" secret:"true"`    // for a camera
}

func totpContext(user id.User) string { return "totp " + string(user) }

// BeginTOTP makes a secret, which opens nothing until a code made from it is
// given. Asked again before that, it makes another.
func BeginTOTP(tx *db.Tx, k *seal.OrgKey, u User, where string, now time.Time) (Enrolment, error) {
	secret := make([]byte, totpSize)
	rand.Read(secret)
	sealed, err := k.Seal(totpContext(u.ID), secret)
	if err != nil {
		return Enrolment{}, err
	}
	n, err := tx.Exec(upsertTOTP, u.ID, sealed, clock.Millis(now))
	if err == nil && n == 0 {
		err = fault.Conflict("A program makes codes for you already. Take it away first, or keep it.")
	}
	return enrolment(secret, u, where), err
}

// PendingTOTP is a secret that waits to be confirmed; false if none does.
func PendingTOTP(tx *db.Tx, k *seal.OrgKey, u User, where string) (Enrolment, bool, error) {
	secret, _, confirmed, err := totpOf(tx, k, u.ID)
	if errors.Is(err, db.ErrNone) || err == nil && confirmed {
		return Enrolment{}, false, nil
	}
	return enrolment(secret, u, where), err == nil, err
}

func enrolment(secret []byte, u User, where string) Enrolment {
	text := base32Text.EncodeToString(secret)
	q := url.Values{"secret": {text}, "issuer": {where}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"}}
	// Some programs take + for what it is.
	uri := "otpauth://totp/" + url.PathEscape(where+":"+u.Email) + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
	var groups []string
	for ; len(text) > 4; text = text[4:] {
		groups = append(groups, text[:4])
	}
	return Enrolment{strings.Join(append(groups, text), " "), uri}
}

func totpOf(tx *db.Tx, k *seal.OrgKey, user id.User) (secret []byte, last int64, confirmed bool, err error) {
	var (
		sealed []byte
		at     int64
	)
	if err = tx.Row(selectTOTP, []any{user}, &sealed, &last, &at); err != nil {
		return nil, 0, false, err
	}
	secret, err = k.Open(totpContext(user), sealed)
	if err != nil {
		err = fmt.Errorf("the secret of the codes of %s does not open: was another root key put in place? %w", user, err)
	}
	return secret, last, at != 0, err
}

// ConfirmTOTP takes the first code that the program made.
func ConfirmTOTP(tx *db.Tx, k *seal.OrgKey, user id.User, code string, now time.Time) error {
	secret, last, confirmed, err := totpOf(tx, k, user)
	if errors.Is(err, db.ErrNone) || err == nil && confirmed {
		return fault.Conflict("No program waits to be confirmed. Begin again.")
	}
	if err != nil {
		return err
	}
	step, ok := totpMatch(secret, digitsOf(code), last, now)
	if !ok {
		return fault.Invalid("code", "this is not the code of now: give the six digits that the program shows, and see that the clock of its device is right")
	}
	ms := clock.Millis(now)
	_, err = tx.Exec(confirmTOTP, ms, step, ms, user)
	return err
}

// useCode accepts a code of the program once; false if it is none of now.
func useCode(tx *db.Tx, k *seal.OrgKey, user id.User, code string, now time.Time) (bool, error) {
	secret, last, confirmed, err := totpOf(tx, k, user)
	if errors.Is(err, db.ErrNone) || err == nil && !confirmed {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	step, ok := totpMatch(secret, code, last, now)
	if !ok {
		return false, nil
	}
	// Of two that give the same code at once, one finds the step used.
	n, err := tx.Exec(useTOTP, step, clock.Millis(now), user, step)
	return n == 1, err
}

// RemoveTOTP takes the program away, confirmed or not.
func RemoveTOTP(tx *db.Tx, user id.User) error {
	n, err := tx.Exec(deleteTOTP, user)
	if err == nil && n == 0 {
		err = fault.NotFound("No program makes codes for you.")
	}
	return err
}

// digitsOf leaves the spaces out that people type between the halves.
func digitsOf(code string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, strings.TrimSpace(code))
}

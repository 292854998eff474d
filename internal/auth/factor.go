package auth

import (
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/seal"
)

const (
	selectTOTPState = "SELECT confirmed, used FROM users_totp WHERE user_id = ? AND confirmed <> 0"
	countCodes      = "SELECT COUNT(*) FROM users_code WHERE user_id = ? AND used = 0"
	insertCode      = "INSERT INTO users_code (user_id, hash, used) VALUES (?, ?, 0)"
	spendCode       = "UPDATE users_code SET used = ? WHERE user_id = ? AND hash = ? AND used = 0"
	deleteCodes     = "DELETE FROM users_code WHERE user_id = ?"
	demandedBy      = `SELECT COUNT(*) FROM members m JOIN orgs_door d ON d.org_id = m.org_id
		WHERE m.user_id = ? AND m.roles <> '' AND d.second_factor`
)

// Second factors, as a session remembers them.
const (
	ByTOTP    = "totp"
	ByPasskey = "passkey"
	ByCode    = "code"
)

// codes is how many recovery codes there are at a time.
const codes = 10

// Factors is how a person says who they are besides their password.
type Factors struct {
	TOTP     time.Time // when the program was confirmed; zero if there is none
	TOTPUsed time.Time
	Passkeys []Passkey
	Codes    int // recovery codes that are left
}

// Any reports whether there is a second factor. Recovery codes are none: they
// stand in for one that is lost.
func (f Factors) Any() bool { return !f.TOTP.IsZero() || len(f.Passkeys) > 0 }

// FactorsOf reads what a person has.
func FactorsOf(tx *db.Tx, user id.User) (Factors, error) {
	var (
		f               Factors
		confirmed, used int64
	)
	err := tx.Row(selectTOTPState, []any{user}, &confirmed, &used)
	if err != nil && !errors.Is(err, db.ErrNone) {
		return f, err
	}
	f.TOTP, f.TOTPUsed = clock.FromMillis(confirmed), clock.FromMillis(used)
	if f.Passkeys, err = passkeysOf(tx, user); err != nil {
		return f, err
	}
	return f, tx.Row(countCodes, []any{user}, &f.Codes)
}

// Demanded reports whether any organization of a person requires a second
// factor. The transaction must see all organizations.
func Demanded(tx *db.Tx, user id.User) (bool, error) {
	var n int64
	err := tx.Row(demandedBy, []any{user}, &n)
	return n > 0, err
}

// NewCodes makes ten recovery codes, in the place of those before.
func NewCodes(tx *db.Tx, user id.User) ([]string, error) {
	if _, err := tx.Exec(deleteCodes, user); err != nil {
		return nil, err
	}
	out := make([]string, codes)
	for i := range out {
		// 26 characters of 5 bits; ten of them are 50 bits, which nobody guesses
		// at the door and few would against a hash: they are good once.
		s := strings.ToLower(rand.Text())
		out[i] = s[0:5] + "-" + s[5:10] + "-" + s[10:15]
		if _, err := tx.Exec(insertCode, user, hashSecret(codeText(out[i]))); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// codeText is a recovery code however it was typed.
func codeText(s string) string { return strings.ToLower(digitsOf(s)) }

// UseSecond accepts a code of the program or, once, a recovery code, and says
// which it was.
func UseSecond(tx *db.Tx, k *seal.OrgKey, user id.User, code string, now time.Time) (factor string, err error) {
	code = digitsOf(code)
	if len(code) == totpDigits {
		ok, err := useCode(tx, k, user, code, now)
		if err != nil {
			return "", err
		}
		if ok {
			return ByTOTP, nil
		}
	}
	n, err := tx.Exec(spendCode, clock.Millis(now), user, hashSecret(codeText(code)))
	if err != nil {
		return "", err
	}
	if n == 0 {
		return "", fault.Invalid("code", "this is no code of now and no recovery code that is left; each is good once")
	}
	return ByCode, nil
}

// DropFactors takes every second factor of a person away.
func DropFactors(tx *db.Tx, user id.User) error {
	for _, q := range []string{deleteTOTP, deletePasskeys, deleteCodes} {
		if _, err := tx.Exec(q, user); err != nil {
			return err
		}
	}
	return nil
}

// DropCodes takes the recovery codes away, which stand in for nothing any more.
func DropCodes(tx *db.Tx, user id.User) error {
	_, err := tx.Exec(deleteCodes, user)
	return err
}

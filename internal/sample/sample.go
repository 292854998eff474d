// Package sample is how many items of a population are looked at, which ones,
// and what the outcome says of the rest. It is pure: from a sealed population
// and a revealed nonce anyone draws the same items. docs/sampling.md specifies
// the protocol.
package sample

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Protocol names the way of drawing. It is part of what is hashed, so another
// way has another name.
const Protocol = "soc2-sample/v1"

// A Nonce is the auditor's share of chance. Its commitment is logged before the
// population is sealed and the nonce itself revealed after, so neither side can
// steer the draw.
type Nonce [32]byte

// NewNonce takes a nonce from the system's source of chance.
func NewNonce() Nonce {
	var n Nonce
	rand.Read(n[:]) // ends the program rather than fail
	return n
}

// ParseNonce reads what String writes.
func ParseNonce(s string) (Nonce, error) {
	var n Nonce
	if len(s) != 64 {
		return n, fmt.Errorf("a nonce is 64 lower-case hexadecimal characters; this has %d", len(s))
	}
	if !isHex(s) {
		return n, fmt.Errorf("a nonce is 64 lower-case hexadecimal characters; this has others")
	}
	_, err := hex.Decode(n[:], []byte(s))
	return n, err
}

// isHex reports whether s is hexadecimal in lower case only: other spellings
// would be other bytes to hash.
func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func (n Nonce) String() string { return hex.EncodeToString(n[:]) }

// Commitment is what is logged before the population is known. It needs no salt:
// the nonce is 32 bytes of chance.
func (n Nonce) Commitment() [32]byte { return sha256.Sum256(n[:]) }

// Seed binds the nonce to one population, one control and one period. Neither
// control nor period may hold a line end: see CheckControl and ParsePeriod.
func (n Nonce) Seed(digest [32]byte, control, period string) Seed {
	mac := hmac.New(sha256.New, n[:])
	fmt.Fprintf(mac, "%s\n%x\n%s\n%s", Protocol, digest, control, period)
	return Seed(mac.Sum(nil))
}

// A Seed decides the rank of every item of one population.
type Seed [32]byte

func (s Seed) String() string { return hex.EncodeToString(s[:]) }

// CheckControl refuses a reference that cannot be part of a seed.
func CheckControl(ref string) error {
	if ref == "" {
		return fmt.Errorf("the reference of a control is not empty: give its code, such as CC6.1 or CHG-01")
	}
	if reason := unfit(ref); reason != "" {
		return fmt.Errorf("the reference of a control is one line of text; this %s", reason)
	}
	return nil
}

// ParsePeriod reads FROM/TO, two civil dates that are both part of it.
func ParsePeriod(s string) (from, to string, err error) {
	const days = len(time.DateOnly)
	if len(s) != 2*days+1 || s[days] != '/' {
		return "", "", fmt.Errorf("a period is its first and last day, such as 2026-01-01/2026-12-31; this is %s", quote(s))
	}
	from, to = s[:days], s[days+1:]
	if _, _, err := span(from, to); err != nil {
		return "", "", err
	}
	return from, to, nil
}

// span reads the two days of a period.
func span(from, to string) (first, last time.Time, err error) {
	if first, err = day(from); err != nil {
		return first, last, err
	}
	if last, err = day(to); err != nil {
		return first, last, err
	}
	if last.Before(first) {
		return first, last, fmt.Errorf("a period ends no earlier than it starts; this starts on %s and ends on %s", from, to)
	}
	return first, last, nil
}

func day(s string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return t, fmt.Errorf("a day is written as 2026-01-31 and exists; this is %s", quote(s))
	}
	return t, nil
}

// quote shows foreign text in an error without letting it fill the screen or
// steer the terminal.
func quote(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return fmt.Sprintf("%+q", s)
}

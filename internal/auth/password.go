package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/tickmark/tickmark/internal/fault"
)

// Argon2id parameters: OWASP's first choice for interactive sign-in.
const (
	argonTime   = 2
	argonMemory = 19 * 1024 // KiB
	argonLanes  = 1
	minPassword = 12
	maxPassword = 256
)

// common refuses what guessers try first among those long enough.
var common = []string{"password", "123456789012", "qwertyuiop", "letmein", "tickmark", "administrator"}

// HashPassword checks a new password and returns the text to store.
func HashPassword(password string) (string, error) {
	n := utf8.RuneCountInString(password)
	if n < minPassword || len(password) > maxPassword {
		return "", fault.Invalid("password", "give %d to %d characters; several words in a row are easy to keep in mind", minPassword, maxPassword)
	}
	low := strings.ToLower(password)
	for _, c := range common {
		if strings.HasPrefix(low, c) && len(low) < len(c)+8 {
			return "", fault.Invalid("password", "this is among the first that are guessed; give several unrelated words")
		}
	}
	salt := make([]byte, 16)
	rand.Read(salt)
	h := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonLanes, 32)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonLanes,
		b64.EncodeToString(salt), b64.EncodeToString(h)), nil
}

// decoy is checked when there is no such user, so that both answers take as
// long.
const decoy = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// passwordMatches compares in constant time. An unreadable hash matches
// nothing.
func passwordMatches(stored, password string) bool {
	var version, memory, time, lanes int
	parts := strings.Split(stored, "$")
	if len(parts) != 6 || len(password) > maxPassword {
		return false
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &time, &lanes); err != nil ||
		memory < 8 || memory > 4*argonMemory || time < 1 || time > 4*argonTime || lanes < 1 || lanes > 255 {
		return false
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	want, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(want) == 0 {
		return false
	}
	got := argon2.IDKey([]byte(password), salt, uint32(time), uint32(memory), uint8(lanes), uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1
}

// secretLen is the length of random secrets in bytes.
const secretLen = 32

// newSecret makes a secret to hand out once and the hash to store. The prefix
// lets people and scanners recognise what leaked.
func newSecret(prefix string) (secret string, hash []byte) {
	b := make([]byte, secretLen)
	rand.Read(b)
	secret = prefix + base64.RawURLEncoding.EncodeToString(b)
	return secret, hashSecret(secret)
}

// hashSecret needs no salt: the secrets are random and long.
func hashSecret(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}
